"""Sharpness, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reasondiff.evaluation.metrics.base import Sample, measure
from reasondiff.evaluation.metrics.sharpness import Sharpness, laplacian_variance
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.suites.base import Case
from tests.evaluation.stubs import grey, sample


def checks(contrast: int) -> np.ndarray:
    """Squares of one pixel; in each the Laplacian is plus or minus four times the contrast."""
    down, across = np.indices((8, 8))
    return (128 + contrast * ((down + across) % 2)).astype(np.uint8)[..., None].repeat(3, axis=2)


def test_the_variance_of_the_laplacian() -> None:
    assert laplacian_variance(checks(10)) == pytest.approx((4 * 10) ** 2)
    assert laplacian_variance(grey(50)[0]) == 0
    assert laplacian_variance(np.zeros((2, 2, 3), np.uint8)) == 0


def test_over_that_of_the_image() -> None:
    case = Case("0", Image.fromarray(checks(20)), "A cat.", 0)
    seen = Sample(case, Output(np.stack([checks(10), checks(20)]), 5.0))
    assert Sharpness().measure(seen) == pytest.approx((0.25 + 1) / 2)


def test_an_image_without_edges_has_no_sharpness_to_compare_with() -> None:
    assert measure([Sharpness()], sample(grey(1, 2))).missing == {"sharpness": "the value is inf"}
