"""StoryWorld's takes as clips to train on."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import numpy as np

from reasondiff.backends.precision import Precision
from reasondiff.backends.wan.building import WanVae
from reasondiff.data.clips import AnchorLatents, ClipLatents, FrameCaptions
from reasondiff.data.latents import LatentSet, encode_clips
from reasondiff.narrative import Narrative
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import NUM_FRAMES
from reasondiff.timeline import Timeline

__all__ = ["DrawnClips", "StoryWorldClips", "storyworld_clips"]


class DrawnClips:
    """Takes as pixels: what is encoded (``data.latents.EncodableClips``).

    Args:
        takes: what to draw.
    """

    def __init__(self, takes: TakeSet) -> None:
        self.takes = takes
        self.name = f"{takes.split}-hard-{takes.hard:g}" if takes.hard else takes.split

    def fingerprint(self) -> str:
        """Of how the world is drawn."""
        digest = hashlib.sha256()
        for index in range(4):
            digest.update(draw(self.takes[index]).tobytes())
        return digest.hexdigest()

    def frames(self, index: int) -> np.ndarray:
        return draw(self.takes[index])

    def anchor_frames(self, index: int, count: int) -> list[int]:
        """Equally many before, while and after the agent is there, as far as possible."""
        take, rng = self.takes[index], self.takes.rng(index, "anchors")
        phases = (
            take.phases["before"],
            range(take.phases["enter"].start, take.phases["after"].start),
            take.phases["after"],
        )
        groups = [phase for phase in phases if phase]
        return [rng.choice(groups[(index + number) % len(groups)]) for number in range(count)]


class StoryWorldClips:
    """A ``data.clips.ClipSource``: takes, encoded, and worded anew at every draw.

    Args:
        takes: the clips.
        encoded: the first of them, as latents; there are as many clips.
        stride: pixel frames per latent frame after the first.
    """

    def __init__(self, takes: TakeSet, encoded: LatentSet, *, stride: int = 4) -> None:
        self.takes = takes
        self.encoded = encoded
        self.timeline = Timeline(NUM_FRAMES, stride)

    def __len__(self) -> int:
        return len(self.encoded)

    def latents(self, index: int) -> ClipLatents:
        return self.encoded.clip(index)

    def anchor(self, index: int, rng: random.Random) -> AnchorLatents:
        """Half of the time the frame is, of those drawn alike, the one that a narrator would name."""
        number = rng.randrange(self.encoded.anchors.shape[1])
        frame = int(self.encoded.anchor_frames[index, number])
        if rng.random() < 0.5:
            frame = self.takes[index].canonical_frame(frame)
        return AnchorLatents(frame, self.encoded.anchors[index, number].float())

    def caption(self, index: int, rng: random.Random) -> str:
        return captions.clip_caption(self.takes[index], rng)

    def frame_captions(self, index: int, rng: random.Random) -> FrameCaptions:
        take = self.takes[index]
        return FrameCaptions(captions.frame_captions(take, rng), captions.style(take))

    def narrative(self, index: int, frame: int, rng: random.Random) -> Narrative:
        return captions.narrative(self.takes[index], frame, rng)


def storyworld_clips(
    vae: WanVae,
    count: int,
    cache: Path,
    *,
    split: str = "train",
    hard: float = 0.0,
    precision: Precision = "auto",
) -> StoryWorldClips:
    """The first ``count`` clips of a split, encoded once for all stages.

    Args:
        hard: share of clips of level ``hard``.

    Raises:
        InputError: ``cache`` cannot be written into.
    """
    takes = TakeSet(split, hard=hard)
    encoded = encode_clips(vae, DrawnClips(takes), count, cache / "latents", precision=precision)
    return StoryWorldClips(takes, encoded, stride=vae.config["scale_factor_temporal"])
