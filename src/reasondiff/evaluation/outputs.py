"""What a system makes of a case: a video, or a failure with its sentence."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["Failure", "Output"]


@dataclass(frozen=True)
class Output:
    """A video.

    Args:
        frames: uint8 [frames, height, width, 3], RGB.
        fps: frames per second.
        anchor_frame: where the system was to show the given image, 0-based; None for one that was told no frame.
    """

    frames: np.ndarray = field(repr=False)
    fps: float
    anchor_frame: int | None = None


@dataclass(frozen=True)
class Failure:
    """No video, by the system's own fault; it is counted against the system.

    Args:
        sentence: what went wrong.
    """

    sentence: str
