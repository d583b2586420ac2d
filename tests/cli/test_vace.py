"""VACE on the command line: the same options, story files, resume, replay, presets and plan as image-to-video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reasondiff.backends.wan.model import VaceModel
from reasondiff.media import read_video
from tests import tiny

OPTIONS = ("--num-frames", 9, "--steps", 2, "--size", "48x32", "--negative-prompt", "blurred")


@pytest.fixture(scope="session")
def vace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random VACE, in the layout of the published ones."""
    folder = tmp_path_factory.mktemp("models") / "vace"
    tiny.vace_pipeline().save_pretrained(folder)
    return folder


def generate(model: Path, *more: Any, output: str = "out.mp4") -> list[Any]:
    return [
        "generate",
        "--model",
        model,
        "--image",
        "vase.png",
        "--narrative",
        "story.json",
        "-o",
        output,
        *OPTIONS,
        *more,
    ]


def test_a_video_its_record_and_its_replay(reasondiff: Callable, here: Path, vace: Path) -> None:
    ran = reasondiff(*generate(vace, "--seed", 3, "--position", 3, "--preview", "look.png"))
    assert ran.code == 0, ran
    assert "9 frames, 1 clips, image at position 3" in ran.out
    video = read_video("out.mp4")
    assert video.frames.shape == (9, 32, 48, 3) and video.fps == 16  # VACE's own pace
    with Image.open("look.png") as look:
        assert look.size[0] > 0
    again = reasondiff("replay", "out.mp4", "-o", "again.mp4")
    assert again.code == 0 and "equal" in again.out.lower(), again
    assert np.array_equal(read_video("again.mp4").frames, video.frames)


def test_a_killed_run_goes_on(reasondiff: Callable, here: Path, vace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reasondiff(*generate(vace, output="whole.mp4"))
    assert whole.code == 0
    decode = VaceModel.decode

    def interrupt(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(VaceModel, "decode", interrupt)
    assert reasondiff(*generate(vace, "--resume")).code == 130
    monkeypatch.setattr(VaceModel, "decode", decode)
    ran = reasondiff(*generate(vace, "--resume"))
    assert ran.code == 0 and "It went on after step 2" in ran.out, ran
    assert np.array_equal(read_video("out.mp4").frames, read_video("whole.mp4").frames)


@pytest.mark.parametrize("preset", ["quality", "low-vram"])
def test_presets(reasondiff: Callable, here: Path, vace: Path, preset: str) -> None:
    ran = reasondiff(*generate(vace, "--preset", preset))
    assert ran.code == 0, ran


def test_every_position_and_text_mode(reasondiff: Callable, here: Path, vace: Path) -> None:
    for position, mode in ((1, "joined"), (5, "concat"), (9, "single")):
        ran = reasondiff(*generate(vace, "--position", position, "--text-mode", mode, "--prompt", "A cat."))
        assert ran.code == 0, ran


def test_an_adapter_is_refused(refused: Callable, here: Path, vace: Path, tmp_path: Path) -> None:
    from tests.tiny.pipelines import alignformer, pipeline

    pipeline(alignformer()).save_adapter(tmp_path / "adapter", base_model="owner/model")
    assert refused(*generate(vace, "--adapter", tmp_path / "adapter")) == (
        "VACE takes no adapter: it holds the image without one; leave it out, or use an image-to-video model."
    )


def test_a_plan_of_the_published_one_needs_no_network(reasondiff: Callable) -> None:
    ran = reasondiff("plan", "--model", "wan2.1-vace-1.3b", "--preset", "low-vram", "--vram", 12)
    assert ran.code == 0 and "It fits yours of 12 GB" in ran.out, ran
    assert "2.15 B" in ran.out  # the transformer's parameters


def test_several_images_in_any_order_and_their_replay(reasondiff: Callable, here: Path, vace: Path) -> None:
    tiny.image(64, 64, seed=5).save("other.png")
    ran = reasondiff(*generate(vace, "--image", "other.png@first"))
    assert ran.code == 0, ran
    assert "images at positions 1, 7" in ran.out and "The images have different aspects" in ran.err
    record = read_video("out.mp4").record
    assert record is not None and len(record.more_images) == len(record.more_sha256) == 1
    assert [image.size for image in record.open_images()] == [(48, 32)] * 2
    again = reasondiff("replay", "out.mp4", "-o", "again.mp4")
    assert again.code == 0 and "Equal" in again.out, again


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("vase.png@7", "Two images are at position 7; give each a position of its own."),
        ("vase.png@90", "An image is pinned to position 90, and the video has 9 frames; pin it to 1..9."),
        ("vase.png@soon", "An image cannot be at 'soon'; write @auto, @first, @last or a position such as @20."),
        ("nothing.png@9", "The image 'nothing.png' does not exist; check the path."),
    ],
)
def test_bad_places_are_one_sentence(reasondiff: Callable, here: Path, vace: Path, image: str, said: str) -> None:
    ran = reasondiff(*generate(vace, "--image", image))
    assert (ran.code, ran.err.strip().splitlines()[-1]) == (2, said)


def test_short_clips_are_merged_and_kept_on_request(reasondiff: Callable, here: Path, vace: Path) -> None:
    merged = reasondiff(*generate(vace))  # 9 frames at 16 a second are one short clip
    assert "9 frames, 1 clips" in merged.out
    assert "1 of the story's 2 clips are shorter than 1 s and were merged" in merged.err
    kept = reasondiff(*generate(vace, "--shortest-clip", 0))
    assert "9 frames, 2 clips" in kept.out and "merged" not in kept.err
