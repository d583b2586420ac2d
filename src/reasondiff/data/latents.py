"""Clips as latents, encoded once: the VAE and the anchors' encodings are the dearest part of a training step.

Shards of some dozen clips, each written whole or not at all; what a stopped run has encoded of a shard is written as
well, and it is filled up later. A shard knows the VAE and the clips that made it, by hash, and is made anew for others.
The processes of a run share the shards out that are missing.
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
from reasondiff.data.processes import rank_and_count, wait_for_everyone
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

    In a group of processes all must ask: the shards that are missing are shared out among them, and all read all.

    Args:
        anchors: anchor frames per clip.
        precision: to encode in; what is kept of it is bfloat16.

    Raises:
        InputError: ``folder`` cannot be written into.
    """
    folder.mkdir(parents=True, exist_ok=True)
    making = _Making(vae, clips, count, folder, _fingerprint(vae, clips), anchors, precision)
    starts = range(0, count, _SHARD)
    missing = [start for start in starts if not making.is_whole(start)]
    wait_for_everyone()  # nobody writes before all have looked
    rank, processes = rank_and_count()
    for start in missing[rank::processes]:
        making.shard(start)
    wait_for_everyone()
    # What another machine has written on a disk of its own is still missing here, and is made here.
    return LatentSet.joined([making.shard(start) for start in starts])


@dataclass(frozen=True)
class _Making:
    """What ``encode_clips`` was asked for, shard by shard; ``made_by`` is the hash of VAE and clips."""

    vae: WanVae
    clips: EncodableClips
    count: int
    folder: Path
    made_by: str
    anchors: int
    precision: Precision

    def is_whole(self, start: int) -> bool:
        """Whether the shard that begins with this clip holds all that is wanted of it."""
        found = self._read(start)
        return found is not None and len(found) >= self._stop(start) - start

    def shard(self, start: int) -> LatentSet:
        """The clips of the shard that begins with this one; those that it lacks are encoded and written."""
        stop = self._stop(start)
        found = self._read(start)
        done = 0 if found is None else len(found)
        made = [] if found is None else [found]
        if done < stop - start:
            shown = f"encoding clips {start + 1}..{stop} of {self.count}"
            try:
                for index in tqdm(range(start + done, stop), desc=shown, leave=False):
                    with autocast(self.vae.device.type, self.precision):
                        made.append(_encode(self.vae, self.clips, index, self.anchors))
            finally:  # also on Ctrl-C: what was encoded is kept
                if made:
                    _write(self._path(start), LatentSet.joined(made), self.made_by)
        return LatentSet.joined(made).first(stop - start)

    def _stop(self, start: int) -> int:
        return min(self.count, start + _SHARD)

    def _path(self, start: int) -> Path:
        return self.folder / f"{self.clips.name}-{start:06d}.safetensors"

    def _read(self, start: int) -> LatentSet | None:
        return _read(self._path(start), self.made_by)


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
