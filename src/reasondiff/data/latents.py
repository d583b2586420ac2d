"""Clips as latents, encoded once: the VAE and the anchors' encodings are the dearest part of a training step.

Shards of some dozen clips, each written whole or not at all; what a stopped run has encoded of a shard is written as
well, and it is filled up later. A shard knows the VAE and the clips that made it, by hash, and is made anew for others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm.auto import tqdm

from reasondiff.backends.precision import Precision, autocast
from reasondiff.backends.wan.building import WanVae, encoder_fingerprint
from reasondiff.backends.wan.conditioning import encode_anchor_latents, encode_on_grey, encode_video, timeline_of
from reasondiff.data.clips import ClipLatents
from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.media.tensors import to_tensor

__all__ = ["EncodableClips", "LatentSet", "encode_clips"]

_SHARD = 50
"""Clips per file: a SIGKILL loses at most their encoding, and ten thousand clips are only 200 files."""


class EncodableClips(Protocol):
    """Clips as pixels, by their number; all of one size and length."""

    @property
    def name(self) -> str:
        """Of the set; its shards' names begin with it."""

    def fingerprint(self) -> str:
        """Another one for clips that look otherwise."""

    def frames(self, index: int) -> np.ndarray:
        """uint8 [frames, height, width, 3]."""

    def anchor_frames(self, index: int, count: int) -> Sequence[int]:
        """Which ``count`` of the frames are encoded as anchors, 0-based."""


@dataclass(frozen=True)
class LatentSet:
    """Encoded clips, by their number; latents are normalised, bfloat16.

    Args:
        clean: [clips, channels, latent_frames, height, width].
        first_frame_condition: the same shape, Wan's own condition for the clip's first frame (a grey video that begins
            with it).
        anchor_frames: [clips, anchors], pixel frames.
        anchors: [clips, anchors, channels, 2, height, width], each as a first frame and repeated
            (``encode_anchor_latents``).
    """

    clean: Tensor
    first_frame_condition: Tensor
    anchor_frames: Tensor
    anchors: Tensor

    def __len__(self) -> int:
        return len(self.clean)

    @classmethod
    def joined(cls, sets: Sequence[LatentSet]) -> LatentSet:
        """The clips of all sets, in order."""
        return cls(*(torch.cat([getattr(each, f.name) for each in sets]) for f in fields(cls)))

    def first(self, count: int) -> LatentSet:
        """The first ``count`` clips."""
        return LatentSet(*(getattr(self, f.name)[:count] for f in fields(self)))

    def clip(self, index: int) -> ClipLatents:
        """One clip, in float32."""
        return ClipLatents(self.clean[index].float(), self.first_frame_condition[index].float())


def encode_clips(
    vae: WanVae,
    clips: EncodableClips,
    count: int,
    folder: Path,
    *,
    anchors: int = 4,
    precision: Precision = "auto",
) -> LatentSet:
    """Encode the first ``count`` clips, or read what ``folder`` holds of them already; damaged shards are made anew.

    Args:
        anchors: anchor frames per clip.
        precision: to encode in; what is kept of it is bfloat16.

    Raises:
        InputError: ``folder`` cannot be written into.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made_by = _fingerprint(vae, clips)
    shards = []
    for start in range(0, count, _SHARD):
        stop = min(count, start + _SHARD)
        path = folder / f"{clips.name}-{start:06d}.safetensors"
        shard = _read(path, made_by)
        done = 0 if shard is None else len(shard)
        if done < stop - start:
            shown = f"encoding clips {start + 1}..{stop} of {count}"
            missing = tqdm(range(start + done, stop), desc=shown, leave=False)
            made = [] if shard is None else [shard]
            try:
                for index in missing:
                    with autocast(vae.device.type, precision):
                        made.append(_encode(vae, clips, index, anchors))
            finally:  # also on Ctrl-C: what was encoded is kept
                if made:
                    shard = LatentSet.joined(made)
                    _write(path, shard, made_by)
        assert shard is not None, "every shard has a clip"
        shards.append(shard.first(stop - start))
    return LatentSet.joined(shards)


@torch.no_grad()
def _encode(vae: WanVae, clips: EncodableClips, index: int, anchors: int) -> LatentSet:
    """A set of one clip."""
    pixels = clips.frames(index)
    frames = list(clips.anchor_frames(index, anchors))
    video = to_tensor(pixels[None])
    images = video[0].transpose(0, 1)  # [frames, 3, height, width]
    timeline = timeline_of(vae, len(pixels))
    clean = encode_video(vae, video)
    condition = encode_on_grey(vae, images[None, :1], [0], timeline)
    encoded = encode_anchor_latents(vae, images[frames])
    return LatentSet(
        clean=clean.bfloat16().cpu(),
        first_frame_condition=condition.bfloat16().cpu(),
        anchor_frames=torch.tensor([frames]),
        anchors=encoded[None].bfloat16().cpu(),
    )


def _write(path: Path, shard: LatentSet, made_by: str) -> None:
    tensors = {f.name: getattr(shard, f.name).contiguous() for f in fields(LatentSet)}
    try:
        with atomic_path(path) as partial:
            save_file(tensors, partial, {"made_by": made_by})
    except (SafetensorError, OSError) as error:
        fix = "give --cache a place with room"
        raise InputError(f"{str(path)!r} cannot be written ({error}); {fix}.") from None


def _read(path: Path, made_by: str) -> LatentSet | None:
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("made_by") != made_by:
                return None
            return LatentSet(*(file.get_tensor(f.name) for f in fields(LatentSet)))
    except SafetensorError:  # damaged, or of an older layout
        return None


def _fingerprint(vae: WanVae, clips: EncodableClips) -> str:
    return hashlib.sha256(f"{encoder_fingerprint(vae)}/{clips.fingerprint()}".encode()).hexdigest()
