"""The two request forms of OpenAI-compatible servers, there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reasondiff.narrator.providers.base import Message, Reply, without_system
from reasondiff.narrator.providers.capabilities import Dialect
from reasondiff.narrator.providers.images import data_url, fit_within

__all__ = ["Question", "chat_reply", "chat_request", "responses_reply", "responses_request"]

Schema = Mapping[str, Any] | None


@dataclass(frozen=True)
class Question:
    """What ``Provider.complete`` was asked."""

    model: str
    messages: Sequence[Message]
    schema: Schema
    max_tokens: int
    temperature: float
    seed: int

    def turns(self, dialect: Dialect) -> Sequence[Message]:
        """The conversation, in turns that this server takes."""
        return self.messages if dialect.system else without_system(self.messages)


def chat_request(question: Question, dialect: Dialect) -> dict[str, Any]:
    """The body of a Chat Completions request."""
    body: dict[str, Any] = {
        "model": question.model,
        "messages": [_chat_message(m, dialect) for m in question.turns(dialect)],
    }
    body |= dialect.budget(question.max_tokens)
    if dialect.sampling:
        body |= {"temperature": question.temperature, "seed": question.seed}
    return body | _enforced(question.schema, dialect, lambda kind: {"response_format": kind}, nested=True)


def responses_request(question: Question, dialect: Dialect) -> dict[str, Any]:
    """The body of a Responses request; it knows no seed."""
    body: dict[str, Any] = {"model": question.model, "store": False}
    body["input"] = [_responses_message(m, dialect) for m in question.turns(dialect)]
    body |= dialect.budget(question.max_tokens)
    if dialect.sampling:
        body |= {"temperature": question.temperature}
    return body | _enforced(question.schema, dialect, lambda kind: {"text": {"format": kind}}, nested=False)


def chat_reply(answer: Any) -> Reply:
    """A Chat Completions answer.

    Raises:
        ValueError: it is not one.
    """
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
        raise ValueError("the answer has no choices")
    choice, usage = choices[0], getattr(answer, "usage", None)
    filtered = "the server's content filter" if choice.finish_reason == "content_filter" else ""
    return Reply(
        text=_text(choice.message.content),
        cut=choice.finish_reason == "length",
        refusal=_text(getattr(choice.message, "refusal", None)) or filtered,
        tokens_in=_count(usage, "prompt_tokens"),
        tokens_out=_count(usage, "completion_tokens"),
        details={"model": _text(getattr(answer, "model", None))},
    )


def responses_reply(answer: Any) -> Reply:
    """A Responses answer.

    Raises:
        ValueError: it is not one.
    """
    output = getattr(answer, "output", None)
    if not isinstance(output, list):
        raise ValueError("the answer has no output")
    parts = [part for item in output for part in getattr(item, "content", None) or []]
    usage, details = getattr(answer, "usage", None), getattr(answer, "incomplete_details", None)
    reason = getattr(details, "reason", "") if getattr(answer, "status", "") == "incomplete" else ""
    refused = " ".join(_text(getattr(part, "refusal", None)) for part in parts if part.type == "refusal")
    return Reply(
        text="".join(_text(getattr(part, "text", None)) for part in parts if part.type == "output_text"),
        cut=reason == "max_output_tokens",
        refusal=refused or ("the server's content filter" if reason == "content_filter" else ""),
        tokens_in=_count(usage, "input_tokens"),
        tokens_out=_count(usage, "output_tokens"),
        details={"model": _text(getattr(answer, "model", None))},
    )


def _enforced(schema: Schema, dialect: Dialect, put: Any, *, nested: bool) -> dict[str, Any]:
    """The part of a request that asks for ``schema``."""
    if schema is None or dialect.structure == "text":
        return {}
    if dialect.structure == "structured_outputs":
        return {"extra_body": {"structured_outputs": {"json": schema}}}
    if dialect.structure == "json_object":
        return put({"type": "json_object"})
    named = {"name": "reply", "strict": True, "schema": dialect.shaped(schema)}
    return put({"type": "json_schema", "json_schema": named} if nested else {"type": "json_schema", **named})


def _chat_message(message: Message, dialect: Dialect) -> dict[str, Any]:
    images = [{"type": "image_url", "image_url": {"url": url}} for url in _urls(message, dialect)]
    return _with_images(message, images, "text")


def _responses_message(message: Message, dialect: Dialect) -> dict[str, Any]:
    images = [{"type": "input_image", "image_url": url} for url in _urls(message, dialect)]
    return _with_images(message, images, "input_text")


def _urls(message: Message, dialect: Dialect) -> list[str]:
    return [data_url(fit_within(image, dialect.side)) for image in message.images]


def _with_images(message: Message, images: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    content = [*images, {"type": kind, "text": message.text}] if images else message.text
    return {"role": message.role, "content": content}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(usage: Any, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) else None
