"""Sections of a long video: where they lie, what they share, and that the whole is one video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.errors import InputError, UnsupportedError
from reasondiff.narrative import Anchor, Narrative
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from reasondiff.pipeline.sections import Section, part_of, plan_sections, section_around
from reasondiff.timeline import Timeline
from tests import tiny
from tests.tiny.pipelines import IMAGE, pipeline

STORY = Narrative.from_ends([(9, "A vase stands."), (17, "A cat comes."), (25, "The vase is broken.")], 24, 25)


def lies(*sections: Section) -> list[tuple[int, int, int, int]]:
    """Each section's first and last frame, and those that are known, 1-based; 0 for none."""
    return [
        (s.frames.start + 1, s.frames.stop, *((s.known.start + 1, s.known.stop) if s.known else (0, 0)))
        for s in sections
    ]


def test_an_image_at_the_end_is_told_backwards_by_hand() -> None:
    sections = plan_sections(61, 33, 4, anchor=60)
    assert lies(*sections) == [(29, 61, 0, 0), (13, 45, 29, 45), (1, 33, 13, 33)]
    assert not sections[1].forward and sections[1].join == 28
    # of frames 29..45 the first is shared with the group before it: groups 30-33, 34-37, 38-41, 42-45 are held
    assert sections[1].held(4) == (5, 6, 7, 8)


def test_an_image_at_the_start_is_told_forwards_by_hand() -> None:
    sections = plan_sections(49, 25, 4, anchor=0)
    assert lies(*sections) == [(1, 25, 0, 0), (13, 37, 13, 25), (25, 49, 25, 37)]
    assert sections[1].forward and sections[1].held(4) == (0, 1, 2, 3) and sections[1].join == 25


def test_an_image_in_the_middle_is_told_both_ways() -> None:
    assert lies(*plan_sections(65, 33, 4, anchor=32)) == [(17, 49, 0, 0), (33, 65, 33, 49), (1, 33, 17, 33)]


@given(st.integers(4, 21), st.integers(1, 200), st.sampled_from((4, 8)), st.data())
def test_every_frame_is_made_and_every_section_goes_on_from_what_is_there(
    groups: int, more: int, stride: int, data: st.DataObject
) -> None:
    length, total = 1 + stride * groups, 1 + stride * (groups + more)
    anchor = data.draw(st.integers(0, total - 1))
    sections = plan_sections(total, length, stride, anchor)
    assert anchor in sections[0].frames and not sections[0].known
    made: set[int] = set(sections[0].frames)
    for section in sections[1:]:
        assert len(section.frames) == length and section.frames.start % stride == 0
        assert set(section.known) == made & set(section.frames)
        assert 2 <= len(section.held(stride)) < 1 + groups
        made |= set(section.frames)
    assert made == set(range(total))


@given(st.integers(0, 6))
def test_a_sections_latent_frames_read_what_they_read_in_the_whole(start: int) -> None:
    story = Narrative.from_ends([(7, "One."), (19, "Two."), (30, "Three."), (41, "Four.")], 0, 41)
    whole = FramePlan.from_narrative(story, Timeline(41))
    frames = range(4 * start, 4 * start + 17)
    _, told = part_of(story, (IMAGE,), frames, frames.start, np.zeros((41, 4, 4, 3), np.uint8))
    part = FramePlan.from_narrative(told, Timeline(17))
    read = [whole.prompts[whole.segments[segment][0][0]] for segment in whole.segment_of[start : start + 5]]
    here = [part.prompts[part.segments[segment][0][0]] for segment in part.segment_of]
    assert here[1:] == read[1:]  # the first holds one frame here, and four there


def test_a_part_has_the_storys_own_images_or_the_frame_beside_it() -> None:
    images = (tiny.image(8, 8), tiny.image(8, 8, seed=1))
    story = STORY.with_images({0: 20, 1: 3})
    whole = np.arange(25, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    shown, told = part_of(story, images, range(13, 25), 13, whole)
    assert shown == (images[0],) and told.anchors == (Anchor(7),) and told.num_frames == 12
    assert [(clip.start, clip.end) for clip in told.clips] == [(0, 4), (4, 12)]
    shown, told = part_of(story, images, range(4, 17), 16, whole)
    assert told.anchors == (Anchor(12),) and np.asarray(shown[0]).min() == np.asarray(shown[0]).max() == 16


def test_a_section_around_frames_to_be_made_again() -> None:
    assert section_around(range(21, 29), 25, 33, 4) == range(25)
    assert section_around(range(21, 29), 61, 17, 4) == range(16, 33)
    assert section_around(range(1), 61, 17, 4) == range(17)
    assert section_around(range(57, 61), 61, 17, 4) == range(44, 61)
    with pytest.raises(InputError, match="split the clip"):
        section_around(range(21, 37), 61, 17, 4)


def frames(**options: Any) -> np.ndarray:
    given: dict[str, Any] = {"narrative": STORY, "output_type": "uint8", "section_frames": 17, "num_frames": 25}
    return pipeline()(IMAGE, **(given | options))


def test_a_long_video_is_one_video_with_its_joins() -> None:
    made = frames(seed=3)
    assert made.frames.shape == (1, 25, 64, 64, 3) and made.narrative == STORY and made.seeds == (3,)
    assert [join.frame for join in made.joins] == [8]
    assert np.array_equal(made.frames, frames(seed=3).frames)
    assert not np.array_equal(made.frames, frames(seed=4).frames)
    at_once = frames(section_frames=None)
    assert at_once.joins == () and at_once.latents is not None
    assert np.array_equal(frames(section_frames=25).frames, at_once.frames)
    floats = frames(seed=3, output_type="np")
    assert np.array_equal((floats.frames * 255).round().astype(np.uint8), made.frames)


def test_a_killed_run_goes_on_in_the_section_it_was_in(tmp_path: Path) -> None:
    steps: list[int] = []

    def fail(pipe: Any, step: int, timestep: Any, tensors: dict) -> dict:
        steps.append(step)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return {}

    place = tmp_path / "a.steps"
    with pytest.raises(KeyboardInterrupt):
        frames(progress=DenoisingCheckpoint(place), num_inference_steps=3, callback_on_step_end=fail)
    assert {path.name for path in tmp_path.iterdir()} == {"a-1.steps"}  # the second one's first step was not kept
    later: list[int] = []

    def count(pipe: Any, step: int, timestep: Any, tensors: dict) -> dict:
        later.append(step)
        return {}

    made = frames(progress=DenoisingCheckpoint(place), num_inference_steps=3, callback_on_step_end=count)
    assert later == [0, 1, 2] and not list(tmp_path.iterdir())
    assert np.array_equal(made.frames, frames(num_inference_steps=3).frames)


def test_refused() -> None:
    with pytest.raises(InputError, match="Sections of 9 frames have no room to overlap; give 13 or more"):
        frames(section_frames=9)
    with pytest.raises(InputError, match="18 frames do not fit"):
        frames(section_frames=18)
    with pytest.raises(InputError, match="no 'latent' form"):
        frames(output_type="latent")
    with pytest.raises(UnsupportedError, match="one at a time"):
        frames(num_videos_per_prompt=2)
