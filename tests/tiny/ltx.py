"""LTX-Video of tiny random parts: the real classes, with the configs of 0.9.5 and 0.9.7 made small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXVideoTransformer3DModel,
)
from transformers import T5Config, T5EncoderModel

from tests import tiny

LATENT_CHANNELS = 8


def transformer(*, seed: int = 0, **config: Any) -> LTXVideoTransformer3DModel:
    """A two-layer transformer; ``config`` are overrides."""
    settings = {
        "in_channels": LATENT_CHANNELS,
        "out_channels": LATENT_CHANNELS,
        "num_attention_heads": 2,
        "attention_head_dim": 12,
        "cross_attention_dim": 24,
        "num_layers": 2,
        "caption_channels": tiny.TEXT_DIM,
    }
    with tiny.seeded(seed):
        return LTXVideoTransformer3DModel(**(settings | config)).eval()


def vae(*, seed: int = 0, **config: Any) -> AutoencoderKLLTXVideo:
    """The VAE of 0.9.5 and later: 32x smaller in space, 8k+1 frames to k+1 latent frames, and it is told a timestep."""
    settings = {
        "latent_channels": LATENT_CHANNELS,
        "block_out_channels": (4, 8, 8, 16, 16),
        "down_block_types": ("LTXVideo095DownBlock3D",) * 4,
        "decoder_block_out_channels": (8, 16, 32),
        "layers_per_block": (1, 1, 1, 1, 1),
        "decoder_layers_per_block": (1, 1, 1, 1),
        "spatio_temporal_scaling": (True, True, True, True),
        "decoder_spatio_temporal_scaling": (True, True, True),
        "decoder_inject_noise": (False, False, False, False),
        "downsample_type": ("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
        "upsample_residual": (True, True, True),
        "upsample_factor": (2, 2, 2),
        "timestep_conditioning": True,
        "spatial_compression_ratio": 32,
        "temporal_compression_ratio": 8,
    }
    with tiny.seeded(seed):
        made = AutoencoderKLLTXVideo(**(settings | config)).eval()
    made.latents_mean.copy_(tiny.randn(LATENT_CHANNELS, seed=seed + 1))
    made.latents_std.copy_(tiny.randn(LATENT_CHANNELS, seed=seed + 2).abs() + 0.5)
    return made


def text_encoder(*, seed: int = 0) -> T5EncoderModel:
    config = T5Config(
        vocab_size=len(tiny.tokenizer()),
        d_model=tiny.TEXT_DIM,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=16,
        feed_forward_proj="gated-gelu",
    )
    with tiny.seeded(seed):
        return T5EncoderModel(config).eval()


def pipeline(*, seed: int = 0, **parts: Any) -> LTXConditionPipeline:
    """The stock pipeline; ``parts`` are others in place of the tiny ones."""
    defaults = {
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "vae": vae(seed=seed),
        "text_encoder": text_encoder(seed=seed),
        "tokenizer": tiny.tokenizer(),
        "transformer": transformer(seed=seed),
    }
    pipe = LTXConditionPipeline(**(defaults | parts))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def checkpoint(folder: Path, *, seed: int = 0, **parts: Any) -> Path:
    """Write the stock pipeline as a folder."""
    pipeline(seed=seed, **parts).save_pretrained(folder)
    return folder


def parameters(model: torch.nn.Module) -> int:
    """Of a model, buffers left out."""
    return sum(weight.numel() for weight in model.parameters())
