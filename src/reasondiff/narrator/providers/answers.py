"""What OpenAI-compatible servers send back, read as they really write it.

The text may stand in another field than the protocol's: as parts or an object, in the arguments of a tool call, or in
the field for thinking, where some servers put all that they were made to write by a grammar. An error may come with
status 200, and an answer in pieces that nobody asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reasondiff.narrator.providers.base import Reply

__all__ = ["body_of", "chat_reply", "error_in", "message_of", "responses_reply"]

Value = Mapping[str, Any]

FILTERED = "the server's content filter"
_STATUSES = {"rate": 429, "quota": 429, "overload": 503, "unavailable": 503, "server_error": 500, "timeout": 408}
"""HTTP statuses for what a code in words says."""


# -- bodies -----------------------------------------------------------------------------------------------------------


def body_of(text: str) -> Value:
    """The JSON object of an answer, or of the pieces of one that was streamed.

    Raises:
        ValueError: it is neither.
    """
    text = text.strip()
    value = json.loads(text) if text[:1] in {"{", "["} else _joined(list(_events(text)))
    if not isinstance(value, Mapping):
        raise ValueError("the answer is no JSON object")
    return value


def _events(text: str) -> Iterator[Value]:
    """The objects of a stream of server-sent events; comments, which keep a connection alive, are left out."""
    for block in re.split(r"\r?\n\r?\n|\r\r", text):
        lines = [line[5:].strip() for line in block.splitlines() if line.startswith("data:")]
        data = "\n".join(lines)
        if data and data != "[DONE]":
            value = json.loads(data)
            if isinstance(value, Mapping):
                yield value


def _joined(events: list[Value]) -> Value:
    """One answer from the pieces of a stream."""
    if not events:
        raise ValueError("the answer is empty")
    for event in events:
        if isinstance(event.get("response"), Mapping) and event["response"].get("output"):
            return event["response"]  # the last event of a Responses stream holds all of it
        if event.get("error"):
            return event
    deltas = [event for event in events if str(event.get("type", "")).endswith("output_text.delta")]
    if deltas:
        text = "".join(_text(event.get("delta")) for event in deltas)
        return {"output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}]}
    return _joined_chat(events)


def _joined_chat(events: list[Value]) -> Value:
    message: dict[str, Any] = {}
    arguments = ""
    finish: Any = None
    joined: dict[str, Any] = {}
    for event in events:
        joined |= {key: event[key] for key in ("model", "usage") if event.get(key)}
        choice = _first(event.get("choices"))
        finish = choice.get("finish_reason") or finish
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, Mapping):
            continue
        for key, piece in delta.items():
            if isinstance(piece, str) and key != "role":
                message[key] = message.get(key, "") + piece
        arguments += _arguments(delta)
    if arguments:
        message["tool_calls"] = [{"function": {"arguments": arguments}}]
    if not message and finish is None:
        raise ValueError("the stream holds no answer")
    return {**joined, "choices": [{"message": message, "finish_reason": finish}]}


# -- errors -----------------------------------------------------------------------------------------------------------


def error_in(value: Value) -> tuple[int, str] | None:
    """Status and words of an error that came with status 200; None if there is none."""
    choice = _first(value.get("choices"))
    error = value.get("error") or choice.get("error")
    if value.get("object") == "error":
        error = value
    if not error and choice.get("finish_reason") == "error":
        error = {"message": "the answer ended with an error", "code": 500}
    if not error and value.get("status") == "failed":
        error = {"message": "the answer failed", "code": 500}
    if not error:
        return None
    code = error.get("code") or error.get("status") or error.get("type") if isinstance(error, Mapping) else None
    return _status(code), message_of({"error": error})


def _status(code: object) -> int:
    if isinstance(code, int) and 400 <= code < 600:
        return code
    word = str(code).casefold()
    if word.isdigit() and 400 <= int(word) < 600:
        return int(word)
    return next((status for part, status in _STATUSES.items() if part in word), 400)


def message_of(body: object) -> str:
    """The words of an error, however deep a server hides them, with its code where the words do not hold it."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(message_of, body[:5])))
    if not isinstance(body, Mapping):
        return ""
    inner = body.get("error")
    if isinstance(inner, Mapping | list) or (isinstance(inner, str) and not body.get("message")):
        return message_of(inner)
    found = next((body[key] for key in ("message", "detail", "msg", "error_description") if body.get(key)), None)
    words = message_of(found) if found is not None else json.dumps(body)[:500]
    place = body.get("loc")  # FastAPI's: which field is meant
    if isinstance(place, list):
        words = f"{'.'.join(map(str, place))}: {words}"
    metadata = body.get("metadata")  # OpenRouter's: what the server behind it said
    if isinstance(metadata, Mapping) and isinstance(metadata.get("raw"), str):
        words = f"{words}: {metadata['raw']}"
    code = body.get("code")
    spoken = isinstance(code, str) and not code.isdigit() and code.casefold() not in words.casefold()
    return f"{words} [{code}]" if spoken else words


