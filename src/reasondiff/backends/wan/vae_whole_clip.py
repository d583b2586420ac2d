"""Wan's autoencoder on all frames of a clip at once, for training.

diffusers goes from chunk to chunk with a cache of features, which bounds memory at inference. The same convolutions
over the whole clip give the same result (``tests/backends/wan/test_vae_whole_clip.py``), in fewer and larger
steps, and as one graph that can be compiled. Wan2.1's layout only: no attention between levels, no residual shortcuts,
no patches.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan, WanResample
from torch import Tensor

__all__ = ["decode", "encode"]


def encode(vae: AutoencoderKLWan, clips: Tensor) -> Tensor:
    """[batch, 3, frames, height, width] in -1..1 to the posterior's mean, [batch, channels, latent_frames, ...]."""
    encoder = vae.encoder
    x = encoder.conv_in(clips)
    for layer in encoder.down_blocks:
        x = _down(layer, x) if isinstance(layer, WanResample) else layer(x)
    x = encoder.mid_block(x)
    x = encoder.conv_out(encoder.nonlinearity(encoder.norm_out(x)))
    return vae.quant_conv(x).chunk(2, dim=1)[0]


def decode(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """[batch, channels, latent_frames, ...] to [batch, 3, frames, height, width], not clamped to -1..1."""
    decoder: Any = vae.decoder  # its blocks are a ModuleList, whose items torch does not type
    x = decoder.mid_block(decoder.conv_in(vae.post_quant_conv(latents)))
    for block in decoder.up_blocks:
        for resnet in block.resnets:
            x = resnet(x)
        for upsampler in block.upsamplers or ():
            x = _up(upsampler, x)
    return decoder.conv_out(decoder.nonlinearity(decoder.norm_out(x)))


def _down(layer: WanResample, x: Tensor) -> Tensor:
    x = _in_space(layer, x)
    if layer.mode == "downsample3d" and x.shape[2] > 1:  # the first frame stands alone, then every two become one
        x = torch.cat([x[:, :, :1], layer.time_conv(x)], dim=2)
    return x


def _up(layer: WanResample, x: Tensor) -> Tensor:
    if layer.mode == "upsample3d" and x.shape[2] > 1:  # the first frame stays one, every later one becomes two
        pairs = layer.time_conv(x[:, :, 1:]).unflatten(1, (2, -1))  # [batch, 2, channels, frames, height, width]
        x = torch.cat([x[:, :, :1], pairs.movedim(1, 3).flatten(2, 3)], dim=2)
    return _in_space(layer, x)


def _in_space(layer: WanResample, x: Tensor) -> Tensor:
    return layer.resample(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(x), -1)).transpose(1, 2)
