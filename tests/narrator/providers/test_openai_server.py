"""The official client against a server that speaks both request forms and misbehaves on demand."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from PIL import Image

from reasondiff.errors import InputError, NarrationError, ProviderError
from reasondiff.narrator import Cache, Message, NarrationWarning, load_narrator, load_provider
from tests.narrator.providers.misbehaving_server import Request, Say, Server
from tests.narrator.stories import VASE, reply, same_story

PROMPT = "A cat plays in the room"
SOON = {"retry-after-ms": "1"}


def narrate(server: Server, image: Image.Image, **options):
    options = {"url": server.url, "cache": False, "retries": 0, **options}
    return load_narrator("openai:gpt-4o", **options).narrate(image, PROMPT, num_frames=33, interval=0.2)


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_story_arrives_with_its_record(server: Server, image: Image.Image, api: str) -> None:
    server.answer = Say(reply())
    narrative = narrate(server, image, api=api)
    assert same_story(narrative, VASE)
    assert narrative.style == VASE.style and narrative.reasoning == VASE.reasoning
    record = narrative.provenance
    assert (record["tokens_in"], record["tokens_out"], record["reasks"], record["requests"]) == (700, 70, 0, 1)
    assert record["reply"] == reply() and record["model"] == "gpt-4o-2024" and record["structure"] == "json_schema"
    assert record["seconds"] > 0 and record["narrator"] == "openai:gpt-4o" and record["prompts"].startswith("v1-")
    json.dumps(dict(record))
    [request] = server.requests
    assert PROMPT in request.texts[1] and "33-frame" in request.texts[0]
    [sent] = request.images
    assert sent.size == image.size and sent.convert("RGB").tobytes() == image.tobytes()


@pytest.mark.parametrize("form", ["clips", "list"])
def test_the_schema_is_strict_and_bounds_everything(server: Server, image: Image.Image, form: str) -> None:
    server.answer = Say(reply())
    narrate(server, image, form=form)
    body = server.requests[0].body
    asked = body["response_format"]["json_schema"]
    assert asked["strict"] is True
    keys = list(asked["schema"]["properties"])
    assert keys.index("reasoning") < keys.index("position") < keys.index("clips" if form == "clips" else "descriptions")

    def walk(part: dict) -> None:
        if part["type"] == "object":
            assert part["additionalProperties"] is False and part["required"] == list(part["properties"])
            for inside in part["properties"].values():
                walk(inside)
        elif part["type"] == "array":
            assert 1 <= part["minItems"] <= part["maxItems"] <= 33
            walk(part["items"])
        elif part["type"] == "string":
            assert 0 < part["maxLength"] <= 1000
        else:
            assert (part["type"], part["minimum"], part["maximum"]) == ("integer", 1, 33)

    walk(asked["schema"])
    assert 1000 < body["max_tokens"] < (5000 if form == "clips" else 9000)


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("knows", ["json_schema, unbounded", "json_object, schema", "json_object", "text"])
def test_what_the_server_takes_is_found_once_and_remembered(
    server: Server, image: Image.Image, api: str, knows: str
) -> None:
    def answer(request: Request) -> Say:
        if request.structure != knows:
            return Say(status=400, error=f"Invalid value for response format: {request.structure}")
        return Say(reply())

    server.answer = answer
    narrator = load_narrator("openai:qwen-vl", url=server.url, api=api, cache=False, retries=0)
    first = narrator.narrate(image, PROMPT, num_frames=33, interval=0.2)
    assert first.provenance["structure"] == knows
    asked = len(server.requests)
    narrator.narrate(image, PROMPT, num_frames=33, interval=0.2)
    assert len(server.requests) == asked + 1


def test_a_server_that_renames_the_token_limit_and_sets_its_own_temperature(server: Server, image: Image.Image) -> None:
    def answer(request: Request) -> Say:
        if "max_tokens" in request.body:
            text = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            return Say(status=400, error=text)
        if "temperature" in request.body:
            return Say(status=400, error="Unsupported value: 'temperature' does not support 0 with this model.")
        return Say(reply())

    server.answer = answer
    assert narrate(server, image).provenance["structure"] == "json_schema"
    assert "max_completion_tokens" in server.requests[-1].body


def test_a_schema_that_is_refused_for_its_key_image_is_no_want_of_vision(server: Server, image: Image.Image) -> None:
    said = (
        "Invalid schema for response_format 'reply': In context=('properties', 'image'), 'maxLength' is not permitted."
    )
    server.answer = lambda request: (
        Say(reply()) if request.structure == "json_schema, unbounded" else Say(status=400, error=said)
    )
    assert narrate(server, image).provenance["structure"] == "json_schema, unbounded"


def test_a_budget_beyond_the_context_is_lowered(server: Server, image: Image.Image) -> None:
    limit = 1500
    server.answer = lambda request: (
        Say(reply())
        if request.body["max_tokens"] <= limit
        else Say(status=400, error=f"max_tokens is too large: this model supports at most {limit} completion tokens")
    )
    narrate(server, image)
    assert server.requests[-1].body["max_tokens"] <= limit


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_server_whose_template_takes_no_system_turn_is_told_in_the_users(
    server: Server, image: Image.Image, api: str
) -> None:
    """As Llama-3.2-Vision's first template, with a re-ask, and asked without that turn from then on."""

    def answer(request: Request) -> Say:
        if request.messages[0]["role"] == "system":
            return Say(status=400, error="prompting with images is incompatible with system messages")
        return Say(reply() if len(request.messages) == 3 else "No story yet.")

    server.answer = answer
    narrator = load_narrator("openai:llama", url=server.url, api=api, cache=False, retries=0)
    assert same_story(narrator.narrate(image, PROMPT, num_frames=33, interval=0.2), VASE)
    refused, asked, again = server.requests
    instruction, question = refused.texts
    assert asked.texts == [f"{instruction}\n\n{question}"] and len(asked.images) == 1
    assert [message["role"] for message in again.messages] == ["user", "assistant", "user"]
    assert again.texts[0] == asked.texts[0] and len(again.images) == 1
    narrator.narrate(image, PROMPT, num_frames=33, interval=0.2)
    assert len(server.requests) == 5


