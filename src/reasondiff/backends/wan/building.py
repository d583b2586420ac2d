"""Wan's components made from nothing or read from a model folder, for those who train them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

__all__ = [
    "WanTransformer",
    "WanVae",
    "encoder_fingerprint",
    "load_transformer",
    "load_vae",
    "new_transformer",
    "new_vae",
]

WanVae = AutoencoderKLWan
WanTransformer = WanTransformer3DModel


def new_vae(config: Mapping[str, Any]) -> WanVae:
    """A video autoencoder with weights drawn from torch's global generator."""
    return AutoencoderKLWan(**config)


def load_vae(model: Path) -> WanVae:
    """The video autoencoder of a model folder."""
    return AutoencoderKLWan.from_pretrained(model / "vae")


def new_transformer(config: Mapping[str, Any]) -> WanTransformer:
    """A transformer with weights drawn from torch's global generator."""
    return WanTransformer3DModel(**config)


def load_transformer(model: Path) -> WanTransformer:
    """The transformer of a model folder, in float32 as training wants it."""
    return WanTransformer3DModel.from_pretrained(model / "transformer", torch_dtype=torch.float32)


def encoder_fingerprint(vae: WanVae) -> str:
    """SHA-256 of the encoder and its latents' scale; the decoder may improve meanwhile."""
    digest = hashlib.sha256(repr([vae.config["latents_mean"], vae.config["latents_std"]]).encode())
    for part in (vae.encoder, vae.quant_conv):
        for _, tensor in sorted(part.state_dict().items()):
            digest.update(np.ascontiguousarray(tensor.float().cpu().numpy()).tobytes())
    return digest.hexdigest()
