"""Where parts of a video meet: how far it jumps there, against what it does everywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["Join", "measure_joins"]


@dataclass(frozen=True)
class Join:
    """The step from the last frame of one part to the first of the next; all differences in levels of 0..255.

    Args:
        frame: the later of both frames, 0-based.
        motion: how much a pixel changes, on average.
        colour: how much the mean colour changes, the channels' root mean square.
        usual_motion: the median of the same over all steps within parts.
        usual_colour: the median of the same over all steps within parts.
    """

    frame: int
    motion: float
    colour: float
    usual_motion: float
    usual_colour: float

    def __str__(self) -> str:
        return (
            f"join at position {self.frame + 1}: pixels change by {self.motion:.1f} of 255 (elsewhere "
            f"{self.usual_motion:.1f}), the mean colour by {self.colour:.2f} (elsewhere {self.usual_colour:.2f})"
        )


def measure_joins(frames: np.ndarray, at: Iterable[int]) -> tuple[Join, ...]:
    """The jumps at some frames.

    Args:
        frames: uint8 [frames, height, width, 3].
        at: the first frame of each part, 0-based; the video's own first frame is no join.
    """
    places = sorted({frame for frame in at if 0 < frame < len(frames)})
    pixels = frames.astype(np.float32)
    motion = np.abs(np.diff(pixels, axis=0)).mean((1, 2, 3))
    colour = np.sqrt(np.square(np.diff(pixels.mean((1, 2)), axis=0)).mean(1))
    within = [step for step in range(len(motion)) if step + 1 not in places]
    usual = [float(np.median(values[within])) if within else 0.0 for values in (motion, colour)]
    return tuple(Join(frame, float(motion[frame - 1]), float(colour[frame - 1]), *usual) for frame in places)
