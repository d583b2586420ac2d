"""Families of servers and their quirks: what each really sends, and what becomes of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from PIL import Image

from reasondiff.errors import NarrationError, ProviderError
from reasondiff.narrative import Narrative
from reasondiff.narrator import load_narrator, load_provider
from reasondiff.narrator.providers.base import Message
from tests.narrator.providers.misbehaving_server import Request, Say, Server, chat_answer, responses_answer
from tests.narrator.stories import VASE, reply, same_story

SOON = {"retry-after-ms": "1"}


def narrate(server: Server, image: Image.Image, **options: Any) -> Narrative:
    options = {"url": server.url, "cache": False, "retries": 0, **options}
    return load_narrator("openai:m", **options).narrate(image, "A cat plays", num_frames=33, interval=0.2)


def chat(finish: str = "stop", **fields: Any) -> Say:
    """A Chat Completions answer whose message has these fields."""
    return Say(answer=chat_answer(Say("", finish=finish), "m", **fields))


def output(*items: dict[str, Any], **fields: Any) -> Say:
    """A Responses answer of these items."""
    return Say(answer={**responses_answer(Say(""), "m"), "output": list(items), **fields})


def events(*values: object) -> Say:
    lines = [f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n" for value in values]
    return Say(body=(": OPENROUTER PROCESSING\n\n" + "".join(lines)).encode(), content_type="text/event-stream")


def deltas(text: str) -> list[dict[str, Any]]:
    pieces = [{"choices": [{"delta": {"content": text[n : n + 40]}}]} for n in range(0, len(text), 40)]
    return [
        {"choices": [{"delta": {"role": "assistant"}}]},
        *pieces,
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    ]


# -- where the story stands -------------------------------------------------------------------------------------------

STORY = json.loads(reply())
ANYWHERE: dict[str, tuple[str, Say]] = {
    "vLLM: a grammar's text taken for thinking": ("chat", chat(content=None, reasoning_content=reply())),
    "OpenRouter: reasoning": ("chat", chat(content="", reasoning=reply())),
    "Mistral: parts with thinking": ("chat", chat(content=[
        {"type": "thinking", "thinking": [{"type": "text", "text": reply(position=1)}]},
        {"type": "text", "text": reply()}])),
    "parts of parts": ("chat", chat(content=[{"type": "text", "text": {"value": reply()}}])),
    "an object": ("chat", chat(content=STORY)),
    "a list of the object": ("chat", chat(content=[STORY])),
    "a tool's arguments": ("chat", chat(content=None, tool_calls=[
        {"id": "1", "type": "function", "function": {"name": "reply", "arguments": reply()}}])),
    "a tool's arguments as an object": ("chat", chat(content=None, tool_calls=[{"function": {"arguments": STORY}}])),
    "a function of old": ("chat", chat(content=None, function_call={"name": "reply", "arguments": reply()})),
    "encoded twice": ("chat", Say(json.dumps(reply()))),
    "encoded three times": ("chat", Say(json.dumps(json.dumps(reply())))),
    "encoded twice, without quotes": ("chat", Say(json.dumps(reply())[1:-1])),
    "encoded twice in a fence": ("chat", Say(f"```json\n{json.dumps(reply())}\n```")),
    "as the only description": ("chat", Say(json.dumps(
        {"position": 33, "clips": [{"end": 33, "description": reply()}]}))),
    "streamed unasked": ("chat", events(*deltas(reply()), "[DONE]")),
    "Responses: a function call": ("responses", output({"type": "function_call", "name": "r", "arguments": reply()})),
    "Responses: thinking only": ("responses", output({"type": "reasoning", "content": [
        {"type": "reasoning_text", "text": reply()}]})),
    "Responses: a text": ("responses", output({"type": "message", "role": "assistant", "content": reply()})),
    "Responses: output_text": ("responses", output(output_text=reply())),
    "Responses: thinking first": ("responses", output(
        {"type": "reasoning", "summary": [], "content": None},
        {"type": "message", "content": [{"type": "output_text", "text": reply()}]})),
    "Responses: streamed unasked": ("responses", events(
        {"type": "response.created", "response": {"output": []}},
        {"type": "response.completed", "response": responses_answer(Say(reply()), "m")})),
    "Responses: streamed and cut short": ("responses", events(
        {"type": "response.output_text.delta", "delta": reply()[:50]},
        {"type": "response.output_text.delta", "delta": reply()[50:]})),
}  # fmt: skip


@pytest.mark.parametrize("name", ANYWHERE)
def test_the_story_is_read_wherever_it_stands(server: Server, image: Image.Image, name: str) -> None:
    api, server.answer = ANYWHERE[name]
    narrative = narrate(server, image, api=api)
    assert same_story(narrative, VASE) and len(server.requests) == 1
    json.dumps(narrative.to_dict())


def test_a_model_that_only_thinks_until_its_tokens_end_is_given_more(server: Server, image: Image.Image) -> None:
    server.answer = [chat("length", content=None, reasoning_content="Let me think. {"), Say(reply())]
    narrative = narrate(server, image)
    assert same_story(narrative, VASE)
    assert narrative.provenance["complaints"] == [
        ["You used all tokens for thinking; think less, and write the story."]
    ]
    assert server.requests[1].body["max_tokens"] == 2 * server.requests[0].body["max_tokens"]
    server.answer = chat("length", content=None, reasoning_content="Hm.")
    with pytest.raises(NarrationError, match="used all tokens for thinking"):
        narrate(server, image)


# -- errors that come with status 200 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": 429, "message": "Rate limited upstream."}},
        {"error": {"code": "rate_limit_exceeded", "message": "Slow down."}, "choices": None},
        {"error": {"code": 502, "message": "Provider returned error"}},
        {
            "choices": [
                {"message": {"content": ""}, "finish_reason": "error", "error": {"code": 503, "message": "Gone"}}
            ]
        },
        {"choices": [{"message": {"content": ""}, "finish_reason": "error"}]},
    ],
)
def test_a_passing_error_with_status_200_is_waited_for(server: Server, image: Image.Image, error: dict) -> None:
    server.answer = [Say(answer=error), Say(reply())]
    assert same_story(narrate(server, image, retries=1), VASE)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": {"code": 402, "message": "Insufficient credits."}}, "no credit left .*Insufficient credits"),
        ({"error": {"code": 400, "message": "A teapot."}}, "refuses the request .*A teapot"),
        ({"error": "A plain text."}, "A plain text"),
        ({"object": "error", "message": "Said the old way.", "code": 404}, "Said the old way|no such path"),
        ({"choices": None}, "does not answer like"),
    ],
)
def test_an_error_with_status_200_is_quoted(server: Server, image: Image.Image, answer: dict, words: str) -> None:
    server.answer = Say(answer=answer)
    with pytest.raises(ProviderError, match=words):
        narrate(server, image)


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "words", "most"),
    [
        (402, {"error": {"message": "Insufficient credits"}}, "no credit left", 1),
        (
            400,
            {"error": {"message": "Authentication Error, No connected db."}},
            "wants a key .*export OPENAI_API_KEY",
            1,
        ),
        (
            400,
            [{"error": {"message": "API key not valid. Please pass a valid API key."}}],
            "wants a key .*not valid",
            1,
        ),
        (401, {"detail": "Unauthorized"}, "wants a key .*Unauthorized.*; export OPENAI_API_KEY", 1),
        (405, {"detail": "Method Not Allowed"}, "refuses the request .*Method Not Allowed", 1),
        (404, {"detail": "Not Found"}, "has no such path .*ends in /v1", 1),
        (400, {"error": {"message": "what?"}}, "refuses the request .*what", 3),
        (422, {"detail": [{"loc": ["body", "x"], "msg": "Field required"}]}, r"body\.x: Field required", 3),
        (500, {"error": {"message": "schema: cannot compile grammar"}}, "cannot compile grammar", 5),
        (500, {"detail": "image input is not supported"}, "takes no images", 1),
        (
            400,
            {"error": {"message": "you requested 324872 tokens, the context length is 4096"}},
            "reads the image as text",
            1,
        ),
        (400, {"error": {"message": "the maximum context length is 2048 tokens"}}, "num_ctx", 1),
        (400, {"error": {"message": "height must be larger than 28 for the image"}}, "does not take the image", 1),
        (
            400,
            {"error": {"message": "Provider returned error", "metadata": {"raw": "its own words"}}},
            "its own words",
            3,
        ),
    ],
)
def test_a_refusal_takes_no_more_requests_than_it_needs(
    server: Server, image: Image.Image, status: int, body: Any, words: str, most: int
) -> None:
    server.answer = Say(status=status, answer=body)
    with pytest.raises(ProviderError, match=words):
        narrate(server, image, retries=4)
    assert len(server.requests) <= most


def test_a_500_says_to_look_into_the_log(server: Server, image: Image.Image) -> None:
    server.answer = Say(status=500, error="Internal Server Error", headers=SOON)
    with pytest.raises(
        ProviderError, match=r"failed 2 times \(500: Internal Server Error\); look into the server's log"
    ):
        narrate(server, image, retries=1)


@pytest.mark.parametrize(
    "body",
    [
        {
            "error": {
                "code": "content_filter",
                "message": "The response was filtered due to our content management policy.",
            }
        },
        {"error": {"code": "content_policy_violation", "message": "Rejected as a result of our safety system."}},
    ],
)
def test_a_policy_declines_the_story_at_once(server: Server, image: Image.Image, body: dict) -> None:
    server.answer = Say(status=400, answer=body)
    with pytest.raises(NarrationError, match=r"declined; .* It replied"):
        narrate(server, image)
    assert len(server.requests) == 1


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_server_without_a_systems_turn_gets_its_text_in_the_users(
    server: Server, image: Image.Image, api: str
) -> None:
    def answer(request: Request) -> Say:
        if any(message["role"] == "system" for message in request.messages):
            return Say(status=400, error="prompting with images is incompatible with system messages.")
        return Say(reply(position=99) if len(server.requests) == 2 else reply())

    server.answer = answer
    assert same_story(narrate(server, image, api=api), VASE)
    assert [message["role"] for message in server.requests[-1].messages] == ["user", "assistant", "user"]
    assert (
        "You are given an unpaired image" in server.requests[-1].texts[0]
        and "A cat plays" in server.requests[-1].texts[0]
    )
    assert len(server.requests) == 3  # learnt once


@pytest.mark.parametrize(
    "said",
    [
        "Invalid max_tokens value, the valid range of max_tokens is [1, 1500]",
        "max_tokens must be between 1 and 1,500",
        "`max_tokens` must be less than or equal to `1500`",
    ],
)
def test_a_token_limit_in_any_sentence_is_kept_to(server: Server, image: Image.Image, said: str) -> None:
    server.answer = lambda request: Say(reply()) if request.body["max_tokens"] <= 1500 else Say(status=400, error=said)
    narrator = load_narrator("openai:m", url=server.url, cache=False, retries=0)
    for _ in range(2):
        narrator.narrate(image, "A cat", num_frames=33, interval=0.2)
    assert [request.body["max_tokens"] for request in server.requests[1:]] == [1500, 1500]


def test_what_a_context_leaves_is_asked_for(server: Server, image: Image.Image) -> None:
    def answer(request: Request) -> Say:
        asked = request.body["max_tokens"]
        if asked + 2400 <= 4096:
            return Say(reply())
        return Say(status=400, error="Requested token count exceeds the model's maximum context length of 4096 tokens. "
                   f"You requested a total of {asked + 2400} tokens: 2400 tokens from the input messages and {asked} "
                   "tokens for the completion.")  # fmt: skip

    server.answer = answer
    assert same_story(narrate(server, image), VASE)
    assert [request.body["max_tokens"] for request in server.requests][1:] == [1696]


def test_a_picture_too_large_in_bytes_is_sent_as_jpeg_first(server: Server) -> None:
    noise = Image.effect_noise((512, 512), 90).convert("RGB")
    server.answer = lambda request: (
        Say(reply()) if request.images[0].format == "JPEG" else Say(status=413, error="Payload Too Large")
    )
    narrate(server, noise)
    assert len(server.requests) == 2 and server.requests[1].images[0].size == (512, 512)
    server.answer = Say(status=413, error="Payload Too Large")
    server.requests.clear()
    with pytest.raises(ProviderError, match="even a small copy"):
        narrate(server, noise)
    assert [request.images[0].size[0] for request in server.requests] == [512, 512, 256]


# -- what is asked in, and what is not kept to ------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_request_says_that_it_wants_no_stream_and_what_its_items_are(
    server: Server, image: Image.Image, api: str
) -> None:
    server.answer = [Say(reply(position=99)), Say(reply())]
    narrate(server, image, api=api)
    assert all(request.body["stream"] is False for request in server.requests)
    if api == "responses":
        assert all(item["type"] == "message" for request in server.requests for item in request.body["input"])


def test_a_server_that_only_streams_is_asked_to(server: Server, image: Image.Image) -> None:
    def answer(request: Request) -> Say:
        if not request.body.get("stream"):
            return Say(status=400, error="This model only supports streaming; set stream to true.")
        return events(*deltas(reply()), "[DONE]")

    server.answer = answer
    assert same_story(narrate(server, image), VASE) and len(server.requests) == 2


def test_a_server_that_ignores_the_schema_is_found_out(server: Server, image: Image.Image) -> None:
    """transformers serve, and llama-server's Responses: accepted, not kept, and recorded as if it had been."""
    server.answer = [Say(f"Here it is: {reply()}"), Say(reply()), Say("Well."), Say("Well.")]
    narrator = load_narrator("openai:m", url=server.url, cache=False, retries=0, reasks=0)
    told = [narrator.narrate(image, "A cat", num_frames=33, interval=0.2) for _ in range(2)]
    assert [story.provenance["structure"] for story in told] == ["json_schema, not kept", "json_object, schema"]
    with pytest.raises(NarrationError, match="does not enforce the reply's form"):
        narrator.narrate(image, "A cat", num_frames=33, interval=0.2)
    with pytest.raises(NarrationError):
        narrator.narrate(image, "A cat", num_frames=33, interval=0.2)
    assert [request.structure for request in server.requests][1:] == ["json_object, schema"] * 3  # one step, once


