"""Where a video is decided: ``python -m benchmarks.noise_levels`` in the repository's root.

Prints, for each sigma, how far the clean latents that the bundled base predicts are from the true ones (mean squared
error per element; 1 is the latents' usual power), where something moves and where nothing does, on clips that it was
trained on and on unseen ones; and the unseen ones' PSNR in dB, on what moves, between both decoded. What falls steeply
over sigma is what the sampler's and the training's noise levels should care for; a gap between seen and unseen clips is
what was learnt by heart.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.vae import MODEL
from reasondiff.backends.wan.conditioning import decode_video
from reasondiff.data.latents import encode_takes
from reasondiff.media.tensors import psnr
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.training.stages.flow import BaseStage, moving
from reasondiff.training.storyworld.vae import foreground
from reasondiff.training.trainer import step_generator

SIGMAS = (1.0, 0.98, 0.95, 0.9, 0.85, 0.7, 0.5, 0.35, 0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--clips", type=int, default=48, help="of each kind")
    options = parser.parse_args()
    pipe = ReasonDiffPipeline.from_pretrained(options.model).to(torch.float32)
    pipe.unload_lora_weights()
    seen, unseen = (measured(pipe, split, options.clips) for split in ("train", "validation"))
    print(f"{'sigma':>7} {'moving: seen':>13} {'unseen':>7} {'still: seen':>12} {'unseen':>7} {'decoded':>8}")
    for sigma in SIGMAS:
        (moves, stays, _), (moves_new, stays_new, decibel) = seen[sigma], unseen[sigma]
        print(f"{sigma:7.2f} {moves:13.3f} {moves_new:7.3f} {stays:12.4f} {stays_new:7.4f} {decibel:8.1f}")


@torch.no_grad()
def measured(pipe: ReasonDiffPipeline, split: str, count: int) -> dict[float, tuple[float, float, float]]:
    """Per sigma: the error where something moves, where nothing does, and dB between the decoded videos."""
    takes = TakeSet(split)
    with tempfile.TemporaryDirectory() as cache:
        latents = encode_takes(pipe.vae, takes, count, Path(cache), anchors=1)
    stage = BaseStage(pipe, takes, latents, batch=count, drop_text=0.0)
    drawn = stage.prepare(0, step_generator(0, 0))
    assert drawn.first is not None, "the base stage draws it"
    context, _ = stage.texts.context(drawn.plans, trained=False)
    moves = moving(drawn.clean)
    true = decoded(pipe, drawn.clean)
    shown = foreground(true, true.median(dim=2, keepdim=True).values)
    found = {}
    for sigma in SIGMAS:
        inputs = replace(drawn, sigma=torch.full((count,), sigma))
        clean = inputs.noisy - sigma * stage._velocity(inputs, drawn.first, context)
        error = (clean - drawn.clean).square().mean(1, keepdim=True)
        found[sigma] = mean(error, moves), mean(error, 1 - moves), psnr(decoded(pipe, clean), true, shown)
    return found


def decoded(pipe: ReasonDiffPipeline, latents: Tensor) -> Tensor:
    return torch.cat([decode_video(pipe.vae, clip[None]) for clip in latents])


def mean(error: Tensor, mask: Tensor) -> float:
    return float((error * mask).sum() / mask.sum())


if __name__ == "__main__":
    main()
