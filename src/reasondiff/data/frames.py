"""The frames of a video that are shown at given times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from reasondiff.data.spans import Span
from reasondiff.media import timed_frames, video_info

__all__ = ["frames_at"]

_LATE = 1e-6
"""Seconds by which a frame may seem to begin after the time asked for, for the arithmetic of floats."""


def frames_at(path: Path, spans: Iterable[Span], *, fps: float | None = None) -> Iterator[list[np.ndarray] | None]:
    """The frames that are shown at the times of each span, in one pass over the video.

    Args:
        path: of the video.
        spans: in the order of time, not overlapping.
        fps: play at this rate, whatever the time stamps say.

    Yields:
        For each span its frames, uint8 [height, width, 3] in RGB; None where the video ends before the span does.
    """
    last_duration = 1 / (fps or video_info(path).fps)
    frames = timed_frames(path)
    shown, count = next(frames), 1
    following = next(frames, None)
    for span in spans:
        images: list[np.ndarray] = []
        picked: float | None = None
        for time in span.times():
            while following is not None and _begins(following.seconds, count, fps) <= time + _LATE:
                shown, following, count = following, next(frames, None), count + 1
            if following is None and time >= _begins(shown.seconds, count - 1, fps) + last_duration - _LATE:
                break
            # A frame that is shown at several times is converted once.
            images.append(images[-1] if images and picked == shown.seconds else shown.image())
            picked = shown.seconds
        yield images if len(images) == span.num_frames else None


def _begins(seconds: float, number: int, fps: float | None) -> float:
    """When frame ``number`` is shown: by its time stamp, or by a rate that is known better."""
    return seconds if fps is None else number / fps