def test_llama_cpps_form_is_reached_and_its_500_is_not_repeated(server: Server, image: Image.Image) -> None:
    """llama-cpp-python wraps its refusal in a 500, and enforces a schema that stands beside JSON mode."""
    server.answer = lambda request: (
        Say(reply())
        if request.structure == "json_object, schema"
        else Say(status=500, error="Input should be 'text' or 'json_object' at response_format.type")
    )
    assert narrate(server, image, retries=4).provenance["structure"] == "json_object, schema"
    assert len(server.requests) == 3


def test_an_address_alone_asks_its_only_model(server: Server, image: Image.Image) -> None:
    server.answer, server.models = Say(reply()), ["llava"]
    narrator = load_narrator("openai", url=server.url, cache=False)
    narrator.narrate(image, "A cat", num_frames=33, interval=0.2)
    assert server.requests[0].body["model"] == "llava" and narrator.name == "openai:llava"
    server.models = ["llava", "qwen"]
    with pytest.raises(
        ValueError, match="has 2 models, and none is named; write --narrator openai:NAME with one of llava"
    ):
        load_narrator("openai", url=server.url, cache=False).narrate(image, "A cat", num_frames=33, interval=0.2)


def test_responses_at_a_server_without_them(server: Server, image: Image.Image) -> None:
    server.answer = Say(status=404, answer={"detail": "Not Found"})
    with pytest.raises(ProviderError, match=r"has no Responses API .*--narrator-api chat"):
        narrate(server, image, api="responses")


