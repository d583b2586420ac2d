"""Images in LTX-Video's terms: the first frame's own latents, and for any other frame tokens of their own.

LTX-Video was trained with keyframes as tokens beside those of the video: each says by its coordinates at which time it
is seen. A token of the video has the time of the first pixel frame that its latent frame holds: 0, 1, 9, 17, ...; a
keyframe that of its own pixel frame, whichever that is, so an image is not moved to the next latent frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from reasondiff.timeline import Timeline

__all__ = ["Keyframes", "coordinates", "times_of"]


@dataclass(frozen=True)
class Keyframes:
    """The images of some videos, as many in each.

    Args:
        frames: where they belong, 0-based, whole numbers [videos, images].
        strength: how much the video keeps to them, 0 to 1 [videos, images].
        latents: [videos, channels, images, height, width].
    """

    frames: Tensor
    strength: Tensor
    latents: Tensor

    @property
    def condition(self) -> Tensor:
        """As one tensor [videos, 2 + channels, images, height, width]: the frame and the strength in a plane each."""
        planes = torch.stack([self.frames.float(), self.strength.float()], 1)[..., None, None]
        height, width = self.latents.shape[-2:]
        return torch.cat([planes.expand(-1, -1, -1, height, width).to(self.latents), self.latents], 1)

    @classmethod
    def of(cls, condition: Tensor) -> Self:
        """From ``condition``."""
        return cls(condition[:, 0, :, 0, 0].round().long(), condition[:, 1, :, 0, 0], condition[:, 2:])


def times_of(timeline: Timeline, keyframes: Sequence[int]) -> list[int]:
    """The pixel frame, 0-based, at which each frame of tokens is seen: keyframes first, then the video's own."""
    return [*keyframes, *(timeline.frames_of(latent).start for latent in range(timeline.num_latent_frames))]


def coordinates(times: Sequence[int], height: int, width: int, *, scale: int, fps: float) -> Tensor:
    """Where in space and time tokens are, as the transformer is told.

    Args:
        times: the pixel frame of every frame of tokens.
        height: of the latents.
        width: of the latents.
        scale: pixels per latent, each way.
        fps: frames per second.

    Returns:
        Seconds, rows and columns of pixels [1, 3, tokens], frame after frame.
    """
    grid = torch.meshgrid(
        torch.tensor(times, dtype=torch.float32),
        scale * torch.arange(height, dtype=torch.float32),
        scale * torch.arange(width, dtype=torch.float32),
        indexing="ij",
    )
    stacked = torch.stack([each.flatten() for each in grid])[None]
    stacked[:, 0] *= 1 / fps
    return stacked
