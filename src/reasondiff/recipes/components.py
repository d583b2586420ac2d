"""The configs of components that a recipe makes from nothing, typed; defaults are the bundled models'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reasondiff.recipes.config import to_json

__all__ = ["AlignFormerConfig", "LoraOptions", "TextEncoderConfig", "TransformerConfig", "VaeConfig"]

CHANNELS = 16
"""Of the latents, as in Wan2.1."""
PATCH = (1, 4, 4)
"""A token is 16 x 16 pixels, as in Wan2.1; a clip of 33 frames has 144."""
TEXT_DIM = 128


@dataclass(frozen=True, kw_only=True)
class VaeConfig:
    """Of Wan's autoencoder: 4 in time as the 14B's, 4 in space, because 64 pixels leave no room for 8."""

    base_dim: int = 16
    z_dim: int = CHANNELS
    dim_mult: tuple[int, ...] = (1, 2, 4)
    num_res_blocks: int = 1
    attn_scales: tuple[float, ...] = ()
    temperal_downsample: tuple[bool, ...] = (True, True)
    scale_factor_temporal: int = 4
    scale_factor_spatial: int = 4

    def to_kwargs(self) -> dict[str, Any]:
        """What the class is made with; the latents' scale is measured at export."""
        scale = {"latents_mean": [0.0] * self.z_dim, "latents_std": [1.0] * self.z_dim}
        return {**to_json(self), **scale}


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Of Wan's transformer: the 14B's class with 5 layers of width 384."""

    patch_size: tuple[int, int, int] = PATCH
    num_attention_heads: int = 6
    attention_head_dim: int = 64
    in_channels: int = 2 * CHANNELS + 4
    out_channels: int = CHANNELS
    text_dim: int = TEXT_DIM
    freq_dim: int = 128
    ffn_dim: int = 768
    num_layers: int = 5
    cross_attn_norm: bool = True
    qk_norm: str = "rms_norm_across_heads"
    rope_max_seq_len: int = 128


@dataclass(frozen=True, kw_only=True)
class TextEncoderConfig:
    """Of the UMT5 encoder."""

    d_model: int = TEXT_DIM
    d_kv: int = 32
    num_heads: int = 4
    num_layers: int = 3
    d_ff: int = 256
    dropout_rate: float = 0.0


@dataclass(frozen=True, kw_only=True)
class AlignFormerConfig:
    """Of the AlignFormer."""

    in_channels: int = CHANNELS
    text_dim: int = TEXT_DIM
    dim: int = 160
    num_heads: int = 8
    patch_size: tuple[int, int, int] = PATCH


@dataclass(frozen=True, kw_only=True)
class LoraOptions:
    """Of the LoRA, by peft's names.

    Args:
        r: the rank.
        lora_alpha: the scale is alpha / r.
        target_modules: a pattern of the modules that get one; by default the projections of both
            attentions and of the feed-forward layers.
    """

    r: int = 32
    lora_alpha: int = 32
    target_modules: str = r".*\.(attn1|attn2)\.(to_q|to_k|to_v|to_out\.0)|.*\.ffn\.net\.(0\.proj|2)"