def test_what_a_question_without_a_schema_teaches_is_kept_but_for_schemas(server: Server, image: Image.Image) -> None:
    def answer(request: Request) -> Say:
        refuses = request.messages[0]["role"] == "system"
        return Say(status=400, error="System role not supported") if refuses else Say(reply())

    server.answer = answer
    provider = load_provider("openai:gemma", url=server.url, retries=0)
    for _ in range(2):
        provider.complete([Message("system", "Say it."), Message("user", "What?", (image,))], max_tokens=9)
    assert [len(request.messages) for request in server.requests] == [2, 1, 1]
    told = provider.complete([Message("user", "What?", (image,))], schema={"type": "object"}, max_tokens=9)
    assert told.details["structure"] == "json_schema"


# -- replies that need doubt ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_cut_reply_is_asked_for_again_with_more_room(server: Server, image: Image.Image, api: str) -> None:
    server.answer = [Say(reply()[:-60], finish="length"), Say(reply())]
    narrative = narrate(server, image, api=api)
    assert same_story(narrative, VASE) and narrative.provenance["reasks"] == 1
    limits = [r.body.get("max_tokens") or r.body["max_output_tokens"] for r in server.requests]
    assert limits[1] == 2 * limits[0]
    assert "cut off" in server.requests[1].texts[-1]


