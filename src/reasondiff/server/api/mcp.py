"""``/mcp``: three tools for agents, as the Model Context Protocol has it over HTTP.

Each message is answered by itself, in JSON; no session is kept, so any server of several may answer any message.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from reasondiff import __version__
from reasondiff.errors import ReasonDiffError
from reasondiff.server.api import errors, schemas
from reasondiff.server.api.context import Owner, Parts, Seen
from reasondiff.server.api.forms import Fields, parse_json
from reasondiff.server.api.ordering import Asked, Ordering
from reasondiff.server.api.stories import tell
from reasondiff.server.api.videos import found, shown
from reasondiff.server.api.watching import Watchers
from reasondiff.server.service import Service
from reasondiff.web.refusal import Refusal

__all__ = ["router"]

router = APIRouter(tags=["agents"])

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Of the protocol; the newest is offered to whoever asks for another one."""

_IMAGE = {"type": "string", "description": "The image, as data:image/png;base64,..."}
_PROMPT = {"type": "string", "description": "What happens; it need not describe the image's moment."}
_NARRATIVE = {"type": "object", "description": "A story of the tool 'narrate', perhaps changed."}

TOOLS = [
    {
        "name": "narrate",
        "description": "Tell the story that an image and a text imply: where the image belongs, and what happens when.",
        "inputSchema": {
            "type": "object",
            "required": ["image", "prompt"],
            "properties": {"image": _IMAGE, "prompt": _PROMPT},
        },
    },
    {
        "name": "generate",
        "description": "Ask for a video of an image and a text. It takes a while; ask 'status' for it by its id.",
        "inputSchema": {
            "type": "object",
            "required": ["image"],
            "properties": {
                "image": _IMAGE,
                "prompt": _PROMPT,
                "narrative": _NARRATIVE,
                "seed": {"type": "integer", "minimum": 0},
            },
        },
    },
    {
        "name": "status",
        "description": "How far a video is, and where it can be fetched when it is completed.",
        "inputSchema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    },
]


@router.post("/mcp", openapi_extra=schemas.MESSAGE, responses=schemas.REFUSALS | schemas.MESSAGES)
async def message(request: Request, service: Parts, watchers: Seen, owner: Owner) -> Response:
    """One message of JSON-RPC."""
    try:
        asked = parse_json(await request.body(), None)
    except Refusal as error:
        return _failure(None, -32700, error.message, 400)
    if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0" or not isinstance(asked.get("method"), str):
        return _failure(None, -32600, "This is no message of JSON-RPC 2.0.", 400)
    number, method = asked.get("id"), asked["method"]
    if "id" not in asked:
        return Response(status_code=202)  # a notification
    if isinstance(number, bool) or not isinstance(number, int | str):
        return _failure(None, -32600, "The id is neither a number nor a text; give one.", 400)
    params = asked.get("params", {})
    if not isinstance(params, dict):
        return _failure(number, -32602, "The params are no object; give one.", 400)
    match method:
        case "initialize":
            wanted = params.get("protocolVersion")
            return _result(number, {
                "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "reasondiff", "version": __version__},
            })  # fmt: skip
        case "ping":
            return _result(number, {})
        case "tools/list":
            return _result(number, {"tools": TOOLS})
        case "tools/call":
            given = params.get("arguments", {})
            if params.get("name") not in [tool["name"] for tool in TOOLS] or not isinstance(given, dict):
                return _failure(number, -32602, "There is no such tool; ask tools/list.")
            return _result(number, await _call(request, service, watchers, owner, params["name"], given))
    return _failure(number, -32601, f"There is no method {method[:80]!r}.")


async def _call(
    request: Request, service: Service, watchers: Watchers, owner: str, tool: str, given: dict[str, Any]
) -> dict[str, Any]:
    """What a tool answers; what cannot be done is a result, so that the agent reads why."""
    try:
        content = await _answer(request, service, watchers, owner, tool, given)
    except (Refusal, ReasonDiffError) as error:
        refusal = error if isinstance(error, Refusal) else errors.of(error)
        return {"content": [{"type": "text", "text": refusal.message}], "isError": True}
    return {"content": [{"type": "text", "text": json.dumps(content)}], "structuredContent": content, "isError": False}


async def _answer(
    request: Request, service: Service, watchers: Watchers, owner: str, tool: str, given: dict[str, Any]
) -> dict[str, Any]:
    if tool == "status":
        job = await run_in_threadpool(found, service, str(given.get("id", ""))[:64], owner)
        video = (await run_in_threadpool(shown, service, job)).model_dump()
        if job.status == "completed":
            video["url"] = f"{str(request.base_url).rstrip('/')}/v1/videos/{job.id}/content"
        return video
    values = {name: value for name, value in given.items() if name != "image"}
    values["input_reference"] = given.get("image")
    fields = Fields(values, {}, is_form=False)
    asked = Asked(owner, None, fields.hash())
    if tool == "narrate":
        return (await tell(service, watchers, fields, asked, request.is_disconnected)).model_dump()
    job = await run_in_threadpool(Ordering(service).create, fields, asked)
    return (await run_in_threadpool(shown, service, job)).model_dump()


def _result(number: Any, result: dict[str, Any]) -> JSONResponse:
    return JSONResponse({"jsonrpc": "2.0", "id": number, "result": result})


def _failure(number: Any, code: int, message: str, status: int = 200) -> JSONResponse:
    error = {"code": code, "message": message}
    return JSONResponse({"jsonrpc": "2.0", "id": number, "error": error}, status)
