"""Pixel frames and latent frames: the one place that knows a causal VAE's time arithmetic.

A causal video VAE with temporal stride s keeps frame 0 alone in latent frame 0 and packs the next s frames into
each later latent frame: latent frame k >= 1 holds frames s(k-1)+1 .. sk. Wan has s = 4, LTX s = 8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reasondiff.errors import InputError

__all__ = ["Timeline"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A clip's time axis; frames are 0-based.

    Args:
        num_frames: pixel frames; must be a multiple of ``stride`` plus one.
        stride: pixel frames per latent frame after the first.

    Raises:
        InputError: the VAE cannot hold this number of frames.
    """

    num_frames: int
    stride: int = 4

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise InputError(f"The temporal stride is {self.stride}; give 1 or more.")
        if self.num_frames < 1 or (self.num_frames - 1) % self.stride:
            below = max(1, (self.num_frames - 1) // self.stride * self.stride + 1)
            nearby = f"{below} or {below + self.stride}" if self.num_frames > 0 else "1"
            raise InputError(
                f"{self.num_frames} frames do not fit this VAE, which takes {self.stride}k+1; give {nearby}."
            )

    @classmethod
    def from_latent(cls, num_latent_frames: int, stride: int = 4) -> Timeline:
        """The timeline whose VAE encoding has ``num_latent_frames``."""
        return cls((num_latent_frames - 1) * stride + 1, stride)

    @property
    def num_latent_frames(self) -> int:
        return (self.num_frames - 1) // self.stride + 1

    def latent_of(self, frame: int) -> int:
        """The latent frame that holds ``frame``."""
        self.check(frame)
        return (frame + self.stride - 1) // self.stride

    def slot_of(self, frame: int) -> int:
        """The place of ``frame`` within its latent frame, 0 .. stride-1: Wan's mask channel of that frame.

        Frame 0 is alone in latent frame 0 and stands for all of its slots; 0 is returned for it.
        """
        self.check(frame)
        return (frame - 1) % self.stride if frame else 0

    def frames_of(self, latent_frame: int) -> range:
        """The pixel frames that ``latent_frame`` holds."""
        if not 0 <= latent_frame < self.num_latent_frames:
            raise InputError(f"Latent frame {latent_frame} is outside 0..{self.num_latent_frames - 1}.")
        if latent_frame == 0:
            return range(1)
        return range((latent_frame - 1) * self.stride + 1, latent_frame * self.stride + 1)

    def check_apart(self, frames: Iterable[int]) -> None:
        """Raise ``InputError`` where two frames share a latent frame, of which each can hold one image."""
        first_in: dict[int, int] = {}
        for frame in frames:
            latent_frame = self.latent_of(frame)
            if latent_frame in first_in:
                held = self.frames_of(latent_frame)
                one, other = sorted((first_in[latent_frame], frame))
                raise InputError(
                    f"The images at positions {one + 1} and {other + 1} would share positions {held.start + 1} to "
                    f"{held.stop}, where this model holds one image; move one of them."
                )
            first_in[latent_frame] = frame

    def check(self, frame: int) -> None:
        """Raise ``InputError`` unless ``frame`` (0-based) is on this timeline."""
        if not 0 <= frame < self.num_frames:
            raise InputError(f"Position {frame + 1} is outside 1..{self.num_frames}; give a position in that range.")
