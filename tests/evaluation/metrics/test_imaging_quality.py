"""VBench's imaging quality, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reasondiff.evaluation.metrics.imaging_quality import ImagingQuality, as_vbench
from tests.evaluation.stubs import QualityStub, grey, sample


def test_the_mean_over_all_frames_of_a_rating_of_100() -> None:
    metric = ImagingQuality(QualityStub())
    assert metric.measure(sample(grey(0, 51, 204))) == pytest.approx((0 + 0.2 + 0.8) / 3)
    assert metric.title == "imaging quality (a stub 1, Apache-2.0)"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((512, 512), (512, 512)),  # no longer side above 512: as it is
        ((480, 512), (480, 512)),
        ((480, 832), (295, 512)),  # 512 / 832 * 480 = 295.38
        ((832, 480), (512, 295)),
        ((720, 1280), (288, 512)),
        ((64, 64), (64, 64)),  # never enlarged
    ],
)
def test_only_a_longer_side_above_512_is_made_smaller(size: tuple[int, int], shown: tuple[int, int]) -> None:
    network = QualityStub()
    ImagingQuality(network).measure(sample(grey(9, height=size[0], width=size[1])))
    assert network.shapes == [(1, 3, *shown)]


def test_without_antialiasing_lines_are_missed_and_not_averaged() -> None:
    frame = np.zeros((4, 2048, 3), np.uint8)
    frame[:, ::4] = 255  # a line in each group of four pixels; a sample point lies between the other three's middles
    seen = as_vbench(frame)
    assert seen.shape == (1, 3, 1, 512)
    assert torch.equal(seen, torch.zeros_like(seen))  # antialiasing would have made it a grey of about a quarter
