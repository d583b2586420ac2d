"""Intervals against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.evaluation.statistics import holm, paired_difference, sign_flip_test, wilson


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


def test_a_sign_flip_test_by_hand() -> None:
    assert sign_flip_test([1, 1, 1]) == 2 / 8  # +++ and ---
    assert sign_flip_test([3, 1, -1]) == 6 / 8  # sums of 3 and more: +++, ++-, +-+ and their opposites
    assert sign_flip_test([0, 0]) == 1 and sign_flip_test([]) == 1
    assert sign_flip_test([0, 1, 1, 1, 0]) == 2 / 8  # pairs that are equal say nothing


def test_the_sign_flip_test_of_shares_is_mcnemars() -> None:
    ahead, behind = 8, 2
    exact = 2 * sum(math.comb(10, k) for k in range(3)) / 2**10
    assert sign_flip_test([1] * ahead + [-1] * behind + [0] * 40) == pytest.approx(exact)


def test_many_pairs_are_tried_at_random_and_the_same_way_each_time() -> None:
    rng = np.random.default_rng(1)
    even, ahead = rng.normal(0, 1, 100), rng.normal(1, 1, 100)
    assert sign_flip_test(ahead) == pytest.approx(1 / 10_001) and sign_flip_test(even) == sign_flip_test(even) > 0.05


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []
