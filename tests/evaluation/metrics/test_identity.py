"""Identity drift by hand, with a network that is a table."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reasondiff.evaluation.metrics.base import Sample
from reasondiff.evaluation.metrics.identity import IdentityDrift, colour_histograms
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.suites.base import Case


def drift(levels: list[int], anchor_frame: int, embed: object = None) -> float:
    frames = np.stack([np.full((4, 4, 3), level, np.uint8) for level in levels])
    case = Case("0", Image.new("RGB", (4, 4)), "A cat.", 0)
    metric = IdentityDrift() if embed is None else IdentityDrift(embed)  # type: ignore[arg-type]
    return metric.measure(Sample(case, Output(frames, 5.0, anchor_frame)))


def at_angles(frames: np.ndarray) -> np.ndarray:
    """A frame of level n is a vector at n degrees; the given image is black."""
    angles = np.deg2rad(frames[:, 0, 0, 0].astype(float))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_drift_is_far_minus_near() -> None:
    # nearest third of 6 frames around frame 0: 0 and 1; farthest: 4 and 5
    assert drift([0, 0, 30, 30, 90, 60], 0, at_angles) == pytest.approx((1 + 0.5) / 2 - 0)
    assert drift([60, 90, 30, 30, 0, 0], 5, at_angles) == pytest.approx(0.75)
    # around frame 3 the order is 3, 2, 4, 1, 5, 0
    assert drift([90, 0, 60, 0, 0, 60], 3, at_angles) == pytest.approx((1 + 0.5) / 2 - (0 + 0.5) / 2)


def test_a_still_image_does_not_drift_and_one_frame_cannot() -> None:
    assert drift([60] * 9, 4, at_angles) == drift([0] * 9, 4) == drift([0], 0) == 0


def test_coming_back_to_the_image_is_less_than_no_drift() -> None:
    assert drift([90, 90, 90, 0, 0, 0, 0, 0, 0], 0, at_angles) == pytest.approx(-1)


def test_histograms_count_64_colours() -> None:
    frames = np.zeros((2, 2, 2, 3), np.uint8)
    frames[0, 0, 0] = (255, 63, 64)  # levels 3, 0, 1
    frames[1] = 200  # levels 3, 3, 3
    found = colour_histograms(frames)
    assert found.shape == (2, 64) and found.sum(axis=1) == pytest.approx(1)
    assert found[0, 0] == 0.75 and found[0, 3 * 16 + 0 * 4 + 1] == 0.25 and found[1, 63] == 1


def test_other_colours_far_from_the_anchor_are_drift() -> None:
    assert drift([0, 0, 0, 0, 0, 0, 200, 200, 200], 0) == 1
    assert drift([0, 10, 20, 30, 40, 50, 0, 10, 20], 0) == 0, "small changes of light are the same colour"
