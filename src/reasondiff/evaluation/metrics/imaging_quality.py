"""How free of distortion the frames are, as VBench's imaging quality says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reasondiff.evaluation.metrics.base import Need, Sample
from reasondiff.evaluation.networks.base import Origin, QualityNetwork

__all__ = ["ImagingQuality", "as_vbench"]

LONGEST = 512
"""Pixels of the longer side, above which VBench makes frames smaller."""


def as_vbench(frame: np.ndarray) -> Tensor:
    """A frame, uint8 [height, width, 3], as VBench shows it to MUSIQ: float [1, 3, height, width] in 0..1.

    Only a frame whose longer side is above 512 is made smaller, bilinearly and without antialiasing; both sides are
    cut, not rounded, to whole pixels.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float()
    height, width = frame.shape[:2]
    if max(height, width) > LONGEST:
        scale = LONGEST / max(height, width)
        size = (int(scale * height), int(scale * width))
        pixels = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=False)
    return pixels / 255


@dataclass(frozen=True)
class ImagingQuality:
    """The mean over all frames of a network's rating; the paper calls it the aesthetic level, which it is not.

    Args:
        network: rates 0..100; with MUSIQ-SPAQ the value is VBench's.
    """

    network: QualityNetwork = field(repr=False)
    name: str = "imaging_quality"
    unit: str = "of 1"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = 0.0

    @property
    def origin(self) -> Origin:
        return self.network.origin

    @property
    def title(self) -> str:
        return f"imaging quality ({self.origin})"

    def measure(self, sample: Sample) -> float:
        scores = [self.network.score(as_vbench(frame)) for frame in sample.output.frames]
        return float(np.mean(scores)) / 100
