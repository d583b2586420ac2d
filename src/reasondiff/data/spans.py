"""Which moments of a video a clip shows; arithmetic only, nothing is decoded here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

from reasondiff.errors import InputError
from reasondiff.media import Fit
from reasondiff.timeline import Timeline

__all__ = ["Sampling", "Span", "plan_spans"]

_TINY = 1e-6
"""Seconds that two equal times may differ by after the arithmetic of floats."""

_MULTIPLE = 16
"""Pixels: the VAE's 8 times the transformer's patch of 2."""


@dataclass(frozen=True)
class Sampling:
    """How clips are taken from videos (Sec. 3.4 of the paper: 33 frames every 0.2 s, 512 x 512).

    Args:
        num_frames: of a clip.
        step: seconds between its frames.
        width: pixels.
        height: pixels.
        fit: "crop" fills the size and cuts around the centre; "letterbox" keeps everything and adds black bars.
        clips: most clips of one video; 0 takes as many as lie side by side in it.
        min_step: seconds; a video that is too short gets a smaller step, down to this. None refuses it.
        min_motion: per cent of the frame's height per second (``data.motion``); clips in which less moves are left out.
            0 measures nothing.

    Raises:
        InputError: a number that makes no clip.
    """

    num_frames: int = 33
    step: float = 0.2
    width: int = 512
    height: int = 512
    fit: Fit = "crop"
    clips: int = 1
    min_step: float | None = None
    min_motion: float = 0.0

    def __post_init__(self) -> None:
        Timeline(self.num_frames)
        if not 0.001 <= self.step <= 3600:  # time stamps count milliseconds; a frame an hour is still a clip
            raise InputError(f"A step of {self.step} s makes no clip; give a number from 0.001 to 3600.")
        if self.min_step is not None and not 0 < self.min_step <= self.step:
            raise InputError(f"The smallest step is {self.min_step} s; give one above 0 and at most {self.step:g}.")
        if not 0 <= self.min_motion < 1000:
            raise InputError(f"A motion of {self.min_motion:g} % a second is no bound; give 0 for none, or such as 1.")
        if self.clips < 0:
            raise InputError(f"{self.clips} clips cannot be taken; give 1 or more, or 0 for as many as fit.")
        if self.fit not in get_args(Fit):
            raise InputError(f"{self.fit!r} is unknown; give one of {', '.join(get_args(Fit))}.")
        if min(self.width, self.height) < _MULTIPLE or self.width % _MULTIPLE or self.height % _MULTIPLE:
            raise InputError(f"{self.width}x{self.height} does not divide into 16x16 pixels; give multiples of 16.")


@dataclass(frozen=True)
class Span:
    """The times of one clip.

    Args:
        start: seconds from the video's first frame.
        step: seconds between frames.
        num_frames: of the clip.
    """

    start: float
    step: float
    num_frames: int

    def times(self) -> list[float]:
        """Seconds of every frame."""
        return [self.start + number * self.step for number in range(self.num_frames)]


def plan_spans(
    seconds: float, fps: float, sampling: Sampling, start: float = 0.0, end: float | None = None
) -> list[Span]:
    """Where the clips of a video begin, spread evenly, never overlapping.

    A frame lasts until the next one, the last as long as one of ``fps``. So a clip fits where its last frame begins
    before the end.

    Args:
        seconds: length of the video.
        fps: of the video.
        sampling: what is wanted.
        start: seconds before which nothing is taken.
        end: seconds after which nothing is taken; None is the video's end.

    Raises:
        InputError: the video is too short, or has fewer frames a second than the clip; after ": " the numbers.
    """
    end = seconds if end is None else min(end, seconds)
    room = end - start
    length = (sampling.num_frames - 1) * sampling.step
    if room <= length + _TINY:
        return [_shorter(start, room, fps, sampling)]
    if fps * sampling.step < 1 - _TINY:
        raise InputError(f"its frames are further apart than the step: {fps:g} a second")
    period = sampling.num_frames * sampling.step
    most = 1 + math.floor((room - length - _TINY) / period)
    count = min(most, sampling.clips) if sampling.clips else most
    spare = room - length - (count - 1) * period
    starts = [start + spare * (number + 0.5) / count + number * period for number in range(count)]
    # Whole milliseconds, rounded down, so that the times are readable and the last frame stays before the end.
    return [Span(math.floor(1000 * each) / 1000, sampling.step, sampling.num_frames) for each in starts]


def _shorter(start: float, room: float, fps: float, sampling: Sampling) -> Span:
    """One clip over the whole of a short video."""
    step = math.floor(1000 * (room - 1 / fps) / (sampling.num_frames - 1)) / 1000
    needed = (sampling.num_frames - 1) * sampling.step
    if sampling.min_step is None:
        raise InputError(f"it is too short: {room:.2f} s, and a clip needs more than {needed:g} s")
    if step < sampling.min_step:
        raise InputError(f"it is too short even for the smallest step: {room:.2f} s, which is a step of {step:.3f} s")
    if fps * step < 1 - 0.02:  # the rounding down to milliseconds takes up to a fiftieth at 20 frames a second
        raise InputError(f"its frames are further apart than the step: {fps:g} a second")
    return Span(start, step, sampling.num_frames)
