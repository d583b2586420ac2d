"""Intervals for small samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["mean_interval", "paired_difference", "wilson"]

_Z = 1.959964  # of a two-sided 95 % interval


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