def test_the_complaint_is_precise_and_carries_the_reply(server: Server, image: Image.Image) -> None:
    gap = reply(
        clips=[{"start": 1, "end": 10, "description": "A vase."}, {"start": 14, "end": 33, "description": "A cat."}]
    )
    server.answer = [Say(gap), Say(reply())]
    narrative = narrate(server, image)
    assert same_story(narrative, VASE)
    assert narrative.provenance["complaints"] == [["Frames 11..13 are described by no clip."]]
    again = server.requests[1]
    assert [message["role"] for message in again.messages] == ["system", "user", "assistant", "user"]
    assert again.texts[2] == gap and "Frames 11..13 are described by no clip." in again.texts[3]
    assert len(again.images) == 1


def test_a_narrator_that_insists_is_repaired_and_the_user_told(server: Server, image: Image.Image) -> None:
    server.answer = Say(
        reply(
            clips=[{"start": 1, "end": 10, "description": "A vase."}, {"start": 14, "end": 33, "description": "A cat."}]
        )
    )
    with pytest.warns(NarrationWarning, match=r"repaired .* 10, 33"):
        narrative = narrate(server, image)
    assert [clip.end for clip in narrative.clips] == [10, 33]
    assert len(server.requests) == 3 and narrative.provenance["repairs"] == ["clips taken to end at frames 10, 33"]


def test_a_doubtful_story_is_asked_about_once_and_kept_with_a_warning(server: Server, image: Image.Image) -> None:
    server.answer = Say(reply(position=1))
    with pytest.warns(NarrationWarning, match="frames 29..33 fit it better"):
        narrative = narrate(server, image)
    assert narrative.anchor_frame == 0 and len(server.requests) == 2 and narrative.provenance["repairs"] == []


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    "say",
    [
        Say(refusal="I can't help with that image."),
        Say("I'm sorry, but I can't help with that image."),
        Say("", finish="content_filter"),
    ],
    ids=["field", "text", "filter"],
)
def test_a_refusal_is_an_error_that_quotes_it_and_is_not_repeated(
    server: Server, image: Image.Image, api: str, say: Say
) -> None:
    server.answer = say
    with pytest.raises(NarrationError, match=r"declined; .*(help with that image|content filter)") as caught:
        narrate(server, image, api=api)
    assert len(server.requests) == 1 and str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("The cat breaks the vase. What a story!", "no JSON object"),
        (reply(position=None), "no position"),
        (reply(clips=[]), "no descriptions|no JSON object"),
        ("x" * 3_000_000, "3,000,000 characters"),
    ],
    ids=["empty", "prose", "no position", "no clips", "megabytes"],
)
def test_a_reply_beyond_repair_is_an_error_after_two_complaints(
    server: Server, image: Image.Image, text: str, words: str
) -> None:
    server.answer = Say(text)
    with pytest.raises(NarrationError, match=words) as caught:
        narrate(server, image)
    assert len(server.requests) == 3 and len(str(caught.value)) < 1000
    assert all(len(json.dumps(request.body)) < 200_000 for request in server.requests)


# -- servers that fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", [{"retry-after-ms": "30"}, {"retry-after": "0.03"}], ids=["ms", "seconds"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_failures_are_waited_out(server: Server, image: Image.Image, status: int, wait: dict) -> None:
    busy = Say(status=status, headers=wait)
    server.answer = [busy, busy, Say(reply())]
    started = time.perf_counter()
    narrate(server, image, retries=4)
    assert len(server.requests) == 3 and time.perf_counter() - started >= 0.06


