"""What a system makes of a case: a video, or a failure with its sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["Failure", "Output", "VideoFile"]


@dataclass(frozen=True)
class VideoFile:
    """What is known of a file that a video was read from.

    Args:
        path: where it lies.
        codec: as FFmpeg names it.
        sha256: of the file.
    """

    path: Path
    codec: str
    sha256: str


@dataclass(frozen=True)
class Output:
    """A video.

    Args:
        frames: uint8 [frames, height, width, 3], RGB.
        fps: frames per second.
        anchor_frame: where the system was to show the given image, 0-based; None for one that was told no frame.
        source: the file that it was read from, which stays as it is; None for a video that is yet to be written.
    """

    frames: np.ndarray = field(repr=False)
    fps: float
    anchor_frame: int | None = None
    source: VideoFile | None = None


@dataclass(frozen=True)
class Failure:
    """No video, by the system's own fault; it is counted against the system.

    Args:
        sentence: what went wrong.
    """

    sentence: str
