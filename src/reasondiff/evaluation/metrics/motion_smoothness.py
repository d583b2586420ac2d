"""How well a video's every other frame can be guessed from its neighbours, as VBench's motion smoothness says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from reasondiff.evaluation.metrics.base import Need, NoValueError, Sample
from reasondiff.evaluation.networks.base import FrameInterpolator, Origin

__all__ = ["MotionSmoothness"]


@dataclass(frozen=True)
class MotionSmoothness:
    """One minus the mean difference of frames 1, 3, 5, ... from what is invented between their neighbours.

    Frames 0, 2, 4, ... are kept; of an even number of frames the last one is not looked at. What the network invents
    is cut, not rounded, to whole levels, as VBench does. The rate of the file counts for nothing: the same scene at
    more frames per second is smoother.

    Args:
        interpolator: invents frames; with AMT-S the value is VBench's.
    """

    interpolator: FrameInterpolator = field(repr=False)
    name: str = "motion_smoothness"
    unit: str = "of 1"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = 0.0

    @property
    def origin(self) -> Origin:
        return self.interpolator.origin

    @property
    def title(self) -> str:
        return f"motion smoothness ({self.origin})"

    def frames_of(self, sample: Sample) -> range:
        """The frames that are guessed."""
        return range(1, len(sample.output.frames) - 1, 2)

    def measure(self, sample: Sample) -> float:
        frames = sample.output.frames
        differences = []
        for number in self.frames_of(sample):
            invented = self.interpolator.middle(frames[number - 1], frames[number + 1])
            levels = invented.clip(0, 255).astype(np.uint8)
            differences.append(np.abs(frames[number].astype(np.int16) - levels).mean())
        if not differences:
            raise NoValueError(f"smoothness needs three frames, and the video has {len(frames)}")
        return float((255 - np.mean(differences)) / 255)