def test_a_cut_connection_is_tried_again(server: Server, image: Image.Image) -> None:
    server.answer = [Say(reply(), cut=True), Say(reply())]
    assert same_story(narrate(server, image, retries=1), VASE)


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (Say(status=429, error="no quota left", headers=SOON), "turned 2 requests away .*quota"),
        (Say(status=503, error="overloaded", headers=SOON), "failed 2 times .*503.*try again later"),
        (Say(status=401, error="Incorrect API key: sk-secret-1234"), r"refuses the key in OPENAI_API_KEY \(401"),
        (Say(status=404, error="The model `gpt-4o` does not exist"), "has no model 'gpt-4o' .*it has gpt-4o, qwen-vl"),
        (Say(status=404, body=b"<html>nothing here</html>", content_type="text/html"), "no such path .*ends in /v1"),
        (Say(status=400, error="gpt-4o is not a multimodal model"), "takes no images .*choose one with vision"),
        (Say(status=500, error='Unsupported content part type: "image_url"', headers=SOON), "takes no images"),
        (Say(status=400, error="the maximum context length is 2048 tokens"), "finds the request too long for 'gpt-4o'"),
        (Say(status=418, error="I am a teapot"), "refuses the request .*teapot"),
        (Say(body=b"<html>a login page</html>", content_type="text/html"), "does not answer like an OpenAI-comp"),
        (Say(body=b'{"choices": ['), "does not answer like"),
        (Say(body=b'{"choices": []}'), "does not answer like"),
        (Say(body=b'{"choices": [{"message": null}]}'), "does not answer like"),
        (Say(body=b"[1, 2]"), "does not answer like"),
        (Say(cut=True, text=reply()), "cannot be reached"),
    ],
)  # fmt: skip
def test_every_failure_is_one_clear_sentence(
    server: Server, image: Image.Image, monkeypatch: pytest.MonkeyPatch, say: Say, words: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1234")
    server.answer = say
    with pytest.raises(ProviderError, match=words) as caught:
        narrate(server, image, retries=1)
    told = str(caught.value)
    assert "sk-secret" not in told and "\n" not in told and len(told) < 600 and server.url.removesuffix("/v1") in told


def test_a_slow_server_is_given_up(server: Server, image: Image.Image) -> None:
    server.answer = Say(reply(), delay=0.6)
    with pytest.raises(ProviderError, match=r"no answer within 0\.1 s"):
        narrate(server, image, timeout=0.1)


def test_a_server_that_is_down(image: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    narrator = load_narrator("openai", url="http://127.0.0.1:9/v1", cache=False, retries=0)
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1:9/v1 cannot be reached .*check the address"):
        narrator.narrate(image, PROMPT, num_frames=33, interval=0.2)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/v1", "http://", "http://[::1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InputError, match="is no address"):
        load_narrator("openai", url=url)


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="OPENAI_API_KEY is not set, so gpt-4o cannot be asked; export a key"):
        load_narrator("openai")


def test_the_key_is_sent_and_kept_nowhere(server: Server, image: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1234")
    server.answer = Say(reply())
    url = server.url.replace("http://", "http://user:hunter2@")
    narrator = load_narrator("openai", url=url, cache=False)
    narrative = narrator.narrate(image, PROMPT, num_frames=33, interval=0.2)
    assert server.requests[0].headers["authorization"]
    told = json.dumps(narrative.to_dict()) + repr(narrator) + json.dumps(dict(narrator.provider.identity))
    assert "sk-secret" not in told and "hunter2" not in told


# -- images -----------------------------------------------------------------------------------------------------------


def test_a_large_image_is_sent_smaller_and_that_is_recorded(server: Server) -> None:
    server.answer = Say(reply())
    narrative = narrate(server, Image.new("RGB", (4096, 1024), "red"))
    assert server.requests[0].images[0].size == (2048, 512)
    assert narrative.provenance["image_sizes"] == [[4096, 1024]] and narrative.provenance["sent_sizes"] == [[2048, 512]]


@pytest.mark.parametrize("status", [413, 400])
def test_an_image_that_the_server_refuses_for_its_pixels_is_halved_until_it_fits(server: Server, status: int) -> None:
    def answer(request: Request) -> Say:
        if max(request.images[0].size) > 600:
            return Say(status=status, error="The image exceeds the maximum size of 600 pixels.")
        return Say(reply())

    server.answer = answer
    narrative = narrate(server, Image.new("RGB", (2000, 1000), "red"))
    assert narrative.provenance["sent_sizes"] == [[500, 250]]


# -- candidates -------------------------------------------------------------------------------------------------------


def test_candidates_are_told_apart_ranked_by_a_second_look_and_kept(server: Server, image: Image.Image) -> None:
    other = reply(position=1, image="An intact vase stands on the floor.", reasoning="It is where all begins.")
    marks = [{"story": 1, "reason": "The vase is whole.", "image": 2, "text": 5, "whole": 5},
             {"story": 2, "reason": "It fits.", "image": 9, "text": 8, "whole": 9}]  # fmt: skip
    server.answer = [Say(other), Say(reply()), Say(json.dumps({"verdicts": marks}))]
    narrative = narrate(server, image, candidates=2)
    assert same_story(narrative, VASE)
    assert "position 1: An intact vase" in server.requests[1].texts[-1]
    judged = server.requests[2]
    assert (
        "The image is seen at frame 33." in judged.texts[0]
        and "Frames 1-8" in judged.texts[0]
        and len(judged.images) == 1
    )
    assert [verdict["image"] for verdict in narrative.provenance["verdicts"]] == [9, 2]
    [runner_up] = narrative.provenance["candidates"]
    assert runner_up["position"] == 1 and narrative.provenance["requests"] == 3


def test_candidates_that_cannot_be_ranked_stay_in_order(server: Server, image: Image.Image) -> None:
    server.answer = [Say(reply()), Say(reply(position=30)), Say("Both are lovely.")]
    with pytest.warns(NarrationWarning, match="not all ranked"):
        narrative = narrate(server, image, candidates=2)
    assert narrative.anchor_frame == 32 and len(narrative.provenance["candidates"]) == 1


def test_one_failed_candidate_does_not_lose_the_others(server: Server, image: Image.Image) -> None:
    server.answer = [Say(refusal="No."), Say(reply())]
    with pytest.warns(NarrationWarning, match="1 of 2 stories was told: .* declined"):
        assert same_story(narrate(server, image, candidates=2), VASE)


def test_candidates_that_were_not_told_are_said(server: Server, image: Image.Image) -> None:
    server.answer = [Say(reply()), Say(status=400, error="the maximum context length is 2048 tokens")]
    with pytest.warns(NarrationWarning, match="1 of 3 stories was told: .* finds the request too long"):
        narrative = narrate(server, image, candidates=3)
    assert same_story(narrative, VASE) and "candidates" not in narrative.provenance
    assert narrative.provenance["requests"] == 2


# -- a provider's fault is not a story's ------------------------------------------------------------------------------


def test_a_re_ask_that_fails_keeps_the_best_story_so_far(server: Server, image: Image.Image) -> None:
    server.answer = [Say(reply(position=99)), Say(status=400, error="the maximum context length is 2048 tokens")]
    with pytest.warns(NarrationWarning, match=r"could not be asked again: .* finds the request too long"):
        narrative = narrate(server, image)
    assert narrative.anchor_frame == 32 and narrative.provenance["requests"] == 2
    assert "position taken as 33" in narrative.provenance["repairs"]


def test_a_story_that_lacks_a_request_is_not_kept_for_another_time(
    server: Server, image: Image.Image, tmp_path: Path
) -> None:
    broken = Say(status=400, error="the maximum context length is 2048 tokens")
    server.answer = [Say(reply(position=99)), broken, Say(reply())]
    with pytest.warns(NarrationWarning, match="could not be asked again"):
        narrate(server, image, cache=Cache(tmp_path))
    assert same_story(narrate(server, image, cache=Cache(tmp_path)), VASE)


def test_a_re_ask_that_fails_after_no_story_is_the_providers_fault(server: Server, image: Image.Image) -> None:
    server.answer = [Say("What?"), Say(status=401, error="no")]
    with pytest.raises(ProviderError, match="wants a key"):
        narrate(server, image)
