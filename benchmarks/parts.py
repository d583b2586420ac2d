"""Random models of the real classes beside the transformer, drawn where they live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

from benchmarks.contestants import Scale
from reasondiff.alignformer import AlignFormer

__all__ = ["alignformer", "random_part", "text_encoder", "vae"]


def text_encoder(scale: Scale, device: str, **config: Any) -> Any:
    """A random umT5."""
    return random_part(
        lambda: UMT5EncoderModel(UMT5Config(**(scale.parts["text_encoder"] | config))), scale.dtype, device
    )


def vae(scale: Scale, device: str, dtype: torch.dtype | None = None) -> Any:
    """A random Wan VAE."""
    return random_part(lambda: AutoencoderKLWan(**scale.parts["vae"]), dtype or scale.dtype, device)


def alignformer(scale: Scale, device: str) -> AlignFormer:
    """A random AlignFormer whose output is not zero."""
    former = random_part(lambda: AlignFormer(**scale.parts["alignformer"]), scale.dtype, device)
    nn.init.normal_(former.proj_out.weight, std=0.1)
    return former


def random_part(build: Callable[[], Any], dtype: torch.dtype, device: str) -> Any:
    default = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return build().eval()
    finally:
        torch.set_default_dtype(default)
