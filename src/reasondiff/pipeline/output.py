"""What comes out of the pipeline."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from reasondiff.errors import InputError
from reasondiff.media import write_video
from reasondiff.media.joins import Join
from reasondiff.narrative import Narrative
from reasondiff.pipeline.settings import Settings
from reasondiff.pipeline.story import PreparedStory

__all__ = ["ReasonDiffOutput"]


@dataclass(frozen=True)
class ReasonDiffOutput:
    """Videos, and how they came about.

    Args:
        frames: one entry per video, stories first: story 1's videos, then story 2's. Floats in 0..1
            [videos, frames, height, width, 3] for ``output_type="np"``; see ``Wan.decode``.
        stories: what each image and text became.
        seeds: of each video's noise; None where generators or latents were given.
        settings: every option, resolved.
        latents: what was decoded [videos, channels, latent_frames, height, width]; None of a video of sections.
        predicted: AlignFormer's c* [stories, channels, latent_frames, height, width], where one ran.
        joins: where the sections of a long video meet.
    """

    frames: Any
    stories: tuple[PreparedStory, ...]
    seeds: tuple[int, ...] | None
    settings: Settings
    latents: Tensor | None = field(default=None, repr=False)
    predicted: Tensor | None = field(default=None, repr=False)
    joins: tuple[Join, ...] = ()

    @property
    def narrative(self) -> Narrative:
        """The first story's narrative."""
        return self.stories[0].narrative

    def save(self, path: str | os.PathLike[str], video: int = 0, *, fps: float | None = None) -> None:
        """Write a video as an MP4, at the story's own pace.

        It has no record: what a pipeline was loaded with is known to the program that did it. A video of
        ``jobs.session.VideoSession`` has one, and can be replayed.

        Args:
            path: ends in ``.mp4``.
            video: of ``frames``, counted from 0.
            fps: of playback, instead of the story's pace.

        Raises:
            InputError: there is no such video, it is not decoded, or the name cannot be an MP4's.
            OutputError: it cannot be written there.
        """
        if not isinstance(self.frames, np.ndarray):
            raise InputError("Only decoded frames make a file; generate with output_type='np' or 'uint8'.")
        if not -len(self.frames) <= video < len(self.frames):
            raise InputError(f"There is no video {video} of {len(self.frames)}; they count from 0.")
        frames = self.frames[video]
        if frames.dtype != np.uint8:
            frames = (frames * 255).round().astype(np.uint8)
        write_video(Path(path), frames, fps or 1 / self.settings.interval)
