"""A video of which a part is kept while the rest is made again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from reasondiff.backends.base import KeepsVideo, Known, VideoModel
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.pipeline.settings import Settings

__all__ = ["KeptVideo"]


@dataclass(frozen=True)
class KeptVideo:
    """A video of which a part is kept.

    Args:
        video: its frames, uint8 [frames, height, width, 3], which are encoded; or its latents, which are exact
            [1, channels, latent_frames, height, width].
        held: the latent frames that are kept.
    """

    video: np.ndarray | Tensor = field(repr=False)
    held: tuple[int, ...]

    def known(self, model: VideoModel[Any], settings: Settings) -> Known:
        """As latents of ``model``.

        Raises:
            InputError: the video is of another size or length, or nothing of it is to be made again.
            UnsupportedError: the model cannot keep parts.
        """
        if not isinstance(model, KeepsVideo):
            raise UnsupportedError("This model cannot keep a part of a video; make the whole video again.")
        size = (settings.num_frames, settings.height, settings.width)
        if isinstance(self.video, np.ndarray) and self.video.shape[:3] != size:
            frames, height, width = self.video.shape[:3]
            raise InputError(
                f"The video to be kept has {frames} frames of {width}x{height}, and {settings.num_frames} of "
                f"{settings.width}x{settings.height} are asked for; give the same."
            )
        latents = model.encode_video(self.video) if isinstance(self.video, np.ndarray) else self.video
        expected = model.latent_shape(settings.width, settings.height, settings.num_frames)
        if latents.shape[1:] != expected:
            raise InputError(f"The latents to be kept are {list(latents.shape[1:])}; give {list(expected)}.")
        return Known(latents, self.held)