# -- time and place ---------------------------------------------------------------------------------------------------


def test_the_time_out_bounds_the_whole_answer(server: Server, image: Image.Image) -> None:
    server.answer = Say(reply(), blanks=60, delay=0.1)
    started = time.perf_counter()
    with pytest.raises(ProviderError, match=r"no answer within 0\.4 s; try again later or raise --narrator-timeout"):
        narrate(server, image, timeout=0.4)
    assert time.perf_counter() - started < 3
    until = time.perf_counter() + 3
    while server.at_once and time.perf_counter() < until:  # the server is left alone, too
        time.sleep(0.02)
    assert not server.at_once


def test_a_time_out_is_tried_once_more_and_no_more(server: Server, image: Image.Image) -> None:
    server.answer = Say(reply(), delay=0.5)
    with pytest.raises(ProviderError, match=r"within 0\.1 s \(tried 2 times\)"):
        narrate(server, image, timeout=0.1, retries=8)
    assert len(server.requests) == 2


def test_408_is_waited_out_in_the_same_form(server: Server, image: Image.Image) -> None:
    server.answer = [Say(status=408, error="litellm.Timeout", headers=SOON), Say(reply())]
    assert narrate(server, image, retries=1).provenance["structure"] == "json_schema"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_said_and_the_key_goes_nowhere_else(server: Server, image: Image.Image, status: int) -> None:
    server.answer = Say(status=status, headers={"location": "https://user:hunter2@other.example/v1?x=1"})
    with pytest.raises(ProviderError, match=rf"has moved \({status}\).*begins like 'https://other\.example/v1'"):
        narrate(server, image)
    assert len(server.requests) == 1


