"""llama.cpp's server, transformers serve and LiteLLM's proxy, as their packages install them."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from reasondiff.errors import NarrationError, ProviderError, ReasonDiffError
from reasondiff.narrator import load_narrator, load_provider
from reasondiff.narrator.providers.base import Message
from tests.narrator.stories import VASE, same_story
from tests.servers.conftest import KEY, NARRATOR

pytestmark = pytest.mark.packages

IMAGE = Image.linear_gradient("L").resize((48, 32)).convert("RGB")
SCHEMA = {
    "type": "object",
    "properties": {"end": {"type": "integer"}, "description": {"type": "string", "maxLength": 12}},
    "required": ["end", "description"],
    "additionalProperties": False,
}
QUESTION = [Message("system", "Answer in JSON."), Message("user", "What happens?")]
AGAIN = [*QUESTION, Message("assistant", "{}"), Message("user", "Once more.")]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


# -- llama.cpp --------------------------------------------------------------------------------------------------------


def test_llama_cpp_keeps_to_the_schema(llama_server: str) -> None:
    model = load_provider("openai", url=llama_server, retries=0)  # its only model
    reply = model.complete(QUESTION, schema=SCHEMA, max_tokens=200)
    assert set(json.loads(reply.text)) == {"end", "description"} and reply.details["structure"] == "json_schema"
    assert reply.tokens_in and reply.tokens_out and model.name.endswith("tiny.gguf")


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_llama_cpp_takes_what_is_asked_again(llama_server: str, api: str) -> None:
    model = load_provider("openai:tiny", url=llama_server, retries=0, api=api)
    for question in (QUESTION, AGAIN):
        assert model.complete(question, schema=SCHEMA, max_tokens=80).text


def test_llama_cpp_without_vision_says_so_at_once(llama_server: str) -> None:
    narrator = load_narrator("openai:tiny", url=llama_server, retries=4, cache=False)
    with pytest.raises(ProviderError, match=r"takes no images .*choose one with vision"):
        narrator.narrate(IMAGE, "A cat plays", num_frames=33, interval=0.2)


def test_llama_cpp_with_a_key_and_a_small_context(locked_llama_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProviderError, match=r"wants a key .*export OPENAI_API_KEY"):
        load_provider("openai:tiny", url=locked_llama_server, retries=0).complete(QUESTION, max_tokens=9)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another-key-12345")
    with pytest.raises(ProviderError, match="refuses the key in OPENAI_API_KEY") as caught:
        load_provider("openai:tiny", url=locked_llama_server, retries=0).complete(QUESTION, max_tokens=9)
    assert "another-key" not in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = load_provider("openai:tiny", url=locked_llama_server, retries=0)
    assert model.complete(QUESTION, max_tokens=9).tokens_out
    with pytest.raises(ProviderError, match=r"too long .*let the server read more \(-c"):
        model.complete([Message("user", "A cat plays in the room. " * 100)], max_tokens=9)


# -- transformers serve -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_transformers_serve_answers_and_enforces_nothing(transformers_serve: str, api: str) -> None:
    model = load_provider(f"openai:{NARRATOR}", url=transformers_serve, retries=0, api=api)
    reply = model.complete([Message("user", "A cat plays.", (IMAGE,))], schema=SCHEMA, max_tokens=60)
    assert reply.text and reply.details["structure"].startswith("json_schema")
    again = model.complete([Message("user", "A cat plays.", (IMAGE,)), *AGAIN[2:]], max_tokens=20)
    assert again.tokens_out


def test_transformers_serve_holds_no_reply_to_the_form(transformers_serve: str) -> None:
    narrator = load_narrator(f"openai:{NARRATOR}", url=transformers_serve, retries=0, reasks=0, cache=False)
    try:
        story = narrator.narrate(IMAGE, "A cat plays", num_frames=33, interval=0.2)
        assert story.provenance["structure"].startswith("json_")
    except NarrationError as error:
        assert "does not enforce the reply's form" in str(error)


# -- LiteLLM ----------------------------------------------------------------------------------------------------------


def test_litellm_passes_a_story_on(litellm_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for api in ("chat", "responses"):
        narrator = load_narrator("openai:storyteller", url=litellm_proxy, retries=0, cache=False, api=api)
        story = narrator.narrate(IMAGE, "A cat plays", num_frames=33, interval=0.2)
        assert same_story(story, VASE) and KEY not in json.dumps(story.to_dict())


def test_litellm_in_front_of_llama_cpp(litellm_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = load_provider("openai:llama", url=litellm_proxy, retries=0)
    assert set(json.loads(model.complete(QUESTION, schema=SCHEMA, max_tokens=200).text)) == {"end", "description"}


@pytest.mark.parametrize(
    ("key", "model", "words"),
    [
        (None, "storyteller", "wants a key"),
        ("sk-wrong-wrong-wrong", "storyteller", "refuses the key"),
        (KEY, "nobody", "has no model 'nobody' .*it has .*storyteller"),
        (KEY, "limited", "turned 1 requests away"),
        (KEY, "thin", "too long"),
    ],
)
def test_litellms_refusals_are_understood(
    litellm_proxy: str, monkeypatch: pytest.MonkeyPatch, key: str | None, model: str, words: str
) -> None:
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ReasonDiffError, match=words) as caught:
        load_narrator(f"openai:{model}", url=litellm_proxy, retries=0, cache=False).narrate(
            IMAGE, "A cat plays", num_frames=33, interval=0.2
        )
    assert not key or key not in str(caught.value)
