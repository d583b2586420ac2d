"""The paper's five kinds of unpaired image and text, each with a scripted reply, from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from reasondiff.media import lettering, read_video
from reasondiff.narrative import Narrative
from tests import tiny


class Case(NamedTuple):
    """An image's name and size, the text, and what a narrator replies about nine frames."""

    image: str
    size: tuple[int, int]
    prompt: str
    position: int
    clips: tuple[tuple[int, str], ...]
    style: str


CASES = (
    Case("vase", (96, 96), "A cat plays in the room.", 9,
         ((3, "The vase stands whole on the floor."), (6, "A cat jumps against the vase and it breaks."),
          (9, "The vase lies in pieces, the cat is gone.")), "A white vase and a grey cat in a room, fixed camera."),
    Case("broken-table", (112, 64), "A cat plays in the room.", 8,
         ((5, "A cat climbs the table with four legs."), (9, "The table lies with a broken leg.")), "A wooden table."),
    Case("open-book", (64, 112), "A man opens the window.", 2,
         ((3, "An open book lies still."), (5, "A man opens the window."), (9, "Wind turns the book's pages.")), ""),
    Case("bicycle", (128, 64), "A dog running on the road.", 5,
         ((2, "An empty road."), (6, "A dog comes along the road to a bicycle."), (9, "The dog runs past it.")), ""),
    Case("dog-standing", (64, 64), "A car running on the road.", 1,
         ((4, "A dog stands at the road."), (9, "A car runs past the dog.")), "A brown dog on a grey road."),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, prompts and the replies."""
    folder = tmp_path_factory.mktemp("five")
    for number, case in enumerate(CASES):
        tiny.image(*case.size, seed=number).save(folder / f"{case.image}.png")
    rows = [f"{case.image}.png,{case.prompt}" for case in CASES]
    (folder / "prompts.csv").write_text("image,prompt\n" + "\n".join(rows) + "\n")
    replies: dict[str, list[str]] = {}
    for case in CASES:  # two cases share a prompt: its replies are used in order
        clips = [{"end": end, "description": text} for end, text in case.clips]
        told = {"reasoning": "So it fits.", "position": case.position, "style": case.style, "clips": clips}
        replies.setdefault(case.prompt, []).append(f"```json\n{json.dumps(told)}\n```")
    (folder / "replies.json").write_text(json.dumps(replies))
    return folder


@pytest.fixture
def made(reasondiff: Callable, folder: Path, model: Path, tmp_path: Path) -> Path:
    out = tmp_path / "made"
    ran = reasondiff("cases", folder, "-o", out, "--model", model, "--narrator", f"scripted:{folder / 'replies.json'}",
                     "--size", 32)  # fmt: skip
    assert ran.code == 0 and "5 of 5 cases made" in ran.out, ran
    return out


def test_narrative_timeline_and_video_of_every_case(made: Path, folder: Path) -> None:
    for number, case in enumerate(CASES, 1):
        name = made / f"{number}-{case.image}"
        story = Narrative.load(name.with_suffix(".json"))
        assert (story.anchor_frame + 1, story.style, story.num_frames) == (case.position, case.style, 9)
        assert tuple((clip.end, clip.description) for clip in story.clips) == case.clips
        assert story.provenance["narrator"] == "scripted" and story.provenance["repairs"] == []

        with Image.open(f"{name}-timeline.png") as drawn:
            pixels = np.asarray(drawn)
        accent = tuple(int(lettering.ACCENT[i : i + 2], 16) for i in (1, 3, 5))
        assert pixels.shape[1] == 1600 and (pixels == accent).all(-1).any()  # the place of the image is marked

        video = read_video(name.with_suffix(".mp4"))
        height, width = video.frames.shape[1:3]
        assert len(video.frames) == 9 and (width > height) == (case.size[0] > case.size[1])
        assert video.record is not None and video.record.prompt == case.prompt
        assert Narrative.from_dict(dict(video.record.narrative)) == story
    with Image.open(made / "sheet.png") as sheet:
        assert sheet.height > 1000
