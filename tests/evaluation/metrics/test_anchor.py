"""Where the image is in a video, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from reasondiff.evaluation.metrics.anchor import (
    AnchorFlash,
    AnchorOffset,
    BestFramePsnr,
    NarratorAnchorError,
    nearest_frame,
)
from reasondiff.evaluation.metrics.anchor_psnr import AnchorPsnr
from reasondiff.evaluation.metrics.base import Measured, Sample, measure
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.suites.base import Case
from reasondiff.narrative import Narrative


def video(*levels: int) -> np.ndarray:
    """One grey frame per level."""
    return np.stack([np.full((8, 8, 3), level, np.uint8) for level in levels])


def sample(frames: np.ndarray, level: int, anchor_frame: int | None, truth: int | None = None) -> Sample:
    story = None if truth is None else Narrative.from_ends([(len(frames), "A cat.")], truth, len(frames))
    case = Case("0", Image.new("RGB", (8, 8), (level,) * 3), "A cat.", 0, true_narrative=story)
    return Sample(case, Output(frames, 5.0, anchor_frame))


def test_the_image_is_found_where_it_is() -> None:
    seen = sample(video(0, 40, 80, 120), 81, anchor_frame=0)
    assert nearest_frame(seen.output.frames, seen.image) == 2
    assert AnchorOffset().measure(seen) == 2
    assert BestFramePsnr().measure(seen) == round(-20 * math.log10(1 / 255), 2)
    assert AnchorPsnr().measure(seen) == round(-20 * math.log10(81 / 255), 2)


def test_of_equal_frames_the_one_that_was_told_counts() -> None:
    still = video(*[50] * 9)
    assert [AnchorOffset().measure(sample(still, 50, told)) for told in (0, 4, 8)] == [0, 0, 0]
    twice = video(50, 0, 0, 0, 0, 0, 50, 0, 0)
    assert [AnchorOffset().measure(sample(twice, 50, told)) for told in (1, 4, 8)] == [1, 2, 2]
    assert nearest_frame(twice, np.full((8, 8, 3), 50, np.uint8)) == 0


def test_the_narrators_error_is_told_from_true() -> None:
    assert NarratorAnchorError().measure(sample(video(*range(9)), 3, anchor_frame=3, truth=8)) == 5
    assert measure([NarratorAnchorError()], sample(video(1, 2), 1, 1)) == Measured(
        {}, {"narrator_anchor_error": "the case has no true story"}
    )
    assert measure([NarratorAnchorError(), AnchorOffset()], sample(video(1, 2), 1, None, truth=1)) == Measured(
        {}, dict.fromkeys(("narrator_anchor_error", "anchor_offset"), "the system was told no frame for the image")
    )


@pytest.mark.parametrize(
    ("levels", "anchor_frame", "flash"),
    [
        ((0, 2, 4, 6, 8), 2, 1.0),  # steps of 2 everywhere
        ((0, 2, 34, 6, 8), 2, 30 / 15),  # steps 2, 32, 28, 2: a mean of 30 beside it, a median of (2 + 28) / 2
        ((10, 2, 4, 6, 8), 0, 8 / 2),  # at an end there is one step
        ((0, 2, 4, 6, 18), 4, 12 / 2),
        ((5, 5, 5, 5, 5), 2, 0.0),  # nothing moves
        ((5, 5, 9, 5, 5), 2, 4 / 2),  # steps 0, 4, 4, 0: a median of 2
    ],
)
def test_a_flash_is_the_anchors_steps_over_the_median(levels: tuple[int, ...], anchor_frame: int, flash: float) -> None:
    seen = sample(video(*levels), 0, anchor_frame)
    assert AnchorFlash("motion").measure(seen) == pytest.approx(flash)
    assert AnchorFlash("colour").measure(seen) == pytest.approx(flash)


def test_a_still_clip_that_flashes_is_no_division_by_zero() -> None:
    seen = sample(video(5, 5, 9, 5, 5, 5, 5), 0, anchor_frame=2)
    assert AnchorFlash("motion").measure(seen) == pytest.approx(4 / 0.1)
    assert AnchorFlash("colour").measure(seen) == pytest.approx(4 * math.sqrt(3) / 0.1)  # of three channels


def test_what_moves_without_another_colour_is_motion_alone() -> None:
    frames = np.zeros((5, 8, 8, 3), np.uint8)
    for frame in range(5):
        frames[frame, frame, :, :] = 255  # a white line that goes down
    frames[2] = 0
    frames[2, 7] = 255
    seen = sample(frames, 0, anchor_frame=2)
    assert AnchorFlash("colour").measure(seen) == 0
    assert AnchorFlash("motion").measure(seen) == pytest.approx(1)


def test_a_single_frame_has_no_steps_and_says_so() -> None:
    found = measure([AnchorFlash("motion")], sample(video(7), 7, 0))
    assert found == Measured({}, {"anchor_flash_motion": "the value is inf"})
