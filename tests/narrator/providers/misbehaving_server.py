"""An OpenAI-compatible server on loopback that answers as told, well or badly. The official client talks to it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from PIL import Image


@dataclass
class Say:
    """One answer, and everything that may be wrong with it."""

    text: str = ""
    finish: str = "stop"  # or length, content_filter
    refusal: str | None = None
    status: int = 200
    error: str = "it went wrong"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pieces: int = 1  # of the body, each after ``delay``
    body: bytes | None = None  # instead of a well-formed answer
    answer: Any = None  # the same as JSON
    blanks: int = 0  # of lines that keep the connection alive before the body, each after ``delay``
    content_type: str = "application/json"
    cut: bool = False  # close the connection in the middle of the body


@dataclass
class Request:
    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    method: str = "POST"
    query: str = ""

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body.get("messages") or self.body["input"]

    @property
    def texts(self) -> list[str]:
        """Every text of the conversation, in order."""
        found = []
        for message in self.messages:
            content = message["content"]
            parts = [{"text": content}] if isinstance(content, str) else content
            found += [part["text"] for part in parts if "text" in part]
        return found

    @property
    def images(self) -> list[Image.Image]:
        urls = []
        for message in self.messages:
            for part in message["content"] if isinstance(message["content"], list) else []:
                url = part.get("image_url")
                urls += [url["url"] if isinstance(url, dict) else url] if url else []
        return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]

    @property
    def structure(self) -> str:
        """How the reply's form was asked for."""
        wanted = self.body.get("response_format") or self.body.get("text", {}).get("format") or {}
        kind = wanted.get("type", "text")
        if kind == "json_object" and "schema" in wanted:
            return "json_object, schema"
        return kind + ("" if kind != "json_schema" or "maxLength" in json.dumps(wanted) else ", unbounded")


class Server:
    """Answers by ``answer``: a ``Say``, a list of them of which the last stays, or a function of the request."""

    def __init__(self) -> None:
        self.answer: Say | list[Say] | Callable[[Request], Say] = Say()
        self.requests: list[Request] = []
        self.at_once = self.most_at_once = 0
        self.models = ["gpt-4o", "qwen-vl"]
        self.url = ""

    def next_answer(self, request: Request) -> Say:
        if isinstance(self.answer, Say):
            return self.answer
        if isinstance(self.answer, list):
            return self.answer.pop(0) if len(self.answer) > 1 else self.answer[0]
        return self.answer(request)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        if scope["path"] == "/v1/models":
            listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
            return await self.send(send, 200, json.dumps(listed).encode())
        if scope["path"] not in {"/v1/chat/completions", "/v1/responses"}:
            return await self.send(send, 404, b'{"detail":"Not Found"}')
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        request = Request(scope["path"], json.loads(body or b"{}"), headers, scope["method"], query)
        self.requests.append(request)
        self.receive = receive
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.reply(send, request, self.next_answer(request))
        finally:
            self.at_once -= 1

    async def reply(self, send: Any, request: Request, say: Say) -> None:
        if say.delay:
            await asyncio.sleep(say.delay)
        if say.body is not None:
            body = say.body
        elif say.answer is not None:
            body = json.dumps(say.answer).encode()
        elif say.status != 200:
            body = json.dumps({"error": {"message": say.error, "type": "invalid_request_error"}}).encode()
        else:
            shape = chat_answer if request.path.endswith("completions") else responses_answer
            body = json.dumps(shape(say, request.body.get("model", ""))).encode()
        await self.send(send, say.status, body, say)

    async def left(self, seconds: float) -> bool:
        """Whether the client hangs up within this time."""
        try:
            event = await asyncio.wait_for(self.receive(), seconds)
        except TimeoutError:
            return False
        return event["type"] == "http.disconnect"

    async def send(self, send: Any, status: int, body: bytes, say: Say | None = None) -> None:
        say = say or Say()
        headers = {"content-type": say.content_type, "content-length": str(say.blanks + len(body)), **say.headers}
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        for _ in range(say.blanks):
            await send({"type": "http.response.body", "body": b"\n", "more_body": True})
            if await self.left(say.delay):
                return
        if say.cut:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            return
        pieces, slow = (say.pieces, say.delay) if say else (1, 0.0)
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            await asyncio.sleep(slow if pieces > 1 else 0)
        await send({"type": "http.response.body", "body": b""})


def chat_answer(say: Say, model: str, **fields: Any) -> dict[str, Any]:
    """A Chat Completions answer; ``fields`` of its message instead of the protocol's."""
    message = {"role": "assistant", "content": None if say.refusal else say.text, "refusal": say.refusal, **fields}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": f"{model}-2024",
        "choices": [{"index": 0, "message": message, "finish_reason": say.finish}],
        "usage": {"prompt_tokens": 700, "completion_tokens": 70, "total_tokens": 770},
    }  # fmt: skip


def responses_answer(say: Say, model: str) -> dict[str, Any]:
    part = (
        {"type": "refusal", "refusal": say.refusal}
        if say.refusal
        else {"type": "output_text", "text": say.text, "annotations": []}
    )
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(say.finish)
    return {
        "id": "resp_1", "object": "response", "created_at": 0, "model": f"{model}-2024", "error": None, "tools": [],
        "status": "incomplete" if reason else "completed", "incomplete_details": {"reason": reason} if reason else None,
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}],
        "parallel_tool_calls": False, "tool_choice": "auto", "instructions": None, "metadata": {},
        "usage": {"input_tokens": 700, "output_tokens": 70, "total_tokens": 770,
                  "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip


@contextmanager
def running() -> Iterator[Server]:
    """A server on a free port of 127.0.0.1, for as long as the block lasts."""
    app = Server()
    runner = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    while not runner.started:
        time.sleep(0.005)
    port = runner.servers[0].sockets[0].getsockname()[1]
    app.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield app
    finally:
        runner.should_exit = True
        thread.join(5)
