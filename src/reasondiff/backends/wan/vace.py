"""An anchor at any frame in VACE's terms: a control video of which some frames are kept, and the mask of the others.

Wan2.1-VACE (arXiv 2503.07598) reads, in a branch of its own beside the noisy latents, the latents of what is kept, the
latents of what is to be changed, and a mask with a channel for every pixel that a latent stands for. It was trained on
clips of which any frames were kept, so it needs no training to hold an image in the middle.

A mask of one pixel frame is lost on the way to latent frames: stock samples the frames by the nearest one (of 81 frames
the second, the sixth, and so on), and the VAE mixes the image into a latent frame whose other frames are grey. So an
anchor is held for all pixel frames of its latent frame, and the mask is made at the latents' resolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reasondiff.backends.wan.conditioning import encode_video
from reasondiff.timeline import Timeline

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

__all__ = ["VACE_DEFAULTS", "control_mask", "control_video", "encode_control", "held_frames", "is_vace"]

VACE_DEFAULTS: Mapping[str, Any] = {"interval": 1 / 16, "shortest_clip": 1.0}
"""Where they differ from the paper's: nobody has trained VACE at another pace than Wan's own, 16 frames per second, and
without an adapter clips of less than a second are told less reliably."""


def is_vace(transformer: Any) -> bool:
    """Whether a Wan transformer has VACE's control branch."""
    return "vace_layers" in transformer.config


def held_frames(timeline: Timeline, frame: int) -> range:
    """The pixel frames that show the anchor at ``frame``: all of its latent frame."""
    return timeline.frames_of(timeline.latent_of(frame))


def control_video(images: Tensor, frames: Sequence[int], timeline: Timeline) -> Tensor:
    """Each image in its frames, grey elsewhere.

    Args:
        images: [anchors, 3, height, width] in -1..1.
        frames: one pixel frame per anchor, 0-based.
        timeline: of the clip.

    Returns:
        [1, 3, frames, height, width] in -1..1; grey is 0.

    Raises:
        InputError: a frame outside the clip, or two images in one latent frame.
    """
    timeline.check_apart(frames)
    video = images.new_zeros(1, images.shape[1], timeline.num_frames, *images.shape[2:])
    for image, frame in zip(images, frames, strict=True):
        held = held_frames(timeline, frame)
        video[0, :, held.start : held.stop] = image[:, None]
    return video


def control_mask(timeline: Timeline, frames: Sequence[int], height: int, width: int, scale: int) -> Tensor:
    """1 for what is to be generated, 0 for the latent frames that hold an anchor.

    Args:
        timeline: of the clip.
        frames: the anchors' pixel frames, 0-based.
        height: of the latents.
        width: of the latents.
        scale: pixels per latent, each way; the mask has a channel for each of these pixels.

    Returns:
        [1, scale^2, latent_frames, height, width].

    Raises:
        InputError: a frame outside the clip.
    """
    mask = torch.ones(1, scale**2, timeline.num_latent_frames, height, width)
    mask[:, :, [timeline.latent_of(frame) for frame in frames]] = 0
    return mask


def encode_control(vae: AutoencoderKLWan, images: Tensor, frames: Sequence[int], timeline: Timeline) -> Tensor:
    """What VACE's control branch reads, made once for all steps and both branches of guidance.

    Args:
        vae: Wan's.
        images: [anchors, 3, height, width] in -1..1.
        frames: one pixel frame per anchor, 0-based.
        timeline: of the clip.

    Returns:
        [1, 2 * channels + scale^2, latent_frames, height, width]: the kept latents, those to be changed (of a grey
        video: nothing of the clip is known but the images), the mask.

    Raises:
        InputError: see ``control_video``.
    """
    video = control_video(images, frames, timeline)
    kept, changed = encode_video(vae, video), encode_video(vae, torch.zeros_like(video))
    *_, height, width = kept.shape
    mask = control_mask(timeline, frames, height, width, scale=images.shape[-1] // width)
    return torch.cat([kept, changed, mask.to(kept)], dim=1)