# -- replies ----------------------------------------------------------------------------------------------------------


def chat_reply(answer: Value) -> Reply:
    """A Chat Completions answer.

    Raises:
        ValueError: it is not one.
    """
    choice = _first(answer.get("choices"))
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise ValueError("the answer has no choices")
    finish = choice.get("finish_reason")
    thinking = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    text, field = _text(message.get("content")), ""
    if not text.strip() and (arguments := _arguments(message)):
        text, field = arguments, "tool_calls"
    if not text.strip() and thinking.strip():
        # Cut off while it thought, a model has told nothing; otherwise a server took its answer for thinking.
        text, field = (f"<think>{thinking}", "") if finish == "length" else (thinking, "reasoning")
    usage = answer.get("usage")
    return Reply(
        text=text,
        cut=finish == "length",
        refusal=_text(message.get("refusal")) or (FILTERED if finish == "content_filter" else ""),
        tokens_in=_count(usage, "prompt_tokens"),
        tokens_out=_count(usage, "completion_tokens"),
        details={"model": _text(answer.get("model")), **({"read_from": field} if field else {})},
    )


def responses_reply(answer: Value) -> Reply:
    """A Responses answer.

    Raises:
        ValueError: it is not one.
    """
    output = answer.get("output")
    if not isinstance(output, list):
        raise ValueError("the answer has no output")
    items = [item for item in output if isinstance(item, Mapping)]
    messages = [item for item in items if item.get("type", "message") == "message"]
    parts = [part for item in messages for part in _parts(item.get("content"))]
    details = answer.get("incomplete_details")
    reason = details.get("reason", "") if isinstance(details, Mapping) else ""
    refused = " ".join(_text(part.get("refusal")) for part in parts if part.get("type") == "refusal")
    text, field = "".join(_text(item.get("content")) for item in messages) or _text(answer.get("output_text")), ""
    if not text.strip():
        text = "".join(_arguments({"function_call": item}) for item in items if item.get("type") == "function_call")
        field = "tool_calls" if text else ""
    thinking = "".join(_text(item.get("content")) for item in items if item.get("type") == "reasoning")
    if not text.strip() and thinking.strip():
        cut = reason == "max_output_tokens"
        text, field = (f"<think>{thinking}", "") if cut else (thinking, "reasoning")
    usage = answer.get("usage")
    return Reply(
        text=text,
        cut=reason == "max_output_tokens",
        refusal=refused or (FILTERED if reason == "content_filter" else ""),
        tokens_in=_count(usage, "input_tokens"),
        tokens_out=_count(usage, "output_tokens"),
        details={"model": _text(answer.get("model")), **({"read_from": field} if field else {})},
    )


def _first(choices: object) -> Value:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, Mapping) else {}


def _parts(content: object) -> list[Value]:
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


def _text(content: object) -> str:
    """A text, the text parts of a list, or an object as JSON; "" for anything else."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_part(part) for part in content)
    if isinstance(content, Mapping) and content:
        inside = content.get("text")
        return inside if isinstance(inside, str) else json.dumps(content, ensure_ascii=False)
    return ""


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping) or part.get("type") in {"thinking", "reasoning", "refusal"}:
        return ""
    inside = part.get("text", part.get("content"))
    if isinstance(inside, Mapping):  # {"type": "text", "text": {"value": "..."}}
        inside = inside.get("value")
    if isinstance(inside, str):
        return inside
    return "" if "type" in part else json.dumps(part, ensure_ascii=False)


def _arguments(message: Value) -> str:
    """What a model wrote as the arguments of tools; objects as JSON."""
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    functions.append(message.get("function_call"))
    return "".join(_text(function.get("arguments")) for function in functions if isinstance(function, Mapping))


def _count(usage: object, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, Mapping) else None
    return value if isinstance(value, int) else None
