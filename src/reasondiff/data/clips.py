"""What a training clip is. A class that implements ``ClipSource`` is all that other videos need to be trained on."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from reasondiff.narrative import Narrative
from reasondiff.timeline import Timeline

__all__ = ["AnchorImage", "AnchorLatents", "ClipLatents", "ClipSource", "FrameCaptions"]


@dataclass(frozen=True)
class ClipLatents:
    """A clip, encoded; latents are normalised.

    Args:
        clean: [channels, latent_frames, height, width].
        first_frame_condition: the same shape: the base model's own condition for the clip's first frame (for Wan, a
            grey video that begins with it); only the base stage reads it.
    """

    clean: Tensor
    first_frame_condition: Tensor | None = None


@dataclass(frozen=True)
class AnchorLatents:
    """A frame of a clip, encoded on its own.

    Args:
        frame: pixel frame, 0-based.
        latents: [channels, 2, height, width], as a first frame and repeated (``encode_anchor_latents``), normalised.
    """

    frame: int
    latents: Tensor


@dataclass(frozen=True)
class AnchorImage:
    """A frame of a clip as pixels, which the step encodes: so every frame can be drawn, and no encoding is stored.

    Args:
        frame: pixel frame, 0-based.
        pixels: [3, height, width] in -1..1.
    """

    frame: int
    pixels: Tensor


@dataclass(frozen=True)
class FrameCaptions:
    """What each pixel frame of a clip shows.

    Args:
        texts: one per pixel frame.
        style: what holds for all of them: subjects, look, camera; may be empty.
    """

    texts: tuple[str, ...]
    style: str = ""


class ClipSource(Protocol):
    """Clips by their number, all of one size and length. Every draw comes from ``rng``, and there is no other chance.

    Sources are sent to the loader's workers: they hold data or know where it lies, and no model.
    """

    @property
    def timeline(self) -> Timeline:
        """Of every clip."""

    def __len__(self) -> int: ...

    def latents(self, index: int) -> ClipLatents:
        """The clip itself."""

    def anchor(self, index: int, rng: random.Random) -> AnchorLatents | AnchorImage:
        """One of its frames, which a step takes for the given image (Algorithm 1, line 17)."""

    def caption(self, index: int, rng: random.Random) -> str:
        """The whole clip in a sentence or two."""

    def frame_captions(self, index: int, rng: random.Random) -> FrameCaptions:
        """A text for every pixel frame."""

    def narrative(self, index: int, frame: int, rng: random.Random) -> Narrative:
        """What a narrator should tell of the clip when it is given its ``frame``."""