def test_a_query_in_the_address_goes_with_every_request(server: Server, image: Image.Image) -> None:
    server.answer = Say(reply())
    narrate(server, image, url=f"{server.url}?api-version=2024-10-21")
    assert server.requests[0].query == "api-version=2024-10-21" and server.requests[0].path == "/v1/chat/completions"


@pytest.mark.parametrize("end", ["\n", "/", " ", "/\r\n"])
def test_what_is_pasted_after_an_address_is_left_out(server: Server, image: Image.Image, end: str) -> None:
    server.answer = Say(reply())
    assert same_story(narrate(server, image, url=server.url + end), VASE)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALL_PROXY", "socks5://user:hunter2hunter2@127.0.0.1:9", "pip install socksio"),
        (
            "SSL_CERT_FILE",
            "/nowhere/certificates.pem",
            "SSL_CERT_FILE is '/nowhere/certificates.pem', which does not exist",
        ),
        ("HTTPS_PROXY", "foo://user:hunter2hunter2@proxy", r"proxy or certificates cannot be used: .*HTTPS_PROXY"),
    ],
)
def test_an_environment_that_no_client_can_work_in(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=words) as caught:
        load_provider("openai:m", url=server.url)
    assert "hunter2" not in str(caught.value)


def test_a_proxy_that_was_asked_is_named(image: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://user:hunter2hunter2@127.0.0.1:9")
    model = load_provider("openai:m", url="http://narrator.invalid/v1", retries=0)
    with pytest.raises(
        ProviderError, match=r"cannot be reached through the proxy http://127\.0\.0\.1:9 .*NO_PROXY"
    ) as caught:
        model.complete([Message("user", "hi", (image,))], max_tokens=9)
    assert "hunter2" not in str(caught.value)
