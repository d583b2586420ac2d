"""LTX-Video on the command line: the same options, story files, resume, replay, presets and plan as Wan's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasondiff.backends.ltx.model import LtxModel
from reasondiff.media import read_video
from tests import tiny
from tests.tiny import ltx

OPTIONS = ("--num-frames", 17, "--steps", 2, "--size", "64x64", "--negative-prompt", "blurred", "--shortest-clip", 0)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random LTX-Video, in the layout of the published ones."""
    return ltx.checkpoint(tmp_path_factory.mktemp("models") / "ltx")


def generate(model: Path, *more: Any, output: str = "out.mp4") -> list[Any]:
    story = ["--image", "vase.png", "--narrative", "story.json"]
    return ["generate", "--model", model, *story, "-o", output, *OPTIONS, *more]


def test_a_video_its_record_and_its_replay(reasondiff: Callable, here: Path, model: Path) -> None:
    tiny.image(64, 64, seed=5).save("other.png")
    places = ("--image", "other.png@last", "--image", "vase.png@4")
    ran = reasondiff(*generate(model, *places, "--seed", 3, "--anchor-strength", 0.7, "--preview", "look.png"))
    assert ran.code == 0, ran
    video = read_video("out.mp4")
    assert video.frames.shape == (17, 64, 64, 3) and video.fps == 24  # LTX-Video's own pace
    assert Path("look.png").exists()
    again = reasondiff("replay", "out.mp4", "-o", "again.mp4")
    assert again.code == 0 and "equal" in again.out.lower(), again


def test_a_killed_run_goes_on_and_a_clip_is_made_again(
    reasondiff: Callable, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reasondiff(*generate(model, output="whole.mp4")).code == 0
    decode = LtxModel.decode

    def interrupt(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(LtxModel, "decode", interrupt)
    assert reasondiff(*generate(model, "--resume")).code == 130
    monkeypatch.setattr(LtxModel, "decode", decode)
    ran = reasondiff(*generate(model, "--resume"))
    assert ran.code == 0 and "It went on after step 2" in ran.out, ran
    assert np.array_equal(read_video("out.mp4").frames, read_video("whole.mp4").frames)
    redone = reasondiff("redo", "whole.mp4", "--clip", 2, "-o", "redone.mp4")
    assert redone.code == 0 and "made again for clip 2" in redone.out, redone


@pytest.mark.parametrize("preset", ["quality", "low-vram"])
def test_presets(reasondiff: Callable, here: Path, model: Path, preset: str) -> None:
    ran = reasondiff(*generate(model, "--preset", preset))
    assert ran.code == 0, ran


def test_what_is_wans_alone_is_refused(refused: Callable, here: Path, model: Path) -> None:
    Path("style.safetensors").touch()
    assert refused(*generate(model, "--lora", "style.safetensors")) == (
        f"--lora is for models of Wan's kind, and {str(model)!r} is none; leave it out."
    )


def test_a_plan_needs_no_network(reasondiff: Callable, model: Path) -> None:
    for name in ("ltx-video-13b-0.9.8-distilled", model):
        ran = reasondiff("plan", "--model", name, "--num-frames", 17, "--size", "64x64")
        assert ran.code == 0, ran
