"""An encoded set as clips to train on, whoever's videos it was made from."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from reasondiff.backends.wan.framewise import FrameContext, FramePlan
from reasondiff.data.captions import text_runs
from reasondiff.data.clips import AnchorImage, ClipLatents, FrameCaptions
from reasondiff.data.encoded import ENCODED, EncodedClip, read_encoded
from reasondiff.data.precompute import text_key
from reasondiff.data.records import digest
from reasondiff.data.shards import ShardReader
from reasondiff.errors import InputError
from reasondiff.media import read_video, timed_frames
from reasondiff.media.tensors import to_tensor
from reasondiff.narrative import Anchor, Clip, Narrative
from reasondiff.timeline import Timeline

__all__ = ["AnchorFrames", "StoredTexts", "VideoClips", "held_out", "without_held_out"]

AnchorFrames = Literal["uniform", "latent", "ends"]
"""How a clip's anchor is drawn: any frame alike (the paper's), any latent frame alike, or the first and the last only
(the released research code's)."""

MOST_HELD_OUT = 0.2
"""Share of a set's videos: a small set has none to spare."""


def held_out(rows: Sequence[EncodedClip], clips: int) -> list[EncodedClip]:
    """The clips that a model is measured on and never trained on: those of whole videos, so that none is seen in part.

    Which ones depends on the videos' names alone.

    Args:
        rows: of the set.
        clips: as many as are wanted; fewer where they would be more than a fifth of the videos, more where the last
            video has several.
    """
    by_video: dict[str, list[EncodedClip]] = {}
    for row in rows:
        by_video.setdefault(row.origin, []).append(row)
    found: list[EncodedClip] = []
    for video in sorted(by_video, key=lambda name: digest("held out", name))[: int(MOST_HELD_OUT * len(by_video))]:
        if len(found) < clips:
            found += by_video[video]
    return found


def without_held_out(rows: Sequence[EncodedClip], clips: int) -> list[EncodedClip]:
    """The clips that are trained on, in the set's order."""
    left_out = {row.clip for row in held_out(rows, clips)}
    return [row for row in rows if row.clip not in left_out]


class VideoClips:
    """A ``data.clips.ClipSource`` over a set that ``data precompute`` has encoded.

    Args:
        folder: of the set.
        clips: only the first so many; 0 takes all.
        anchor_frames: how anchors are drawn.
        only: the rows that it has, of the set's; all unless given.

    Raises:
        InputError: the set is not encoded, or is damaged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clips: int = 0,
        anchor_frames: AnchorFrames = "uniform",
        only: Callable[[Sequence[EncodedClip]], Sequence[EncodedClip]] = lambda rows: rows,
    ) -> None:
        if anchor_frames not in get_args(AnchorFrames):
            known = ", ".join(get_args(AnchorFrames))
            raise InputError(f"Anchors cannot be drawn as {anchor_frames!r}; give one of {known}.")
        self.folder = folder
        self.anchor_frames = anchor_frames
        self.manifest, rows = read_encoded(folder)
        self.rows = only(rows)[: clips or None]
        self.timeline = Timeline(self.manifest.num_frames, self.manifest.stride)
        self._latents = ShardReader(folder / ENCODED / "latents")
        for row in self.rows:
            if not (folder / row.path).is_file():
                raise InputError(
                    f"The clip {row.path!r} of {row.origin!r} is gone from {str(folder)!r}; move a set as a whole, or "
                    "run reasondiff data sample and precompute again."
                )

    def __len__(self) -> int:
        return len(self.rows)

    def latents(self, index: int) -> ClipLatents:
        row = self.rows[index]
        return ClipLatents(self._latents.get(row.latents, row.clip).float())

    def video(self, index: int) -> np.ndarray:
        """The clip as pixels, uint8 [frames, height, width, 3]."""
        return read_video(self.folder / self.rows[index].path).frames

    def anchor(self, index: int, rng: random.Random) -> AnchorImage:
        frame = self.anchor_frame(rng)
        return AnchorImage(frame, self._pixels(self.rows[index], frame))

    def caption(self, index: int, rng: random.Random) -> str:
        """One of the alternatives, or all that happens in one text."""
        row = self.rows[index]
        if row.per == "clip":
            return rng.choice(row.texts)
        return " ".join(dict.fromkeys(run.text for run in text_runs(row.captions.per_frame(self.timeline))))

    def frame_captions(self, index: int, rng: random.Random) -> FrameCaptions:
        return FrameCaptions(self._texts(index, rng))

    def narrative(self, index: int, frame: int, rng: random.Random) -> Narrative:
        """Run-length clips of the captions, as a narrator tells them."""
        runs = text_runs(self._texts(index, rng))
        clips = tuple(Clip(run.start, run.end, run.text) for run in runs)
        return Narrative(clips, (Anchor(frame),), self.timeline.num_frames, self.rows[index].step)

    def _texts(self, index: int, rng: random.Random) -> tuple[str, ...]:
        captions = self.rows[index].captions
        alternative = rng.randrange(len(captions.texts)) if captions.per == "clip" else 0
        return captions.per_frame(self.timeline, alternative)

    def anchor_frame(self, rng: random.Random) -> int:
        """The pixel frame that is taken for the given image, 0-based."""
        last = self.timeline.num_frames - 1
        if self.anchor_frames == "ends":
            return rng.choice((0, last))
        if self.anchor_frames == "latent":
            return rng.choice(self.timeline.frames_of(rng.randrange(self.timeline.num_latent_frames)))
        return rng.randint(0, last)

    def _pixels(self, row: EncodedClip, frame: int) -> Tensor:
        """One frame of a clip, [3, height, width] in -1..1; those before it are decoded and not made arrays."""
        for number, shown in enumerate(timed_frames(self.folder / row.path)):
            if number == frame:
                return to_tensor(shown.image()[None, None])[0, :, 0]
        raise InputError(f"{row.path!r} has no frame {frame + 1}; run reasondiff data sample and precompute again.")


class StoredTexts:
    """The contexts of plans whose prompts are captions of an encoded set; no text encoder is needed.

    Args:
        folder: of the set.
        text_length: tokens of a prompt in the transformer's own use.
        device: of the contexts.
    """

    def __init__(self, folder: Path, *, text_length: int, device: torch.device) -> None:
        self.text_length = text_length
        self.device = device
        self._reader = ShardReader(folder / ENCODED / "texts")
        self._shard_of: Mapping[str, str] = self._reader.index()

    def context(
        self, plans: tuple[FramePlan, ...], *, trained: bool = False, image: Tensor | None = None
    ) -> tuple[FrameContext, dict[str, Tensor]]:
        assert not trained, "what is stored has no gradient"
        prompts = dict.fromkeys(prompt for plan in plans for prompt in plan.prompts)
        text_embeds = {prompt: self.embeds(prompt) for prompt in prompts}
        context = FrameContext.build(plans, text_embeds, text_length=self.text_length, image=image, cache=False)
        return context, text_embeds

    def embeds(self, prompt: str) -> Tensor:
        """A text's tokens [tokens, text_dim], fp32.

        Raises:
            InputError: the set does not have it.
        """
        key = text_key(prompt)
        if key not in self._shard_of:
            raise InputError(f"The text {prompt[:60]!r} is not encoded; run reasondiff data precompute again.")
        return self._reader.get(self._shard_of[key], key).to(self.device, torch.float32)
