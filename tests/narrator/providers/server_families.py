"""OpenAI-compatible servers, family by family: what each refuses, ignores, or writes in a place of its own.

The words are theirs. A quirk looks at a request and answers it, or returns None and leaves it to the next one; what
none of them answers gets the story, where and how that family writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.narrator.providers.misbehaving_server import Request, Say, chat_answer, responses_answer
from tests.narrator.stories import reply

Quirk = Callable[[Request], Say | None]
Written = Callable[[Request], Say]


# -- what is refused --------------------------------------------------------------------------------------------------


def refuses(when: Callable[[Request], bool], words: str = "", *, status: int = 400, body: Any = None) -> Quirk:
    """A refusal of requests of one kind, with a server's own words or body."""

    def answer(request: Request) -> Say | None:
        return Say(status=status, error=words, answer=body) if when(request) else None

    return answer


def asked_as(*structures: str) -> Callable[[Request], bool]:
    return lambda request: request.structure in structures


def has(key: str) -> Callable[[Request], bool]:
    return lambda request: key in request.body


def has_role(role: str) -> Callable[[Request], bool]:
    return lambda request: any(message["role"] == role for message in request.messages)


def more_tokens_than(most: int, key: str = "max_tokens") -> Callable[[Request], bool]:
    return lambda request: request.body.get(key, 0) > most


def not_streamed(request: Request) -> bool:
    return not request.body.get("stream")


def as_png(request: Request) -> bool:
    return any(image.format == "PNG" for image in request.images)


def context_of(tokens: int, question: int, words: str) -> Quirk:
    """A context that a question of so many tokens leaves too little of."""

    def answer(request: Request) -> Say | None:
        asked = request.body["max_tokens"]
        if asked + question <= tokens:
            return None
        return Say(status=400, error=words.format(asked=asked, total=asked + question))

    return answer


# -- where the story stands -------------------------------------------------------------------------------------------


def as_content(request: Request) -> Say:
    return Say(reply())


def in_prose(request: Request) -> Say:
    """As a model writes that nothing holds to a form."""
    return Say(f"Here is the story:\n```json\n{reply()}\n```\nShall I change it?")


def as_message(**fields: Any) -> Written:
    """In other fields of the message than its content."""
    return lambda request: Say(answer=chat_answer(Say(""), "m", **fields))


def in_events(request: Request) -> Say:
    text = reply()
    pieces = [{"choices": [{"delta": {"content": text[at : at + 50]}}]} for at in range(0, len(text), 50)]
    lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces]
    body = ": keep-alive\n\n" + "".join(lines) + "data: [DONE]\n\n"
    return Say(body=body.encode(), content_type="text/event-stream")


def in_typed_items(request: Request) -> Say:
    """As a reasoning model answers on the Responses API."""
    thinking = {"type": "reasoning", "id": "rs_1", "summary": []}
    answer = responses_answer(Say(reply()), "m")
    return Say(answer={**answer, "output": [thinking, *answer["output"]]})


