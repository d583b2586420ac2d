"""An anchor at any frame in Wan's own terms: which pixel frames are given, and their latents.

Section 3.1 and Appendix A.1 of the paper ("mask mechanism"). Wan2.1 image-to-video reads, beside the noisy latents, a
condition of mask channels (one flag per pixel frame that a latent frame holds) and latents. All latents here are the
VAE's posterior mode, normalised by its ``latents_mean`` and ``latents_std``, in fp32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from diffusers.utils.torch_utils import get_module_execution_device
from torch import Tensor

from reasondiff.timeline import Timeline

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

__all__ = [
    "anchor_mask",
    "decode_video",
    "encode_anchor_latents",
    "encode_on_grey",
    "encode_video",
    "normalised",
    "timeline_of",
    "unnormalised",
]


def timeline_of(vae: AutoencoderKLWan, num_frames: int) -> Timeline:
    """The time axis of ``num_frames`` pixel frames under this VAE's temporal stride.

    Raises:
        InputError: the VAE cannot hold this number of frames.
    """
    return Timeline(num_frames, stride=vae.config["scale_factor_temporal"])


def anchor_mask(timeline: Timeline, frames: Sequence[int], height: int, width: int) -> Tensor:
    """The mask channels for anchors at ``frames``: flags of 1 for the pixel frames that are given, nothing else set.

    Latent frame 0 holds frame 0 alone, which therefore sets all of its flags; frame i >= 1 sets the one flag of its
    slot in its latent frame. At frame 0 this is stock image-to-video's mask, with the last frame too stock FLF2V's.

    Args:
        timeline: of the clip.
        frames: the anchors' pixel frames, 0-based.
        height: of the latents.
        width: of the latents.

    Returns:
        [1, stride, latent_frames, height, width].

    Raises:
        InputError: a frame outside the clip.
    """
    mask = torch.zeros(1, timeline.stride, timeline.num_latent_frames, height, width)
    for frame in frames:
        slots = slice(None) if frame == 0 else timeline.slot_of(frame)
        mask[:, slots, timeline.latent_of(frame)] = 1
    return mask


def encode_anchor_latents(vae: AutoencoderKLWan, image: Tensor, *, repeated: bool = True) -> Tensor:
    """The two latents that an anchor can have: as a first frame, and repeated for one causal chunk.

    The causal VAE gives the same picture another latent at the clip's start than later on, so one chunk more than a
    single image is encoded: 1 + stride copies. (One copy less, and the VAE would drop all but the first in silence.)

    Args:
        vae: Wan's.
        image: [batch, 3, height, width] in -1..1.
        repeated: False for an anchor at frame 0, of which the latent as a first frame is all that is used: a fifth of
            the work.

    Returns:
        [batch, channels, 2, height, width]: ``[:, :, 0]`` for latent frame 0, ``[:, :, 1]`` for every other one; or
        the first alone.
    """
    copies = 1 + vae.config["scale_factor_temporal"] * repeated
    return encode_video(vae, image[:, :, None].expand(-1, -1, copies, -1, -1))


def encode_on_grey(vae: AutoencoderKLWan, images: Tensor, frames: Sequence[int], timeline: Timeline) -> Tensor:
    """Wan's own condition latents: a grey video with the images at ``frames``, which is what the base was trained on.

    The whole clip is encoded even for an anchor at frame 0: the latents of the grey frames after an image are not those
    of grey frames after grey ones, because the causal VAE still sees the image.

    Args:
        vae: Wan's.
        images: [batch, anchors, 3, height, width] in -1..1.
        frames: one pixel frame per anchor, 0-based.
        timeline: of the clip.

    Returns:
        [batch, channels, latent_frames, height, width].

    Raises:
        InputError: a frame outside the clip.
    """
    batch, _, channels, height, width = images.shape
    video = images.new_zeros(batch, channels, timeline.num_frames, height, width)
    for image, frame in zip(images.unbind(1), frames, strict=True):
        timeline.check(frame)
        video[:, :, frame] = image
    return encode_video(vae, video)


def encode_video(vae: AutoencoderKLWan, video: Tensor) -> Tensor:
    """Latents [batch, channels, latent_frames, height, width] of a video [batch, 3, frames, height, width] in -1..1."""
    latents = vae.encode(video.to(get_module_execution_device(vae), vae.dtype)).latent_dist.mode()
    return normalised(vae, latents.float())


def decode_video(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """The video [batch, 3, frames, height, width] in -1..1 of normalised latents."""
    latents = latents.to(get_module_execution_device(vae), vae.dtype)
    return vae.decode(unnormalised(vae, latents), return_dict=False)[0]


def normalised(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """From the VAE's own scale to the one that the transformer and AlignFormer work in."""
    mean, inverse_std = _statistics(vae, latents)
    return (latents - mean) * inverse_std


def unnormalised(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """Back to the VAE's own scale."""
    mean, inverse_std = _statistics(vae, latents)
    return latents / inverse_std + mean


def _statistics(vae: AutoencoderKLWan, like: Tensor) -> tuple[Tensor, Tensor]:
    # The inverse, and not the deviation itself, so that every bit agrees with diffusers' pipelines.
    shape = (1, -1, 1, 1, 1)
    mean = torch.tensor(vae.config["latents_mean"]).view(shape).to(like)
    return mean, 1.0 / torch.tensor(vae.config["latents_std"]).view(shape).to(like)
