"""Intervals for small samples, and tests on pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["holm", "mean_interval", "paired_difference", "sign_flip_test", "wilson"]

_Z = 1.959964  # of a two-sided 95 % interval
_EXACT = 12
"""Differences whose 4096 signs are all tried."""


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, which stays within 0..1 and makes sense for 0 of n too."""
    if count == 0:
        return 0.0, 1.0
    share, z2 = successes / count, _Z**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], *, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float, float]:
    """Mean difference over the same cases, and its 95 % interval by bootstrap over cases.

    Args:
        ours: one value per case.
        theirs: the same cases in the same order.
        resamples: of the bootstrap.
        seed: of the resampling.
    """
    return mean_interval(np.asarray(ours, float) - np.asarray(theirs, float), resamples=resamples, seed=seed)


def mean_interval(
    values: Sequence[float] | np.ndarray, *, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float, float]:
    """A mean, and its 95 % interval by bootstrap."""
    found = np.asarray(values, float)
    draws = np.random.default_rng(seed).integers(len(found), size=(resamples, len(found)))
    low, high = np.percentile(found[draws].mean(axis=1), (2.5, 97.5))
    return float(found.mean()), float(low), float(high)


def sign_flip_test(differences: Sequence[float] | np.ndarray, *, resamples: int = 10_000, seed: int = 0) -> float:
    """How likely a mean at least so far from 0 is if every paired difference could as well have the other sign.

    Two-sided; exact, over all signs, for up to 12 differences that are not 0, else by drawing signs. For differences of
    shares the exact test is McNemar's.

    Args:
        differences: one per case.
        resamples: signs that are drawn for each difference.
        seed: of the drawing.
    """
    found = np.asarray(differences, float)
    found = found[found != 0]
    count = len(found)
    if count == 0:
        return 1.0
    observed = abs(found.sum()) * (1 - 1e-12)  # equal sums count as at least so far, however they are rounded
    if count <= _EXACT:
        bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
        return float((np.abs((2 * bits - 1) @ found) >= observed).mean())
    signs = np.random.default_rng(seed).integers(2, size=(resamples, count)) * 2 - 1
    return float(((np.abs(signs @ found) >= observed).sum() + 1) / (resamples + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for having tested several times: p-values that can each be compared with the usual limit."""
    order = np.argsort(p_values, kind="stable")
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
