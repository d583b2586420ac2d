"""How far a video jumps where parts meet, by hand."""

from __future__ import annotations

import numpy as np

from reasondiff.media.joins import measure_joins


def grey(*levels: int) -> np.ndarray:
    """Frames of one level each."""
    return np.stack([np.full((2, 2, 3), level, np.uint8) for level in levels])


def test_a_jump_is_measured_against_the_median_step_within_parts() -> None:
    (join,) = measure_joins(grey(10, 12, 14, 44, 46, 49), at=(0, 3, 6))
    assert (join.frame, join.motion, join.colour, join.usual_motion, join.usual_colour) == (3, 30, 30, 2, 2)
    assert str(join).startswith("join at position 4: pixels change by 30.0 of 255 (elsewhere 2.0)")


def test_what_only_moves_changes_pixels_and_not_the_mean_colour() -> None:
    here, there = np.zeros((2, 1, 2, 3), np.uint8)
    here[0, 0], there[0, 1] = 200, 200
    (join,) = measure_joins(np.stack([here, here, there, there]), at=(2,))
    assert (join.motion, join.colour, join.usual_motion) == (200, 0, 0)


def test_a_video_without_parts_has_no_joins_and_one_of_parts_alone_no_usual_step() -> None:
    assert measure_joins(grey(1, 2, 3), at=()) == ()
    assert [join.usual_motion for join in measure_joins(grey(1, 5), at=(1,))] == [0]
