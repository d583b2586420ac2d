"""Clips as the generator makes them again: latents with its faults in them, beside pixels that have none.

A clip's latents are noised half-way and denoised from its anchor and its texts. What moves where stays; how it looks is
the generator's. Made once and kept in shards, as encoded clips are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm.auto import tqdm

from reasondiff.backends.precision import Precision, autocast
from reasondiff.backends.wan.framewise import FramePlan
from reasondiff.data.loader import SampleKey
from reasondiff.files import atomic_path
from reasondiff.training.stages.flow import Inputs, broadcast
from reasondiff.training.stages.reason import ReasonStage

__all__ = ["Regeneration", "regenerate", "regenerated_clips"]

_SHARD, _BATCH = 50, 10
"""Clips of a file, and of a call."""


@dataclass(frozen=True, kw_only=True)
class Regeneration:
    """How clips are made again.

    Args:
        least_sigma: of the noise that a clip begins with; drawn between this and the next, clip by clip.
        most_sigma: with more, things are made elsewhere than they were, which no decoder can mend.
        steps: of Euler's method, from there to no noise.
        guidance_scale: of classifier-free guidance.
    """

    least_sigma: float = 0.35
    most_sigma: float = 0.85
    steps: int = 6
    guidance_scale: float = 3.0


@torch.no_grad()
def regenerate(stage: ReasonStage, indices: Sequence[int], how: Regeneration, *, seed: int = 0) -> Tensor:
    """Latents of the source's clips, made again by the stage's generator: [clips, channels, latent_frames, ...].

    Args:
        stage: whose transformer, AlignFormer and source are used; nothing is trained.
        indices: of the clips.
        how: they are made again.
        seed: of anchors, texts and noise; with the clip's number it fixes its result.
    """
    keys = [SampleKey(seed, 0, index) for index in indices]
    drawn = zip(keys, indices, strict=True)
    inputs = Inputs.joined([stage.dataset.of_clip(index, key.generator(), key.rng()) for key, index in drawn])
    low, high = how.least_sigma, how.most_sigma
    first = low + (high - low) * torch.tensor([key.rng().random() for key in keys])
    context, text_embeds = stage.texts.context(inputs.plans)
    nothing, _ = stage.texts.context(tuple(FramePlan.single("", inputs.clean.shape[2]) for _ in indices))
    enhanced = stage.enhance(inputs, text_embeds)
    latents = replace(inputs, sigma=first).noisy
    for step in range(how.steps):
        sigma = first * (1 - step / how.steps)
        wide = broadcast(sigma)
        noise = (latents - (1 - wide) * inputs.clean) / wide  # with which the clip is at ``latents``
        at = replace(inputs, noise=noise, sigma=sigma)
        positive = stage.predicted_velocity(at, enhanced, context)
        negative = stage.predicted_velocity(at, enhanced, nothing)
        latents = latents - broadcast(first / how.steps) * (negative + how.guidance_scale * (positive - negative))
    return latents


def regenerated_clips(
    stage: ReasonStage, count: int, folder: Path, how: Regeneration, *, precision: Precision
) -> Tensor:
    """The first ``count`` clips made again, bfloat16, or read from ``folder`` where they were made before.

    Args:
        stage: see ``regenerate``.
        count: of the clips.
        folder: of the shards; each knows what made it, and is made anew for other weights.
        how: they are made again.
        precision: to compute in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made_by = _fingerprint(stage, how)
    shards = []
    for start in range(0, count, _SHARD):
        stop = min(count, start + _SHARD)
        path = folder / f"{start:06d}-{stop:06d}.safetensors"
        shard = _read(path, made_by)
        if shard is None:
            parts = []
            shown = f"making clips {start + 1}..{stop} of {count} again"
            for first in tqdm(range(start, stop, _BATCH), desc=shown, leave=False):
                with autocast(stage.pipe.device.type, precision):
                    parts.append(regenerate(stage, range(first, min(stop, first + _BATCH)), how).bfloat16().cpu())
            shard = torch.cat(parts)
            with atomic_path(path) as partial:
                save_file({"latents": shard}, partial, {"made_by": made_by})
        shards.append(shard)
    return torch.cat(shards)


def _read(path: Path, made_by: str) -> Tensor | None:
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return file.get_tensor("latents") if (file.metadata() or {}).get("made_by") == made_by else None
    except SafetensorError:  # damaged
        return None


def _fingerprint(stage: ReasonStage, how: Regeneration) -> str:
    """Of the generator's weights, the clips and the way."""
    digest = hashlib.sha256(repr(how).encode())
    digest.update(stage.dataset.source.latents(0).clean.numpy().tobytes())
    for part in (stage.transformer, stage.alignformer, stage.pipe.text_encoder):
        for name, weight in sorted(part.state_dict().items()):
            digest.update(name.encode() + weight.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
