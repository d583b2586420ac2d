"""VBench-I2V's consistency with the image, by hand."""

from __future__ import annotations

import math

import pytest

from reasondiff.evaluation.metrics.base import measure
from reasondiff.evaluation.metrics.image_consistency import ImageConsistency
from tests.evaluation.stubs import EncoderStub, grey, sample


def cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def test_the_nearest_frame_and_the_steps_between_frames() -> None:
    value = ImageConsistency(EncoderStub()).measure(sample(grey(40, 10, 70), image=0))
    assert value == pytest.approx(0.4 * cos(10) + 0.3 * (cos(30) + cos(60)) / 2 + 0.3 * cos(60))


def test_it_does_not_matter_where_the_image_is() -> None:
    at_the_start, at_the_end = sample(grey(0, 30, 60)), sample(grey(60, 30, 0))
    metric = ImageConsistency(EncoderStub())
    assert metric.measure(at_the_start) == pytest.approx(metric.measure(at_the_end))


def test_cosines_below_0_count_as_0() -> None:
    value = ImageConsistency(EncoderStub()).measure(sample(grey(0, 180, 180)))
    assert value == pytest.approx(0.4 * 1 + 0.3 * (0 + 1) / 2 + 0.3 * 0)


def test_a_single_frame_has_no_steps() -> None:
    found = measure([ImageConsistency(EncoderStub())], sample(grey(0)))
    assert found.missing == {"i2v_subject": "consistency needs two frames, and the video has one"}
