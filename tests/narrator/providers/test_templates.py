"""Whatever a local model's chat template does with a system turn, the instruction arrives once and word for word."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from reasondiff.errors import ProviderError
from reasondiff.narrator import LocalModel, Message
from reasondiff.narrator.providers.base import without_system
from reasondiff.narrator.providers.local import _load
from tests.narrator.providers import templates
from tests.tiny.narrators import write_llava, write_mllama

INSTRUCTION = 'You are given an "unpaired" image.\n\nEstimate where it\'s seen: {"position": 3}.\n'
REPLY = '{"position": 40}'
AGAIN = "Frame 40 is not there."

TEMPLATES = {
    "as repr": (templates.AS_REPR, True),
    "raises": (templates.RAISES, True),
    "leaves out": (templates.LEAVES_OUT, True),
    "whole": (templates.WHOLE, False),
    "trimmed": (templates.TRIMMED, False),
}
"""And whether the instruction has to move."""
MODELS = {"llava": (write_llava, "<image>"), "mllama": (write_mllama, "<|image|>")}


def asked(image: Image.Image) -> list[Message]:
    return [Message("system", INSTRUCTION), Message("user", "A cat plays.", (image,))]


def write(folder: Path, family: str, template: str, begins: bool = True) -> LocalModel:
    writes, mark = MODELS[family]
    return LocalModel(str(writes(folder, template=template.replace("IMAGE", mark), begins=begins)), constrained=False)


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("kind", TEMPLATES)
def test_the_instruction_arrives_once_and_behind_one_bos(
    family: str, kind: str, tmp_path: Path, image: Image.Image
) -> None:
    template, moves = TEMPLATES[kind]
    model = write(tmp_path, family, template)
    loaded = _load(model)
    once = asked(image)
    again = [*once, Message("assistant", REPLY), Message("user", AGAIN)]
    for messages in (once, again):
        ids = loaded.inputs(messages)["input_ids"][0].tolist()
        text = loaded.processor.tokenizer.decode(ids)
        assert text.count(INSTRUCTION.strip()) == 1 and text.count("A cat plays.") == 1, text
        assert text.index(INSTRUCTION.strip()) < text.index("A cat plays.")
        assert ids.count(loaded.processor.tokenizer.bos_token_id) == 1 and "'type'" not in text
        assert all(part in text for part in (REPLY, AGAIN)) is (messages is again)
        assert loaded.rendered(messages) == loaded.templated(without_system(messages) if moves else messages)
    assert model.complete(again, max_tokens=4).tokens_out == 4


@pytest.mark.parametrize("begins", [True, False], ids=["the tokenizer begins", "nothing begins"])
def test_bos_is_the_tokenizers_where_the_template_has_none(begins: bool, tmp_path: Path, image: Image.Image) -> None:
    loaded = _load(write(tmp_path, "llava", templates.WHOLE, begins))
    ids = loaded.inputs(asked(image))["input_ids"][0].tolist()
    assert ids[:1].count(loaded.processor.tokenizer.bos_token_id) == begins


@pytest.mark.parametrize("template", [templates.NEVER, templates.NO_TEXT, templates.BROKEN], ids=["n", "t", "b"])
@pytest.mark.parametrize("system", [True, False])
def test_whatever_a_template_raises_is_one_sentence(
    template: str, system: bool, tmp_path: Path, image: Image.Image
) -> None:
    model = write(tmp_path, "mllama", template)
    with pytest.raises(ProviderError, match=r"its chat template does not take the conversation \(.+\); use") as caught:
        model.complete(asked(image)[0 if system else 1 :], max_tokens=4)
    told = str(caught.value)
    assert told.startswith(f"The model {str(tmp_path)!r}") and "\n" not in told


def test_the_instruction_stands_before_the_first_question(image: Image.Image) -> None:
    question, rest = Message("user", "b", (image,)), [Message("assistant", "c"), Message("user", "d")]
    moved = without_system([Message("system", "a"), question, *rest])
    assert moved == [Message("user", "a\n\nb", (image,)), *rest]
    assert without_system([question, *rest]) == [question, *rest]
    assert without_system([Message("system", "a")]) == [Message("system", "a")]
