"""A tiny model, inputs for it, and records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.request import VideoRequest
from reasondiff.media import GenerationRecord
from tests.tiny.pipelines import IMAGE, STORY, alignformer, pipeline

RESOLVED: dict[str, Any] = {
    "num_frames": 9, "num_inference_steps": 2, "guidance_scale": 3.0, "negative_prompt": "", "max_sequence_length": 16,
    "size": "32x32", "fps": 5.0,
}  # fmt: skip


def record(**options: Any) -> GenerationRecord:
    """A record of nine frames; an option of ``...`` is left out."""
    held = {name: value for name, value in (RESOLVED | options).items() if value is not ...}
    made = GenerationRecord(
        model="storyworld-tiny", prompt="A cat plays.", narrative=STORY.to_dict(), options=held, seed=3, threads=1,
        versions={}, weights={}, image_sha256="",
    ).with_image(IMAGE)  # fmt: skip
    return replace(made, frame_sha256=("0" * 64,) * 9)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model with an AlignFormer, in a folder like that of a real one."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pipe = pipeline(alignformer())
    pipe.register_to_config(alignformer_lora=False)
    pipe.save_pretrained(folder)
    return folder


@pytest.fixture
def request_(tiny_model: Path) -> VideoRequest:
    return VideoRequest(image=Path(), model=str(tiny_model), size="32x32")


@pytest.fixture
def inputs() -> Inputs:
    return Inputs(IMAGE, "A cat plays.", STORY)
