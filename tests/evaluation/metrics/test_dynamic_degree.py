"""VBench's dynamic degree, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from reasondiff.evaluation.metrics.dynamic_degree import DynamicDegree, fastest_motion
from tests.evaluation.stubs import FlowStub, grey, sample


@pytest.mark.parametrize(
    ("count", "fps", "step", "kept"),
    [
        (81, 16, 2, 41),
        (81, 15, 2, 41),  # 1.875
        (33, 5, 1, 33),  # 0.625, at least 1
        (16, 8, 1, 16),
        (81, 12, 2, 41),  # 1.5: halves to even
        (81, 20, 2, 41),  # 2.5: halves to even
        (81, 24, 3, 27),
        (81, 25, 3, 27),
        (81, 30, 4, 21),  # 3.75
    ],
)
def test_which_frames_are_kept(count: int, fps: float, step: int, kept: int) -> None:
    seen = sample(grey(*range(count)), fps=fps)
    frames = list(DynamicDegree(FlowStub(lambda level: 0)).frames_of(seen))
    assert frames == list(range(0, count, step)) and len(frames) == kept


def test_the_flow_is_asked_between_the_frames_that_are_kept() -> None:
    estimator = FlowStub(lambda level: 0)
    assert DynamicDegree(estimator).measure(sample(grey(*range(9)), fps=16)) == 0
    assert estimator.asked == [(0, 2), (2, 4), (4, 6), (6, 8)]


@pytest.mark.parametrize(("size", "threshold"), [((256, 256), 6.0), ((512, 640), 12.0), ((480, 832), 11.25)])
def test_a_motion_is_6_pixels_per_256_of_the_shorter_side(size: tuple[int, int], threshold: float) -> None:
    frames = grey(0, 1, 2, 3, height=size[0], width=size[1])
    slow, fast = FlowStub(lambda level: threshold), FlowStub(lambda level: threshold + 0.01)
    assert DynamicDegree(slow).measure(sample(frames)) == 0  # not more than the threshold
    assert DynamicDegree(fast).measure(sample(frames)) == 1


@pytest.mark.parametrize(
    ("kept", "enough"),
    [(16, 4), (33, 8), (41, 10), (6, 2), (10, 2), (14, 4)],  # 1.5, 2.5 and 3.5: halves to even
)
def test_how_many_motions_are_enough(kept: int, enough: int) -> None:
    def degree(motions: int) -> float:
        estimator = FlowStub(lambda level: 9.0 if level < motions else 0.0)
        return DynamicDegree(estimator).measure(sample(grey(*range(kept), height=256, width=256)))

    assert [degree(enough - 1), degree(enough)] == [0, 1]


def test_one_frame_is_still_and_two_move_as_vbench_has_it() -> None:
    still = DynamicDegree(FlowStub(lambda level: 0))
    assert still.measure(sample(grey(5))) == 0
    assert still.measure(sample(grey(5, 5))) == 1  # round(4 * 2 / 16) is 0, and so many motions are there
    assert still.measure(sample(grey(5, 5, 5))) == 0


def test_the_fastest_twentieth_counts() -> None:
    flow = np.zeros((10, 10, 2))
    flow[0, :4] = (3, 4)  # four pixels of speed 5, of the five that count
    assert fastest_motion(flow) == 4.0
    assert fastest_motion(np.full((7, 7, 2), (0, -2.0))) == 2.0  # int(2.45) pixels
