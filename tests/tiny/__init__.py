"""Tiny random models of the real classes, in the real on-disk layout: what the tests run instead of Wan2.1-14B.

Every function takes a seed, leaves the global random state as it found it, and returns the same weights each time, in
eval mode and fp32. The widths fit together: ``pipeline()`` is a complete image-to-video pipeline with 64x64 frames in
mind (8x8 latents, 16 tokens per latent frame).
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from PIL import Image
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

TEXT_DIM = 32
"""Width of the text encoder's output."""
IMAGE_DIM = 24
"""Width of the image encoder's output."""
IMAGE_TOKENS = 5
"""Tokens of the image encoder: 2x2 patches and the class token."""
LATENT_CHANNELS = 4


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Global random draws inside the block come from ``seed``; the state outside is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers that depend on the seed only."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def transformer(*, image_tokens: bool = True, seed: int = 0, **config: Any) -> WanTransformer3DModel:
    """A two-layer Wan image-to-video transformer.

    Args:
        image_tokens: with the image encoder's tokens in the context (Wan2.1 I2V), or without them (Wan2.2).
        seed: of the weights.
        config: overrides, such as ``num_layers=3``.
    """
    settings = {
        "patch_size": (1, 2, 2),
        "num_attention_heads": 2,
        "attention_head_dim": 12,
        "in_channels": 2 * LATENT_CHANNELS + 4,  # noisy, mask, condition
        "out_channels": LATENT_CHANNELS,
        "text_dim": TEXT_DIM,
        "freq_dim": 16,
        "ffn_dim": 48,
        "num_layers": 2,
        "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads",
        "rope_max_seq_len": 64,
        "image_dim": IMAGE_DIM if image_tokens else None,
        "added_kv_proj_dim": 24 if image_tokens else None,  # heads x head dim, as in Wan
    }
    with seeded(seed):
        return WanTransformer3DModel(**(settings | config)).eval()


def vace_transformer(*, seed: int = 0, **config: Any) -> WanVACETransformer3DModel:
    """A three-layer Wan VACE transformer with two control blocks; ``config`` are overrides."""
    settings = {
        "patch_size": (1, 2, 2),
        "num_attention_heads": 2,
        "attention_head_dim": 12,
        "in_channels": LATENT_CHANNELS,
        "out_channels": LATENT_CHANNELS,
        "text_dim": TEXT_DIM,
        "freq_dim": 16,
        "ffn_dim": 48,
        "num_layers": 3,
        "cross_attn_norm": True,
        "rope_max_seq_len": 64,
        "vace_layers": [0, 2],
        "vace_in_channels": 2 * LATENT_CHANNELS + 8 * 8,  # kept, to be changed, mask
    }
    with seeded(seed):
        return WanVACETransformer3DModel(**(settings | config)).eval()


def vae(*, seed: int = 0, **config: Any) -> AutoencoderKLWan:
    """Wan's causal video VAE: 8x smaller in space, 4k+1 frames to k+1 latent frames."""
    settings = {
        "base_dim": 4,
        "z_dim": LATENT_CHANNELS,
        "dim_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "temperal_downsample": [False, True, True],
        "latents_mean": [0.1, -0.2, 0.3, -0.4],
        "latents_std": [0.5, 0.8, 1.2, 1.5],
    }
    with seeded(seed):
        return AutoencoderKLWan(**(settings | config)).eval()


def text_encoder(*, seed: int = 0) -> UMT5EncoderModel:
    config = UMT5Config(
        vocab_size=len(tokenizer()),
        d_model=TEXT_DIM,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=16,
        feed_forward_proj="gated-gelu",
    )
    with seeded(seed):
        return UMT5EncoderModel(config).eval()


def tokenizer() -> T5Tokenizer:
    """T5's tokenizer with one token per printable ASCII character: every spelling matters, nothing is downloaded."""
    characters = string.ascii_letters + string.digits + string.punctuation
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5Tokenizer(vocab=[*special, *((character, -2.0) for character in characters)], extra_ids=0)


def image_encoder(*, seed: int = 0) -> CLIPVisionModel:
    config = CLIPVisionConfig(
        hidden_size=IMAGE_DIM,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
    )
    with seeded(seed):
        return CLIPVisionModel(config).eval()


def image_processor() -> CLIPImageProcessor:
    """CLIP's preparation of an image; transformers falls back to its PIL backend where torchvision is absent."""
    return CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})


def scheduler(kind: str = "unipc") -> UniPCMultistepScheduler | FlowMatchEulerDiscreteScheduler:
    """The scheduler that the Wan2.1 checkpoints ship (``unipc``), or plain ``euler`` steps."""
    if kind == "euler":
        return FlowMatchEulerDiscreteScheduler(shift=3.0)
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
    )


def pipeline(*, image_tokens: bool = True, seed: int = 0, **parts: Any) -> WanImageToVideoPipeline:
    """The stock diffusers pipeline made of the tiny parts.

    Args:
        image_tokens: with an image encoder (Wan2.1 I2V) or without one (Wan2.2).
        seed: of all weights.
        parts: components to use in place of the tiny ones.
    """
    defaults = {
        "tokenizer": tokenizer(),
        "text_encoder": text_encoder(seed=seed),
        "vae": vae(seed=seed),
        "scheduler": scheduler(),
        "image_processor": image_processor() if image_tokens else None,
        "image_encoder": image_encoder(seed=seed) if image_tokens else None,
        "transformer": transformer(image_tokens=image_tokens, seed=seed),
    }
    pipe = WanImageToVideoPipeline(**(defaults | parts))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def checkpoint(folder: Path, *, image_tokens: bool = True, seed: int = 0) -> Path:
    """Write the tiny pipeline as a diffusers folder: ``model_index.json`` and one subfolder per component."""
    pipeline(image_tokens=image_tokens, seed=seed).save_pretrained(folder, safe_serialization=True)
    return folder


def vace_pipeline(*, seed: int = 0, **parts: Any) -> WanVACEPipeline:
    """The stock VACE pipeline made of the tiny parts; ``parts`` are others in their place, or ``boundary_ratio``."""
    defaults = {
        "tokenizer": tokenizer(),
        "text_encoder": text_encoder(seed=seed),
        "vae": vae(seed=seed),
        "scheduler": scheduler(),
        "transformer": vace_transformer(seed=seed),
    }
    pipe = WanVACEPipeline(**(defaults | parts))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def image(width: int = 64, height: int = 64, *, seed: int = 0) -> Image.Image:
    """A smooth random picture."""
    coarse = Image.fromarray((randn(4, 4, 3, seed=seed).sigmoid() * 255).to(torch.uint8).numpy())
    return coarse.resize((width, height), Image.Resampling.BICUBIC)
