"""Clips as latents, encoded once: the VAE and the anchors' encodings are the dearest part of a training step.

Shards of some hundred clips, each written whole or not at all, so that encoding resumes where it stopped. A shard
knows the VAE and the world that made it, by hash, and is made anew for others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm.auto import tqdm

from reasondiff.backends.wan.conditioning import encode_anchor_latents, encode_on_grey, encode_video, timeline_of
from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import NUM_FRAMES
from reasondiff.training.storyworld.vae import to_tensor

__all__ = ["LatentSet", "encode_takes"]

_SHARD = 250


@dataclass(frozen=True)
class LatentSet:
    """Encoded clips, by their number in a ``TakeSet``; latents are normalised, bfloat16.

    Args:
        clean: [clips, channels, latent_frames, height, width].
        first: the same shape, Wan's own condition for the clip's first frame (a grey video that begins with it).
        anchor_frames: [clips, anchors], pixel frames drawn at random.
        anchors: [clips, anchors, channels, 2, height, width], see ``encode_anchor_latents``.
    """

    clean: Tensor
    first: Tensor
    anchor_frames: Tensor
    anchors: Tensor

    def __len__(self) -> int:
        return len(self.clean)


def encode_takes(
    vae: AutoencoderKLWan,
    takes: TakeSet,
    count: int,
    folder: Path,
    *,
    anchors: int = 4,
) -> LatentSet:
    """Encode the first ``count`` takes, or read what ``folder`` holds of them already; damaged shards are made anew.

    Args:
        anchors: anchor frames per clip; equally many before, while and after the agent is there, as far as possible.

    Raises:
        InputError: ``folder`` cannot be written into.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made_by = _fingerprint(vae, takes)
    shards = []
    for start in range(0, count, _SHARD):
        indices = range(start, min(count, start + _SHARD))
        path = folder / f"{takes.split}-{start:06d}.safetensors"
        shard = _read(path, made_by)
        if shard is None or len(shard) < len(indices):
            shown = tqdm(indices, desc=f"encoding clips {indices.start}..{indices.stop - 1} of {count}", leave=False)
            with torch.autocast(vae.device.type, torch.bfloat16):  # as exact as what is kept of it
                clips = [_encode(vae, takes, index, anchors) for index in shown]
            shard = LatentSet(*(torch.stack([getattr(c, f.name) for c in clips]) for f in fields(LatentSet)))
            tensors = {f.name: getattr(shard, f.name) for f in fields(LatentSet)}
            try:
                with atomic_path(path) as partial:
                    save_file(tensors, partial, {"made_by": made_by})
            except (SafetensorError, OSError) as error:
                fix = "give --cache a place with room"
                raise InputError(f"{str(path)!r} cannot be written ({error}); {fix}.") from None
        shards.append(shard)
    return LatentSet(*(torch.cat([getattr(s, f.name) for s in shards])[:count] for f in fields(LatentSet)))


@torch.no_grad()
def _encode(vae: AutoencoderKLWan, takes: TakeSet, index: int, anchors: int) -> LatentSet:
    take, rng = takes[index], takes.rng(index, "anchors")
    video = to_tensor(draw(take)[None])
    groups = [
        take.phases["before"],
        range(take.phases["enter"].start, take.phases["after"].start),
        take.phases["after"],
    ]
    groups = [group for group in groups if group]
    frames = [rng.choice(groups[(index + k) % len(groups)]) for k in range(anchors)]
    timeline = timeline_of(vae, NUM_FRAMES)
    images = video[0].transpose(0, 1)  # [frames, 3, height, width]
    return LatentSet(
        clean=encode_video(vae, video)[0].bfloat16().cpu(),
        first=encode_on_grey(vae, images[None, :1], [0], timeline)[0].bfloat16().cpu(),
        anchor_frames=torch.tensor(frames),
        anchors=encode_anchor_latents(vae, images[frames]).bfloat16().cpu(),
    )


def _read(path: Path, made_by: str) -> LatentSet | None:
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("made_by") != made_by:
                return None
            return LatentSet(*(file.get_tensor(f.name) for f in fields(LatentSet)))
    except SafetensorError:  # damaged
        return None


def _fingerprint(vae: AutoencoderKLWan, takes: TakeSet) -> str:
    """Of the encoder and its scale, and of how the world is drawn; the decoder may improve meanwhile."""
    digest = hashlib.sha256(repr([vae.config["latents_mean"], vae.config["latents_std"]]).encode())
    for part in (vae.encoder, vae.quant_conv):
        for _, tensor in sorted(part.state_dict().items()):
            digest.update(np.ascontiguousarray(tensor.float().cpu().numpy()).tobytes())
    for index in range(4):
        digest.update(draw(takes[index]).tobytes())
    return digest.hexdigest()