# -- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """Servers of one kind.

    Args:
        quirks: asked in turn.
        first: the answer to the very first request, whatever it is.
        requests: that the first story takes at most.
        structure: how the reply's form is asked for in the end, as the record has it.
        written: how the story is answered.
        api: the request's form.
    """

    quirks: tuple[Quirk, ...] = ()
    first: Say | None = None
    requests: int = 1
    structure: str = "json_schema"
    written: Written = as_content
    api: str = "chat"


SOON = {"retry-after-ms": "1"}
ANY_SCHEMA = ("json_schema", "json_schema, unbounded")
OLD_LIMIT = refuses(
    has("max_tokens"),
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
)
ONE_TEMPERATURE = refuses(
    has("temperature"), "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is."
)
NO_SEED = refuses(
    has("seed"),
    status=422,
    body={"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
)

FAMILIES: dict[str, Family] = {
    "OpenAI, gpt-4o": Family(),
    "OpenAI, reasoning models": Family((OLD_LIMIT, ONE_TEMPERATURE), requests=3),
    "OpenAI, Responses": Family(api="responses", written=in_typed_items),
    "OpenAI, strict subset": Family(
        (refuses(asked_as("json_schema"),
                 "Invalid schema for response_format 'reply': In context=(), 'maxLength' is not permitted."),),
        requests=2, structure="json_schema, unbounded",
    ),
    "Azure": Family(
        (refuses(asked_as(*ANY_SCHEMA),
                 "response_format value as json_schema is enabled only for api versions 2024-08-01 and later"),),
        requests=4, structure="json_object, schema",
    ),
    "vLLM": Family(
        (context_of(4096, 2400, "This model's maximum context length is 4096 tokens. However, you requested {total} "
                    "tokens (2400 in the messages, {asked} in the completion). Please reduce the length."),),
        requests=2,
    ),
    "vLLM, reasoning parser": Family(written=as_message(content=None, reasoning_content=reply())),
    "SGLang": Family(
        (context_of(4096, 2400, "Requested token count exceeds the model's maximum context length of 4096 tokens. You "
                    "requested a total of {total} tokens: 2400 tokens from the input messages and {asked} tokens for "
                    "the completion."),),
        requests=2,
    ),
    "llama.cpp": Family(first=Say(status=503, error="Loading model", headers=SOON), requests=2),
    "llama.cpp, Responses": Family(
        (refuses(lambda request: any("type" not in item for item in request.body["input"]),
                 "Cannot determine type of 'item'"),),
        api="responses",
    ),
    "llama-cpp-python": Family(
        (refuses(asked_as(*ANY_SCHEMA, "text"), status=500,
                 body={"error": {"message": "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), "
                                            "'msg': \"Input should be 'text' or 'json_object'\"}]", "code": None}}),),
        requests=3, structure="json_object, schema",
    ),
    "Ollama": Family(written=as_message(content=reply(), reasoning="The vase is broken, so ...")),
    "LM Studio": Family(
        (refuses(asked_as("json_object", "json_object, schema"),
                 "'response_format.type' must be 'json_schema' or 'text'"),)
    ),
    "LiteLLM": Family(
        first=Say(status=408, error="litellm.Timeout: Connection timed out.", headers=SOON), requests=2
    ),
    "transformers serve": Family(structure="json_schema, not kept", written=in_prose),
    "TGI": Family(
        (refuses(lambda request: request.body["max_tokens"] > 1696, status=422,
                 body={"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: "
                                "2400 `inputs` tokens and 2000 `max_new_tokens`", "error_type": "validation"}),),
        requests=3,
    ),
    "DeepSeek": Family(
        (refuses(asked_as(*ANY_SCHEMA, "json_object, schema"), "This response_format type is unavailable now"),
         refuses(more_tokens_than(1500), "Invalid max_tokens value, the valid range of max_tokens is [1, 1500]")),
        requests=5, structure="json_object",
    ),
    "Mistral": Family(
        (NO_SEED,), requests=2,
        written=as_message(content=[
            {"type": "thinking", "thinking": [{"type": "text", "text": "A cat ..."}]},
            {"type": "text", "text": reply()},
        ]),
    ),
    "Gemini": Family(
        (refuses(asked_as("json_schema"), body=[{"error": {
            "code": 400, "status": "INVALID_ARGUMENT",
            "message": "Invalid JSON payload received. Unknown name \"maxLength\" at 'generation_config.response_schema"
                       ".properties[0].value': Cannot find field."}}]),),
        requests=2, structure="json_schema, unbounded",
    ),
    "Groq": Family(
        (refuses(has_role("system"), "prompting with images is incompatible with system messages"),
         refuses(asked_as(*ANY_SCHEMA), "This model does not support response format `json_schema`.")),
        requests=4, structure="json_object, schema",
    ),
    "OpenRouter": Family(
        first=Say(answer={"error": {"code": 429, "message": "Provider returned error"}}), requests=2,
        written=as_message(content="", reasoning=reply()),
    ),
    "a proxy of streams": Family(
        (refuses(not_streamed, "Non-stream chat completions are not supported; set stream=true."),),
        requests=2, written=in_events,
    ),
    "a proxy that only streams, unasked": Family(written=in_events),
    "an Express proxy": Family((refuses(as_png, "request entity too large", status=413),), requests=2),
    "a tool caller": Family(written=as_message(content=None, tool_calls=[
        {"id": "1", "type": "function", "function": {"name": "reply", "arguments": reply()}}])),
    "a double encoder": Family(structure="json_schema, not kept", written=lambda request: Say(json.dumps(reply()))),
    "Anthropic's compatibility": Family(
        (refuses(asked_as(*ANY_SCHEMA, "json_object, schema", "json_object"),
                 "response_format: Extra inputs are not permitted"),),
        requests=5, structure="text",
    ),
}  # fmt: skip


def answers(family: Family) -> Callable[[Request], Say]:
    """A family as the test server takes it."""

    waiting = [family.first] if family.first is not None else []

    def answer(request: Request) -> Say:
        if waiting:
            return waiting.pop()
        for quirk in family.quirks:
            if (said := quirk(request)) is not None:
                return said
        return family.written(request)

    return answer
