"""A story of four times as many clips, in a video of four times as many frames, takes four times as much."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from reasondiff.cli.terminal.storyboard import timeline_text
from reasondiff.narrative import Narrative
from reasondiff.narrative.editing import merge_short, move_clip, split
from reasondiff.narrative.formats import read_narrative
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.narrator.reading.parse import parse
from reasondiff.timeline import Timeline
from tests.growth import LINEAR, growth, instructions_of

FEW = 30


def story(clips: int) -> Narrative:
    """Clips of 1 to 7 frames, each with a text of its own."""
    ends, end = [], 0
    for number in range(clips):
        end += 1 + number * 3 % 7
        ends.append((end, f"What happens in part {number} of a long story."))
    frames = end + -(end - 1) % 4
    return Narrative.from_ends([*ends[:-1], (frames, ends[-1][1])], frames // 2, frames)


def planned(how: str) -> Callable[[int], object]:
    def plan(clips: int) -> object:
        narrative = story(clips)
        return FramePlan.from_narrative(narrative, Timeline(narrative.num_frames), how)  # type: ignore[arg-type]

    return plan


def changed(clips: int) -> None:
    narrative = story(clips)
    narrative = merge_short(narrative, seconds=0.7)
    assert 1 < len(narrative.clips) < clips
    narrative = move_clip(split(narrative, narrative.num_frames - 1), 0, 3)
    narrative.retime(2 * narrative.num_frames - 1)


def replied(write: Callable[[Narrative], str]) -> Callable[[int], object]:
    """Read what a narrator writes of a long story; however it writes, all of it is understood."""

    def read(clips: int) -> None:
        told = story(clips)
        parsed = parse(write(told), told.num_frames)
        assert parsed.recovered and parsed.narrative is not None, parsed.faults
        assert parsed.narrative.clips == told.clips

    return read


def by_ends(told: Narrative) -> str:
    clips = [{"end": clip.end, "description": clip.description} for clip in told.clips]
    return json.dumps({"position": told.anchor_frame + 1, "clips": clips})


def carelessly(told: Narrative) -> str:
    """Without quotes around keys, with a comma too many and a comment in every line."""
    spans = [f"start: {clip.start + 1}, end: {clip.end}" for clip in told.clips]
    lines = [
        f'{{{span}, description: "{clip.description}",}}, // so' for span, clip in zip(spans, told.clips, strict=True)
    ]
    return "\n".join([f"{{position: {told.anchor_frame + 1}, clips: [", *lines, "]}"])


def frame_by_frame(told: Narrative) -> str:
    return json.dumps({"position": told.anchor_frame + 1, "descriptions": list(told.per_frame())})


def drawn(clips: int) -> None:
    Console(file=io.StringIO(), width=100).print(timeline_text(story(clips)))


WORK = {
    "majority": planned("majority"),
    "mean": planned("mean"),
    "concat": planned("concat"),
    "changed": changed,
    "by ends": replied(by_ends),
    "carelessly": replied(carelessly),
    "frame by frame": replied(frame_by_frame),
    "drawn": drawn,
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_long_story_takes_as_much_as_it_is_long(work: Callable[[int], object]) -> None:
    assert growth(work, FEW, instructions_of) < LINEAR


def test_a_long_storys_files_take_as_much_as_they_are_long(tmp_path: Path) -> None:
    def kept(clips: int) -> None:
        told = story(clips)
        told.save(tmp_path / "story.json")
        assert read_narrative(tmp_path / "story.json") == told
        (tmp_path / "paper.json").write_text(frame_by_frame(told))
        assert read_narrative(tmp_path / "paper.json").clips == told.clips

    assert growth(kept, FEW, instructions_of) < LINEAR
