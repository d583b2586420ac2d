"""How sharp frames are, without a network: the variance of their Laplacian (Pech-Pacheco et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reasondiff.evaluation.metrics.base import Need, Sample

__all__ = ["Sharpness", "laplacian_variance"]

LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in a grey (ITU-R BT.601)."""


def laplacian_variance(frame: np.ndarray) -> float:
    """Of one frame, uint8 [height, width, 3]: the variance, over its inner pixels, of four neighbours minus four times
    the pixel, in squared levels of grey."""
    grey = frame.astype(np.float64) @ LUMA
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    return float(laplacian.var()) if laplacian.size else 0.0


@dataclass(frozen=True)
class Sharpness:
    """The mean of ``laplacian_variance`` over all frames, over that of the given image; 1 is as sharp as the image.

    It stands in where no network can rate the pictures, such as small drawings; it rewards noise, and so is to be read
    beside the true clips' own value.
    """

    name: str = "sharpness"
    title: str = "sharpness (variance of the Laplacian)"
    unit: str = "of the image's"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = 0.0

    def measure(self, sample: Sample) -> float:
        """Infinite for an image without any edge."""
        own = laplacian_variance(sample.image)
        found = float(np.mean([laplacian_variance(frame) for frame in sample.output.frames]))
        return found / own if own else float("inf")
