"""A tiny pipeline, a story, and what most of these tests do with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from torch import Tensor, nn

from reasondiff.alignformer import AlignFormer
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny

IMAGE = tiny.image(64, 64)
STORY = Narrative.from_ends([(4, "An intact vase"), (9, "A broken vase")], 8, 9)
DEFAULTS = {"num_frames": 9, "num_inference_steps": 2, "guidance_scale": 3.0, "area": 64 * 64, "negative_prompt": ""}


def alignformer(seed: int = 0) -> AlignFormer:
    with tiny.seeded(seed):
        former = AlignFormer(in_channels=tiny.LATENT_CHANNELS, text_dim=tiny.TEXT_DIM, dim=16, num_heads=8).eval()
        nn.init.normal_(former.proj_out.weight, std=0.3)
    return former


def pipeline(former: AlignFormer | None = None, *, seed: int = 0, **parts: Any) -> ReasonDiffPipeline:
    pipe = ReasonDiffPipeline(**tiny.pipeline(seed=seed, **parts).components, alignformer=former, reasondiff=DEFAULTS)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def add_lora(pipe: ReasonDiffPipeline, name: str = "reasondiff", seed: int = 0) -> None:
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    with tiny.seeded(seed):
        pipe.transformer.add_adapter(config, adapter_name=name)


def latents(pipe: ReasonDiffPipeline, **options: Any) -> Tensor:
    return pipe(IMAGE, **({"narrative": STORY, "output_type": "latent"} | options)).frames


def close(first: Tensor, second: Tensor, tolerance: float = 1e-5) -> bool:
    return torch.allclose(first, second, atol=tolerance, rtol=0)


def on_hub(cache: Path, repo: str, commit: str, refs: dict[str, str]) -> Path:
    """A folder for a snapshot where the hub's own cache would have it."""
    home = cache / f"models--{repo.replace('/', '--')}"
    (home / "refs").mkdir(parents=True, exist_ok=True)
    for name, target in refs.items():
        (home / "refs" / name).write_text(target)
    snapshot = home / "snapshots" / commit
    snapshot.parent.mkdir(exist_ok=True)
    return snapshot
