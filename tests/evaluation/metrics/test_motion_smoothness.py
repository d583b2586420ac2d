"""VBench's motion smoothness, by hand."""

from __future__ import annotations

import pytest

from reasondiff.evaluation.metrics.base import measure
from reasondiff.evaluation.metrics.motion_smoothness import MotionSmoothness
from tests.evaluation.stubs import InterpolatorStub, grey, sample


def test_every_other_frame_is_guessed_from_its_neighbours() -> None:
    # Between 0 and 20 lies 10, and 14 is shown; between 20 and 40 lies 30, and 20 is shown.
    value = MotionSmoothness(InterpolatorStub()).measure(sample(grey(0, 14, 20, 20, 40)))
    assert value == pytest.approx((255 - (4 + 10) / 2) / 255)


def test_of_an_even_number_the_last_frame_is_not_looked_at() -> None:
    metric = MotionSmoothness(InterpolatorStub())
    seen = sample(grey(0, 10, 20, 255))
    assert metric.measure(seen) == 1.0
    assert list(metric.frames_of(seen)) == [1]
    assert list(metric.frames_of(sample(grey(*range(81))))) == list(range(1, 80, 2))
    assert list(metric.frames_of(sample(grey(*range(16))))) == list(range(1, 14, 2))


def test_the_guess_is_cut_to_whole_levels_and_to_the_range() -> None:
    assert MotionSmoothness(InterpolatorStub(plus=0.9)).measure(sample(grey(10, 10, 10))) == 1.0  # 10.9 is 10, not 11
    assert MotionSmoothness(InterpolatorStub(plus=1.0)).measure(sample(grey(10, 10, 10))) == 254 / 255
    assert MotionSmoothness(InterpolatorStub(plus=50)).measure(sample(grey(250, 250, 250))) == pytest.approx(250 / 255)


def test_the_rate_counts_for_nothing() -> None:
    frames = grey(0, 14, 20)
    values = [MotionSmoothness(InterpolatorStub()).measure(sample(frames, fps=fps)) for fps in (5, 8, 30)]
    assert len(set(values)) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_frames_are_said(count: int) -> None:
    found = measure([MotionSmoothness(InterpolatorStub())], sample(grey(*range(count))))
    assert found.missing == {"motion_smoothness": f"smoothness needs three frames, and the video has {count}"}
