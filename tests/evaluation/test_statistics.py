"""Intervals against values computed by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.evaluation.statistics import paired_difference, wilson


def test_wilson_of_none_and_all_of_ten() -> None:
    z2 = 1.959964**2
    low, high = wilson(0, 10)
    assert low == 0 and math.isclose(high, z2 / (10 + z2), rel_tol=1e-6)  # 0.2775
    assert wilson(10, 10) == pytest.approx((10 / (10 + z2), 1.0))


def test_wilson_of_half() -> None:
    assert wilson(50, 100) == pytest.approx((0.40383, 0.59617), abs=1e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    successes, count = case
    low, high = wilson(successes, count)
    assert 0 <= low <= successes / count + 1e-12 and successes / count <= high + 1e-12 <= 1 + 1e-9
    assert wilson(count - successes, count) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_a_constant_difference_has_no_interval() -> None:
    assert paired_difference([1.0] * 20, [0.0] * 20) == (1.0, 1.0, 1.0)


def test_the_bootstrap_interval_matches_the_normal_one() -> None:
    ours, theirs = [1.0] * 60 + [0.0] * 40, [1.0] * 30 + [0.0] * 70
    mean, low, high = paired_difference(ours, theirs)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 100)  # 30 differences of 1, 70 of 0
    assert mean == pytest.approx(0.3)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.015)
