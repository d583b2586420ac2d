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
from reasondiff.data.loader import draw_batch
from reasondiff.media.tensors import foreground, psnr
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.training.stages.base import BaseStage
from reasondiff.training.stages.flow import FlowOptions, motion_mask
from reasondiff.training.storyworld.clips import storyworld_clips

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
    with tempfile.TemporaryDirectory() as cache:
        source = storyworld_clips(pipe.vae, count, Path(cache), split=split)
    options = FlowOptions(batch=count, drop_text=0.0)
    stage = BaseStage(pipe, source, options, drop_image=0.0, validation=lambda *_: {})
    drawn = draw_batch(stage.dataset, 0)
    assert drawn.first_frame_condition is not None, "the base stage draws it"
    context, _ = stage.texts.context(drawn.plans, trained=False)
    moves = motion_mask(drawn.clean)
    true = decoded(pipe, drawn.clean)
    shown = foreground(true, true.median(dim=2, keepdim=True).values)
    found = {}
    for sigma in SIGMAS:
        inputs = replace(drawn, sigma=torch.full((count,), sigma))
        clean = inputs.noisy - sigma * stage.predicted_velocity(inputs, drawn.first_frame_condition, context)
        error = (clean - drawn.clean).square().mean(1, keepdim=True)
        found[sigma] = mean(error, moves), mean(error, 1 - moves), psnr(decoded(pipe, clean), true, shown)
    return found


def decoded(pipe: ReasonDiffPipeline, latents: Tensor) -> Tensor:
    return torch.cat([decode_video(pipe.vae, clip[None]) for clip in latents])


def mean(error: Tensor, mask: Tensor) -> float:
    return float((error * mask).sum() / mask.sum())


if __name__ == "__main__":
    main()
