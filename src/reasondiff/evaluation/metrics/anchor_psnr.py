"""How much of the given image is left in the frame that it was to be at, and the most that the VAE could leave."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from reasondiff.backends.wan.conditioning import decode_video, encode_anchor_latents
from reasondiff.evaluation.metrics.base import Need, Sample
from reasondiff.evaluation.resources import Resources
from reasondiff.media.tensors import psnr
from reasondiff.pipeline import ReasonDiffPipeline

__all__ = ["AnchorPsnr", "VaePsnr"]


@dataclass(frozen=True)
class AnchorPsnr:
    """Between the given image and the frame that the system was told to show it at."""

    name: str = "anchor_psnr"
    title: str = "anchor PSNR"
    unit: str = "dB"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ("anchor_frame",)
    of_a_failure: float | None = None

    def measure(self, sample: Sample) -> float:
        return psnr(sample.output.frames[sample.anchor_frame], sample.image)


@dataclass(frozen=True)
class VaePsnr:
    """Between the given image and itself through the model's VAE, the best that ``AnchorPsnr`` could be.

    Args:
        using: has the model.
    """

    using: Resources = field(repr=False)
    name: str = "vae_psnr"
    title: str = "VAE's own"
    unit: str = "dB"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ("anchor_frame",)
    of_a_failure: float | None = None

    def measure(self, sample: Sample) -> float:
        given = sample.image
        return psnr(_through_vae(self.using.pipe, given, first=sample.anchor_frame == 0), given)


@torch.no_grad()
def _through_vae(pipe: ReasonDiffPipeline, image: np.ndarray, *, first: bool) -> np.ndarray:
    """The image as the VAE gives it back, in the place in its causal chunk that an anchor has."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    video = decode_video(pipe.vae, encode_anchor_latents(pipe.vae, pixels))
    frame = video[0, :, 0 if first else -1].float()
    return ((frame.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
