"""One clear sentence each, where what is asked for cannot be made of a model, and what was made before is kept.

Two images at one frame, too many, beyond the end and of different aspects: test_vace.py. A clip that is not there:
test_redo.py. A verifier that answers nonsense: test_generate.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.tiny import ltx


def generate(model: Path, *more: Any) -> list[Any]:
    return ["generate", "--model", model, "--image", "vase.png", "--narrative", "story.json", "-o", "out.mp4", *more]


@pytest.fixture
def old(here: Path) -> Path:
    """A video that was there before."""
    video = here / "out.mp4"
    video.write_bytes(b"old")
    return video


@pytest.mark.parametrize("part", ["vae", "text_encoder", "scheduler", "image_encoder", "tokenizer"])
def test_a_component_that_is_missing(refused: Callable, old: Path, model: Path, tmp_path: Path, part: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    shutil.rmtree(broken / part)
    assert refused(*generate(broken)) == f"The model {str(broken)!r} lacks its {part!r} folder; download it again."
    assert old.read_bytes() == b"old"


def test_an_optional_component_that_is_not_there_is_named(refused: Callable, old: Path, model: Path) -> None:
    assert refused("generate", "--model", model, "--image", "vase.png", "--prompt", "A cat.", "-o", "out.mp4") == (
        "This model has no narrator; give a narrative, or a narrator such as openai:gpt-4o."
    )
    assert old.read_bytes() == b"old"


def test_a_backend_that_holds_one_image_per_latent_frame(refused: Callable, here: Path, tmp_path: Path) -> None:
    vace = tmp_path / "vace"
    tiny.vace_pipeline().save_pretrained(vace)
    said = refused(
        "generate", "--model", vace, "--image", "vase.png@6", "--image", "vase.png@8", "--prompt", "A cat.",
        "--text-mode", "single", "--num-frames", 9, "--size", "32x32", "-o", "out.mp4",
    )  # fmt: skip
    assert "positions 6 and 8 would share positions 6 to 9, where this model holds one image; move one" in said


def test_a_number_of_frames_that_the_backend_cannot_make(refused: Callable, here: Path, tmp_path: Path) -> None:
    model = ltx.checkpoint(tmp_path / "ltx")
    assert refused(*generate(model, "--num-frames", 12, "--size", "64x64")) == (
        "12 frames do not fit this VAE, which takes 8k+1; give 9 or 17."
    )
    assert refused(*generate(model, "--num-frames", 9, "--size", "64x48")) == (
        "The size 64x48 does not divide into 32x32 pixels; give 64x64."
    )


def test_a_model_of_an_unknown_class_is_named(refused: Callable, old: Path, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(model, other)
    config = json.loads((other / "transformer" / "config.json").read_text())
    (other / "transformer" / "config.json").write_text(json.dumps({**config, "in_channels": 5}))
    assert "The transformer reads 5 channels, not the 12 of image-to-video" in refused(*generate(other))
    assert old.read_bytes() == b"old"
