"""What servers say when they refuse, word for word as they do, and what is meant."""

from __future__ import annotations

import pytest

from reasondiff.narrator.providers.capabilities import Dialect
from reasondiff.narrator.providers.refusals import Objection, objection

LLAMA = "meta-llama/Llama-3.2-11B-Vision-Instruct"

SAID: list[tuple[int, str, Objection]] = [
    (401, "Incorrect API key provided", "key"),
    (429, "Rate limit reached for images", "passing"),
    (500, "Internal Server Error", "passing"),
    (503, "The model is overloaded", "passing"),
    # The first key of our schema is "image", and strict servers name the place of what they do not take.
    (400, "Invalid schema for response_format 'reply': In context=('properties', 'image'), 'maxLength' is not "
     "permitted.", "schema"),
    (400, "Invalid value for 'response_format.type': 'json_schema' is not supported with this model.", "schema"),
    (400, "Failed to parse grammar", "schema"),
    # The captioner of the paper has "Vision" in its name.
    (404, f"The model `{LLAMA}` does not exist.", "model"),
    (404, f'model "{LLAMA}" not found, try pulling it first', "model"),
    (400, f"{LLAMA} is not a valid model ID", "model"),
    (404, "Not Found", "request"),
    (404, "<a href='https://schema.org'>no such page</a>", "request"),
    # An answer that leaves no room for the question can be asked for shorter; a question that is too long cannot.
    (400, "'max_tokens' or 'max_completion_tokens' is too large: 4500. This model's maximum context length is 4096 "
     "tokens and your request has 800 input tokens (4500 > 4096 - 800).", "room"),
    (400, "This model's maximum context length is 4096 tokens. However, you requested 5300 tokens (800 in the "
     "messages, 4500 in the completion). Please reduce the length of the messages or completion.", "room"),
    (400, "This model's maximum context length is 4096 tokens. However, you requested 4500 output tokens and your "
     "prompt contains at least 800 input tokens, for a total of at least 4097 tokens.", "room"),
    (400, "This model's maximum context length is 4096 tokens. However, your messages resulted in 9000 tokens.",
     "length"),
    (400, "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "request"),
    (400, "Unsupported value: 'temperature' does not support 0 with this model.", "request"),
    (413, "Request Entity Too Large", "size"),
    (400, "The image size is 25.3MB, which exceeds the allowed limit of 20MB.", "size"),
    (400, "Image size must not exceed 20 MB.", "size"),
    (400, "Invalid image: it is not supported because it is too large.", "size"),
    (400, "Invalid content type. image_url is only supported by certain models.", "vision"),
    (400, f"{LLAMA} is not a multimodal model", "vision"),
    (400, "At most 0 image(s) may be provided in one request.", "vision"),
    (400, "Model does not support images. Please use a model that does.", "vision"),
    (400, "this model does not support image input", "vision"),
    (500, "this model is missing data required for image input", "vision"),
    # Templates that have no place for an instruction, through vLLM, Groq, llama.cpp and Google's own server.
    (400, "prompting with images is incompatible with system messages", "system"),
    (400, "System role not supported", "system"),
    (500, "Value is not callable... {{ raise_exception('System role not supported') }} grammar", "system"),
    (400, "Developer instruction is not enabled for models/gemma-3-27b-it", "system"),
    (400, "Conversation roles must alternate user/assistant/user/assistant/...", "system"),
    (400, "The system message asks for a schema that is no schema: response_format", "schema"),
    (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", "vision"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "said", "meant"), SAID, ids=lambda value: str(value)[:40])
def test_what_is_meant(status: int, said: str, meant: Objection) -> None:
    assert objection(status, said, LLAMA) == meant


def test_a_short_name_is_not_cut_out_of_words() -> None:
    assert objection(400, "This model's maximum context length is 9 tokens.", "m") == "length"


@pytest.mark.parametrize("said", ["max_completion_tokens", "seed", "what?"])
@pytest.mark.parametrize(
    "meant", ["size", "room", "schema", "request", "system", "length", "vision", "model", "key", "passing"]
)
def test_whatever_a_server_refuses_there_is_an_end_of_giving_in(meant: Objection, said: str) -> None:
    dialect: Dialect | None = Dialect()
    seen = set()
    while dialect is not None:
        assert dialect not in seen
        seen.add(dialect)
        dialect = dialect.simpler(meant, said)
    assert len(seen) <= 8
