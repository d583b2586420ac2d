"""Stage 0: a video autoencoder of Wan's class, on drawn clips.

Single frames first, then short clips, then whole ones: a causal VAE that has only seen short clips drifts beyond them.
What moves is a small part of the picture, so it is weighted; without that the VAE paints the background and forgets
the cat.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from reasondiff.backends.wan import vae_whole_clip
from reasondiff.backends.wan.building import WanVae
from reasondiff.media.film_strip import film_strips
from reasondiff.media.tensors import foreground, psnr, to_pixels, to_tensor
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw
from reasondiff.training.export import atomic_components, without_local_paths
from reasondiff.training.storyworld.vae_dataset import Phase, VaeDataset, VaeInputs

__all__ = ["VaeStage", "save_vae"]


class VaeStage:
    """An error of pixels, more on what moves; a little noise on the latents instead of a sampled posterior.

    Args:
        vae: the model.
        steps: of the whole run, to know where phases end.
        error: of a pixel: 1, its absolute difference, or 2, the square of that.
        foreground_weight: of pixels that differ from the clip's empty scene.
        latent_noise: standard deviation of the noise added to latents, so that nearby latents decode alike.
        latent_penalty: on the squares of the latents, so that they keep a scale.
        fidelity: on the squares of what the latents differ from those that ``vae`` makes now, so that models trained
            on these still fit. ``latents_mean`` and ``latents_std`` stay as well; without it, export measures them.
        compile: encoder and decoder, once for every size that the phases name.
        takes: what to draw from.
        validation_clips: unseen clips that ``validate`` decodes.
        scale_clips: unseen clips that ``export`` measures the latents' scale over.
    """

    def __init__(
        self,
        vae: WanVae,
        *,
        steps: int,
        phases: Sequence[Phase],
        error: int = 1,
        foreground_weight: float = 5.0,
        latent_noise: float = 0.05,
        latent_penalty: float = 1e-4,
        fidelity: float = 0.0,
        compile: bool = False,
        takes: TakeSet | None = None,
        validation_clips: int = 8,
        scale_clips: int = 64,
    ) -> None:
        self.vae = vae
        self.before = copy.deepcopy(vae).requires_grad_(False) if fidelity else None
        self.dataset = VaeDataset(
            takes or TakeSet("train", hard=0.2),
            phases,
            steps=steps,
            foreground_weight=foreground_weight,
            channels=vae.config["z_dim"],
            scale=vae.config["scale_factor_spatial"],
        )
        self.error = error
        self.latent_noise = latent_noise
        self.latent_penalty = latent_penalty
        self.fidelity = fidelity
        self.validation_clips = validation_clips
        self.scale_clips = scale_clips
        wrap = partial(torch.compile, dynamic=False) if compile else lambda function: function
        self.encode, self.decode = wrap(vae_whole_clip.encode), wrap(vae_whole_clip.decode)

    def trainable(self) -> dict[str, nn.Parameter]:
        return dict(self.vae.named_parameters())

    def loss(self, inputs: VaeInputs) -> dict[str, Tensor]:
        clean, weight, noise = inputs.clean, inputs.weight, inputs.noise
        latents = self.encode(self.vae, clean)
        decoded = self.decode(self.vae, latents + self.latent_noise * noise)
        pixels = ((decoded.float() - clean).abs().pow(self.error) * weight).mean()
        losses = {"loss": pixels + self.latent_penalty * latents.float().square().mean(), "pixels": pixels}
        if self.before is not None:
            with torch.no_grad():
                before = self.encode(self.before, clean)
            losses["moved"] = (latents.float() - before.float()).square().mean()
            losses["loss"] = losses["loss"] + self.fidelity * losses["moved"]
        return losses

    def validate(self, folder: Path) -> dict[str, float]:
        """Whole unseen clips, and 81 frames (a clip played forth and back): PSNR in dB, overall and of what moves."""
        videos = np.stack([draw(TakeSet("validation")[index]) for index in range(self.validation_clips)])
        long = np.concatenate([videos, videos[:, -2::-1], videos[:, 1:17]], axis=1)
        report, rows = {}, []
        for name, frames in (("33", videos), ("81", long[:3])):
            clean = to_tensor(frames).to(self.vae.device)
            decoded = torch.cat([self.vae.decode(self.vae.encode(c[None]).latent_dist.mode()).sample for c in clean])
            moving = foreground(clean, clean.median(dim=2, keepdim=True).values)
            report[f"psnr_{name}"] = psnr(decoded, clean)
            report[f"psnr_moving_{name}"] = psnr(decoded, clean, moving)
            last = slice(-8, None)
            report[f"psnr_last_{name}"] = psnr(decoded[:, :, last], clean[:, :, last])
            for true, back in zip(frames[:3], to_pixels(decoded)[:3], strict=True):
                rows += [true, back]
        film_strips(rows, folder / "true-and-decoded.png")
        return report

    @torch.no_grad()
    def export(self, model: Path) -> None:
        """Save the VAE, its decoder in half precision, with its latents' scale: over unseen clips, or as before."""
        if self.before is not None:  # the scale is what it was
            save_vae(self.vae, model)
            return
        moments = []
        for index in range(self.scale_clips):
            clean = to_tensor(draw(TakeSet("validation")[1000 + index])[None]).to(self.vae.device)
            moments.append(self.vae.encode(clean).latent_dist.mode()[0].flatten(1))
        latents = torch.cat(moments, dim=1)
        self.vae.register_to_config(
            latents_mean=[round(v, 4) for v in latents.mean(1).tolist()],
            latents_std=[round(v, 4) for v in latents.std(1).tolist()],
        )
        save_vae(self.vae, model)


def save_vae(vae: WanVae, model: Path) -> None:
    """Write ``vae`` into a model's folder, its decoder in half precision."""
    saved = copy.deepcopy(vae)
    for module in (saved.decoder, saved.post_quant_conv):
        module.half()
    with atomic_components(model) as place:
        without_local_paths(saved).save_pretrained(place("vae"))
