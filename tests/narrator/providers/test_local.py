"""Real transformers checkpoints, tiny and random, through the path that large ones take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from reasondiff.errors import CheckpointError, NarrationError, ProviderError
from reasondiff.narrator import LocalModel, Message, NarrationWarning, VisionNarrator, load_narrator
from tests.tiny.narrators import write_llava, write_mllama

pytest.importorskip("xgrammar")

SMALL = {"image": 12, "reasoning": 16, "style": 8, "description": 24, "clips": 3}
TELL = {"num_frames": 33, "interval": 0.2}


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llava(tmp_path_factory.mktemp("llava"), {"bounds": SMALL, "reasks": 0})


@pytest.fixture(scope="module")
def mllama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mllama(tmp_path_factory.mktemp("mllama"), {"bounds": SMALL, "reasks": 0})


@pytest.fixture(params=["llava", "mllama"])
def model(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def _follows(value, schema: dict) -> bool:
    kind = schema["type"]
    if kind == "object":
        properties = schema["properties"]
        return list(value) == list(properties) and all(_follows(value[key], part) for key, part in properties.items())
    if kind == "array":
        return schema["minItems"] <= len(value) <= schema["maxItems"] and all(
            _follows(v, schema["items"]) for v in value
        )
    if kind == "string":
        return isinstance(value, str) and schema["minLength"] <= len(value) <= schema["maxLength"]
    return type(value) is int and schema["minimum"] <= value <= schema["maximum"]


@pytest.mark.parametrize("form", ["clips", "list"])
def test_random_weights_write_what_the_schema_allows(model: Path, image: Image.Image, form: str) -> None:
    narrator = load_narrator(f"transformers:{model}")
    assert isinstance(narrator, VisionNarrator)
    frames = 33 if form == "clips" else 9
    schema = narrator.bounds.schema(form, frames)
    ask = narrator.instruction.messages(image, "A cat plays in the room", form, frames, 0.2)
    reply = narrator.provider.complete(ask, schema=schema, max_tokens=1500, temperature=1.0)
    assert not reply.cut and _follows(json.loads(reply.text), schema), reply.text
    assert reply.tokens_in > 500 and 0 < reply.tokens_out < 1500 and reply.details["structure"] == "xgrammar"


def test_a_story_is_told_and_a_seed_tells_it_again(model: Path, image: Image.Image) -> None:
    narrator = load_narrator(f"transformers:{model}", temperature=1.0)
    stories = []
    for _ in range(2):
        with pytest.warns(NarrationWarning):  # random clips do not end at frame 33
            stories.append(narrator.narrate(image, "A cat plays in the room", **TELL))
    assert stories[0].clips == stories[1].clips and stories[0].provenance["reply"] == stories[1].provenance["reply"]
    assert stories[0].provenance["narrator"] == f"transformers:{model}"


def test_the_image_and_the_text_are_both_read(llava: Path, image: Image.Image) -> None:
    def first_words(picture: Image.Image, prompt: str) -> str:
        return model.complete([Message("user", prompt, (picture,))], max_tokens=24).text

    model = LocalModel(str(llava))
    told = first_words(image, "A cat")
    assert told == first_words(image, "A cat")
    assert told != first_words(Image.effect_noise((48, 32), 90).convert("RGB"), "A cat")
    assert told != first_words(image, "A dog runs")


def test_a_checkpoint_says_how_it_wants_to_be_asked(tmp_path: Path, image: Image.Image) -> None:
    template = "frames {num_frames} every {interval}: {prompt}"
    settings = {"prompt": template, "form": "clips", "max_new_tokens": 300, "reasks": 0,
                "bounds": {"image": 0, "reasoning": 0, "style": 0, "description": 20, "clips": 2}}  # fmt: skip
    narrator = load_narrator(f"transformers:{write_llava(tmp_path, settings)}", temperature=1.0)
    assert isinstance(narrator, VisionNarrator)
    with pytest.warns(NarrationWarning):
        narrative = narrator.narrate(image, "A cat <image> plays", **TELL)
    assert set(json.loads(narrative.provenance["reply"])) == {"position", "clips"}
    assert narrator.max_tokens == 300 and narrative.provenance["tokens_in"] < 60  # 17 of them are the image


def test_new_weights_in_the_same_folder_are_another_model(tmp_path: Path) -> None:
    model = LocalModel(str(write_llava(tmp_path)))
    before = model.identity
    assert model.identity == before
    (tmp_path / "narrator.json").write_text("{}")
    assert model.identity != before


def test_without_a_grammar_the_reply_is_doubted_like_any_other(llava: Path, image: Image.Image) -> None:
    narrator = load_narrator(f"transformers:{llava}", constrained=False, max_tokens=20)
    with pytest.raises(NarrationError, match=r"gave no usable story \(its reply"):
        narrator.narrate(image, "A cat plays in the room", **TELL)


def test_a_request_beyond_the_context_is_one_sentence(llava: Path, image: Image.Image) -> None:
    with pytest.raises(ProviderError, match="reads 4096; shorten the prompt"):
        LocalModel(str(llava)).complete([Message("user", "cat " * 12_000, (image,))], max_tokens=10)


def test_models_that_cannot_be_loaded_are_named(tmp_path: Path, llava: Path, image: Image.Image) -> None:
    with pytest.raises(CheckpointError, match="no model folder"):
        LocalModel(str(tmp_path / "none")).complete([Message("user", "hi", (image,))], max_tokens=4)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        LocalModel(str(tmp_path / "empty")).complete([Message("user", "hi", (image,))], max_tokens=4)
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in llava.iterdir():
        content = path.read_bytes()
        (broken / path.name).write_bytes(content[: len(content) // 2] if path.suffix == ".safetensors" else content)
    with pytest.raises(CheckpointError, match="cannot be loaded") as caught:
        LocalModel(str(broken)).complete([Message("user", "hi", (image,))], max_tokens=4)
    assert "\n" not in str(caught.value)
    (broken / "narrator.json").write_text('{"bounds": {"poems": 3}}')
    with pytest.raises(CheckpointError, match=r"narrator\.json .* cannot be used"):
        load_narrator(f"transformers:{broken}")
    (broken / "narrator.json").unlink()
    (broken / "looks.safetensors").touch()
    with pytest.raises(CheckpointError, match=r"lacks its 'narrator\.json', which says how to ask it; download"):
        load_narrator(f"transformers:{broken}")
    (broken / "narrator.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"lacks its 'chat_template\.jinja', which says how to ask it; download"):
        load_narrator(f"transformers:{broken}")


@pytest.mark.torchvision
def test_qwen_vl_in_process(tmp_path: Path, image: Image.Image) -> None:
    """Its processor needs torchvision for videos; elsewhere it is reached through a server."""
    from tests.tiny.narrators import write_qwen_vl

    narrator = load_narrator(f"transformers:{write_qwen_vl(tmp_path, {'bounds': SMALL, 'reasks': 0})}", temperature=1.0)
    with pytest.warns(NarrationWarning):
        assert narrator.narrate(image, "A cat plays in the room", **TELL).num_frames == 33
