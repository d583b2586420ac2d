"""What servers say when they refuse, word for word as they do, and what is meant."""

from __future__ import annotations

from typing import get_args

import pytest

from reasondiff.narrator.providers.capabilities import Capabilities
from reasondiff.narrator.providers.refusals import Refusal, refusal_of, token_limit

LLAMA = "meta-llama/Llama-3.2-11B-Vision-Instruct"

SAID: list[tuple[int, str, Refusal]] = [
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
    (404, "Not Found", "path"),
    (404, "<a href='https://schema.org'>no such page</a>", "path"),
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
    # Shorter answers, in everybody's words.
    (400, "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of "
     "5300 tokens: 2400 tokens from the input messages and 2900 tokens for the completion.", "room"),
    (422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 2400 `inputs` tokens and 2900 `max_new_tokens`",
     "room"),
    (400, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", "room"),
    (400, "max_tokens must be between 1 and 4096", "room"),
    (400, "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens", "room"),
    (400, "`max_tokens` must be less than or equal to `8192`", "room"),
    (400, "Range of max_tokens should be [1, 2048]", "room"),
    (400, "Requested tokens (4000) exceed context window of 2048", "length"),
    # What no other form of request would change.
    (408, "litellm.Timeout: the model took too long", "passing"),
    (425, "Too early", "passing"),
    (529, "Overloaded", "passing"),
    (402, "Insufficient credits. Add more using https://openrouter.ai/credits", "account"),
    (429, "You exceeded your current quota, please check your plan and billing details.", "account"),
    (400, "Authentication Error, No connected db.", "key"),
    (400, "API key not valid. Please pass a valid API key.", "key"),
    (400, "Incorrect API key provided: xa***it.", "key"),
    (400, "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
     "declined"),
    (400, "Your request was rejected as a result of our safety system. [content_policy_violation]", "declined"),
    (403, "Your chosen model requires moderation and your input was flagged for violence", "declined"),
    (405, "Method Not Allowed", "final"),
    (400, "prompting with images is incompatible with system messages.", "system"),
    (400, "System role not supported", "system"),
    (500, "Value is not callable... {{ raise_exception('System role not supported') }} grammar", "system"),
    (400, "The system message asks for a schema that is no schema: response_format", "schema"),
    (400, "Developer instruction is not enabled for models/gemma-3-27b-it", "system"),
    (500, "Conversation roles must alternate user/assistant/user/assistant/...", "system"),
    (400, "This model only supports streaming; set stream=true.", "stream"),
    (400, "height:10 or width:10 must be larger than factor:28 for the image", "image"),
    (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", "vision"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "said", "meant"), SAID, ids=lambda value: str(value)[:40])
def test_what_is_meant(status: int, said: str, meant: Refusal) -> None:
    assert refusal_of(status, said, LLAMA) == meant


def test_a_short_name_is_not_cut_out_of_words() -> None:
    assert refusal_of(400, "This model's maximum context length is 9 tokens.", "m") == "length"


EVERY = [*get_args(Refusal)]


@pytest.mark.parametrize("said", ["max_completion_tokens", "seed", "what?", "at most 900 tokens"])
@pytest.mark.parametrize("meant", EVERY)
def test_whatever_a_server_refuses_there_is_an_end_of_giving_in(meant: Refusal, said: str) -> None:
    known: Capabilities | None = Capabilities()
    seen = set()
    while known is not None:
        assert known not in seen
        seen.add(known)
        known = known.simpler(meant, said, asked=known.budget(2000), side=min(2048, known.side))
    assert len(seen) <= 8
    if meant in {"account", "declined", "image", "key", "length", "model", "passing", "path", "final", "vision"}:
        assert len(seen) == 1
    if meant == "request" and said == "what?":
        assert len(seen) == 3


@pytest.mark.parametrize(
    ("said", "asked", "limit"),
    [
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 9000, (8192, False)),
        ("max_tokens must be between 1 and 4,096", 9000, (4096, False)),
        ("max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens", 64000, (8192, False)),
        ("Error code 400: `max_tokens` must be less than or equal to `8192`", 9000, (8192, False)),
        ("4096 context: 2400 tokens from the input messages and 2900 tokens for the completion, 5300 in all", 2900,
         (1696, True)),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 2400 `inputs` tokens and 2900 `max_new_tokens`",
         2900, (1696, True)),
        ("This model's maximum context length is 4096 tokens. However, you requested 4500 output tokens and your "
         "prompt contains at least 800 input tokens, for a total of at least 4097 tokens.", 4500, (3296, True)),
        ("max_tokens is too large", 9000, None),
    ],
)  # fmt: skip
def test_a_token_limit_is_read_from_the_sentence(said: str, asked: int, limit: tuple[int, bool] | None) -> None:
    assert token_limit(said, asked) == limit
