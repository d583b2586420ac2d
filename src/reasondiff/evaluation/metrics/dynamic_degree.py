"""Whether a video moves, as VBench's dynamic degree says: yes or no."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from reasondiff.evaluation.metrics.base import Need, Sample
from reasondiff.evaluation.networks.base import FlowEstimator, Origin

__all__ = ["DynamicDegree", "fastest_motion"]

RATE = 8
"""Frames per second that a video is thinned to."""

PIXELS = 6 / 256
"""A motion of so many pixels per pixel of the shorter side is one."""

FASTEST = 0.05
"""The share of a frame's pixels whose motion counts."""


def fastest_motion(flow: np.ndarray) -> float:
    """The mean speed of the fastest twentieth of the pixels; of flow [height, width, 2], in its unit."""
    speeds = np.sort(np.linalg.norm(flow, axis=-1).ravel())[::-1]
    return float(speeds[: int(len(speeds) * FASTEST)].mean())


@dataclass(frozen=True)
class DynamicDegree:
    """1 if enough of the steps between the frames that are kept have a fast motion, else 0.

    Every max(1, round(fps / 8))-th frame is kept, n of them; a step is a motion if its fastest twentieth of pixels
    moves by more than 6 pixels per 256 of the shorter side; enough are round(4 n / 16). Halves are rounded to even.
    So of one frame the answer is no, and of two it is yes, whatever they show, as VBench has it.

    Args:
        estimator: of the flow; with RAFT the value is VBench's.
    """

    estimator: FlowEstimator = field(repr=False)
    name: str = "dynamic_degree"
    unit: str = "share"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = 0.0

    @property
    def origin(self) -> Origin:
        return self.estimator.origin

    @property
    def title(self) -> str:
        return f"dynamic degree ({self.origin})"

    def frames_of(self, sample: Sample) -> range:
        """Those that are kept."""
        return range(0, len(sample.output.frames), max(1, round(sample.output.fps / RATE)))

    def measure(self, sample: Sample) -> float:
        kept = sample.output.frames[list(self.frames_of(sample))]
        threshold, enough = PIXELS * min(kept.shape[1:3]), round(4 * len(kept) / 16)
        moved = 0
        for frame, following in pairwise(kept):
            moved += fastest_motion(self.estimator.flow(frame, following)) > threshold
            if moved >= enough:
                return 1.0
        return 0.0
