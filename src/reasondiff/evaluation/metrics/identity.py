"""Whether what the image shows stays itself, the further a video goes from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from reasondiff.evaluation.metrics.base import Need, Sample

__all__ = ["Embed", "IdentityDrift", "colour_histograms"]

Embed = Callable[[np.ndarray], np.ndarray]
"""From frames, uint8 [frames, height, width, 3], to a vector for each, float [frames, features]."""

BINS = 4
"""Per channel: 64 colours in all, coarse enough that noise and compression change none."""


def colour_histograms(frames: np.ndarray) -> np.ndarray:
    """The shares of 64 colours in every frame [frames, 64]; what can be told of identity without a network."""
    levels = frames.astype(np.int64) * BINS // 256
    colours = (levels[..., 0] * BINS + levels[..., 1]) * BINS + levels[..., 2]
    flat = colours.reshape(len(frames), -1)
    counts = [np.bincount(colour, minlength=BINS**3) for colour in flat]
    return np.stack(counts) / flat.shape[1]


@dataclass(frozen=True)
class IdentityDrift:
    """How much less the frames far from the anchor are like the given image than those near it.

    The mean cosine distance to the image in the third of the frames that is farthest from the anchor's, minus that in
    the nearest third; 0 is no drift, 1 is most. Of two frames equally far, the earlier counts as nearer.

    Args:
        embed: makes the vectors.
        by: what they are, for the column.
    """

    embed: Embed = field(default=colour_histograms, repr=False)
    by: str = "colours"
    name: str = "identity_drift"
    unit: str = "cosine"
    higher_is_better: bool = False
    needs: tuple[Need, ...] = ("anchor_frame",)
    of_a_failure: float | None = None

    @property
    def title(self) -> str:
        return f"identity drift by {self.by}"

    def measure(self, sample: Sample) -> float:
        frames = sample.output.frames
        vectors = self.embed(np.concatenate([sample.image[None], frames]))
        distances = 1 - _cosines(vectors[0], vectors[1:])
        from_anchor = np.abs(np.arange(len(frames)) - sample.anchor_frame)
        order = np.argsort(from_anchor, kind="stable")
        third = max(1, len(frames) // 3)
        return float(distances[order[-third:]].mean() - distances[order[:third]].mean())


def _cosines(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of a vector [features] and each of [n, features]; 0 where a vector is 0."""
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    return np.divide(others @ one, lengths, out=np.zeros(len(others)), where=lengths > 0)
