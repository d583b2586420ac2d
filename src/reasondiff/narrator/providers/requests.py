"""The two request forms of OpenAI-compatible servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reasondiff.narrator.providers.base import Message, without_system
from reasondiff.narrator.providers.capabilities import Capabilities
from reasondiff.narrator.providers.images import data_url, fit_within

__all__ = ["Question", "chat_request", "responses_request"]

Schema = Mapping[str, object] | None


@dataclass(frozen=True)
class Question:
    """What ``Provider.complete`` was asked."""

    model: str
    messages: Sequence[Message]
    schema: Schema
    max_tokens: int
    temperature: float
    seed: int

    @property
    def asked_again(self) -> bool:
        """There is an earlier answer in the conversation."""
        return any(message.role == "assistant" for message in self.messages)

    @property
    def side(self) -> int:
        """Pixels of the longer side of the largest image; 0 without one."""
        return max((max(image.size) for message in self.messages for image in message.images), default=0)


def chat_request(question: Question, capabilities: Capabilities) -> dict[str, object]:
    """The body of a Chat Completions request."""
    body: dict[str, object] = {"model": question.model, "stream": capabilities.stream}
    body["messages"] = [_chat_message(message, capabilities) for message in _turns(question.messages, capabilities)]
    body[capabilities.limit] = capabilities.budget(question.max_tokens)
    if capabilities.sampling:
        body |= {"temperature": question.temperature, "seed": question.seed}
    return body | _enforced(question.schema, capabilities, lambda kind: {"response_format": kind}, nested=True)


def responses_request(question: Question, capabilities: Capabilities) -> dict[str, object]:
    """The body of a Responses request; it knows no seed."""
    # "stream" is said although it is the default: transformers serve streams unless told not to.
    body: dict[str, object] = {"model": question.model, "store": False, "stream": capabilities.stream}
    turns = _turns(question.messages, capabilities)
    body["input"] = [{"type": "message", **_responses_message(message, capabilities)} for message in turns]
    body[capabilities.limit] = capabilities.budget(question.max_tokens)
    if capabilities.sampling:
        body["temperature"] = question.temperature
    return body | _enforced(question.schema, capabilities, lambda kind: {"text": {"format": kind}}, nested=False)


def _turns(messages: Sequence[Message], capabilities: Capabilities) -> Sequence[Message]:
    """The conversation, in turns that this server takes."""
    return messages if capabilities.system else without_system(messages)


def _enforced(
    schema: Schema, capabilities: Capabilities, put: Callable[[dict[str, object]], dict[str, object]], *, nested: bool
) -> dict[str, object]:
    """The part of a request that asks for ``schema``."""
    if schema is None or capabilities.structure == "text":
        return {}
    if capabilities.structure == "json_object":
        return put({"type": "json_object"})
    if capabilities.structure == "json_object, schema":
        return put({"type": "json_object", "schema": schema})
    named = {"name": "reply", "strict": True, "schema": capabilities.shaped(schema)}
    return put({"type": "json_schema", "json_schema": named} if nested else {"type": "json_schema", **named})


def _chat_message(message: Message, capabilities: Capabilities) -> dict[str, Any]:
    images = [{"type": "image_url", "image_url": {"url": url}} for url in _urls(message, capabilities)]
    return _with_images(message, images, "text")


def _responses_message(message: Message, capabilities: Capabilities) -> dict[str, Any]:
    images = [{"type": "input_image", "image_url": url} for url in _urls(message, capabilities)]
    return _with_images(message, images, "input_text")


def _urls(message: Message, capabilities: Capabilities) -> list[str]:
    return [data_url(fit_within(image, capabilities.side), jpeg=capabilities.jpeg) for image in message.images]


def _with_images(message: Message, images: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    content = [*images, {"type": kind, "text": message.text}] if images else message.text
    return {"role": message.role, "content": content}
