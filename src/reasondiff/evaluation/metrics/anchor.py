"""Where the given image is in a video, and whether it stands out there as a flash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from reasondiff.evaluation.metrics.base import Need, Sample
from reasondiff.evaluation.metrics.clip_score import frame_of_caption
from reasondiff.media.tensors import psnr

__all__ = ["AnchorFlash", "AnchorOffset", "BestFramePsnr", "NarratorAnchorError", "nearest_frame"]

SMALLEST_MEDIAN = 0.1
"""Of a step between frames, in levels of 255: stiller clips count as moving by so much, which nobody sees."""


def nearest_frame(frames: np.ndarray, image: np.ndarray, expected: int | None = None) -> int:
    """The frame that is most like an image, by squared error; 0-based.

    Args:
        frames: uint8 [frames, height, width, 3].
        image: uint8 [height, width, 3].
        expected: of frames that are equally like it, the one nearest to this; the first one if None.
    """
    target = image.astype(np.float64)
    errors = np.array([np.square(frame - target).mean() for frame in frames])
    best = np.flatnonzero(errors == errors.min())
    if expected is None:
        return int(best[0])
    return int(best[np.argmin(np.abs(best - expected))])


@dataclass(frozen=True)
class BestFramePsnr:
    """Between the given image and the frame that is most like it, wherever that is."""

    name: str = "best_frame_psnr"
    title: str = "best frame's PSNR"
    unit: str = "dB"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = None

    def measure(self, sample: Sample) -> float:
        frames = sample.output.frames
        return psnr(frames[nearest_frame(frames, sample.image)], sample.image)


@dataclass(frozen=True)
class AnchorOffset:
    """Frames between where the system was told to show the image and the frame that is most like it."""

    name: str = "anchor_offset"
    title: str = "anchor offset"
    unit: str = "frames"
    higher_is_better: bool = False
    needs: tuple[Need, ...] = ("anchor_frame",)
    of_a_failure: float | None = None

    def measure(self, sample: Sample) -> float:
        told = sample.anchor_frame
        return float(abs(nearest_frame(sample.output.frames, sample.image, told) - told))


@dataclass(frozen=True)
class NarratorAnchorError:
    """Frames between where the system was told to show the image and where it truly belongs.

    Where the true clip has another number of frames, its frame is brought to the video's, as ``frame_of_caption`` does.
    """

    name: str = "narrator_anchor_error"
    title: str = "narrator's anchor error"
    unit: str = "frames"
    higher_is_better: bool = False
    needs: tuple[Need, ...] = ("anchor_frame", "true_narrative")
    of_a_failure: float | None = None

    def measure(self, sample: Sample) -> float:
        truth = sample.case.true_narrative
        assert truth is not None
        frame = frame_of_caption(truth.anchor_frame, truth.num_frames, len(sample.output.frames))
        return float(abs(sample.anchor_frame - frame))


@dataclass(frozen=True)
class AnchorFlash:
    """How much larger the steps into and out of the anchor's frame are than the clip's median step; 1 is none.

    Args:
        of: a step of ``motion`` is the mean absolute difference of two frames' pixels, one of ``colour`` the distance
            of their mean colours, both in levels of 255.
    """

    of: Literal["motion", "colour"] = "motion"
    unit: str = "of the median step"
    higher_is_better: bool = False
    needs: tuple[Need, ...] = ("anchor_frame",)
    of_a_failure: float | None = None

    @property
    def name(self) -> str:
        return f"anchor_flash_{self.of}"

    @property
    def title(self) -> str:
        return f"anchor flash, {self.of}"

    def measure(self, sample: Sample) -> float:
        """Infinite for a single frame, which has no steps."""
        frames = sample.output.frames.astype(np.float64)
        steps = _motion(frames) if self.of == "motion" else _colour(frames)
        if not len(steps):
            return float("inf")
        at = sample.anchor_frame
        beside = steps[max(at - 1, 0) : at + 1]
        return float(beside.mean() / max(float(np.median(steps)), SMALLEST_MEDIAN))


def _motion(frames: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))


def _colour(frames: np.ndarray) -> np.ndarray:
    means = frames.mean(axis=(1, 2))
    return np.linalg.norm(np.diff(means, axis=0), axis=1)
