"""The autoencoder's decoder, on what the generator makes: it learns to draw what was meant, not what was missed.

As in LTX-Video (HaCohen et al., 2024, Sec. 2.2), whose decoder takes the last step of denoising. The encoder stays, and
with it the latents and every model that was trained on them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from reasondiff.backends.wan import vae_whole_clip
from reasondiff.backends.wan.building import WanVae
from reasondiff.backends.wan.conditioning import unnormalised
from reasondiff.data.loader import SampleKey
from reasondiff.media.film_strip import film_strips
from reasondiff.media.tensors import foreground, psnr, to_pixels, to_tensor
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw, draw_backdrop
from reasondiff.training.storyworld.vae import save_vae

__all__ = ["DecoderDataset", "DecoderInputs", "DecoderStage"]


@dataclass(frozen=True)
class DecoderInputs:
    """One step's draws: crops over all frames.

    Args:
        latents: [batch, channels, latent_frames, side, side], normalised; the generator's, or the encoder's and noise.
        clean: [batch, 3, frames, crop, crop] in -1..1, what they should show.
        weight: [batch, 1, frames, crop, crop], of each pixel in the loss.
    """

    latents: Tensor
    clean: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> DecoderInputs:
        return DecoderInputs(self.latents.to(device), self.clean.to(device), self.weight.to(device))


class DecoderDataset:
    """Crops of clips, mostly around what moves, with their latents as encoded and as the generator made them again.

    Args:
        takes: the clips.
        encoded: [clips, channels, latent_frames, height, width], their latents.
        regenerated: the same shape, as the generator made them again.
        scale: pixels per latent, in height and width.
        batch: crops per step and process.
        crop: side of a crop, in latents.
        true: share of crops whose latents are the encoded ones.
        noise: standard deviation of what is added to those.
        foreground_weight: of pixels that differ from the clip's empty scene.
    """

    def __init__(
        self,
        takes: TakeSet,
        encoded: Tensor,
        regenerated: Tensor,
        *,
        scale: int,
        batch: int,
        crop: int = 8,
        true: float = 0.35,
        noise: float = 0.03,
        foreground_weight: float = 4.0,
    ) -> None:
        self.takes = takes
        self.encoded = encoded
        self.regenerated = regenerated
        self.scale = scale
        self.batch = batch
        self.crop = crop
        self.true = true
        self.noise = noise
        self.foreground_weight = foreground_weight

    def batch_size(self, step: int) -> int:
        return self.batch

    def draw(self, key: SampleKey) -> DecoderInputs:
        generator, rng = key.generator(), key.rng()
        index = rng.randrange(len(self.encoded))
        take = self.takes[index]
        clean = to_tensor(draw(take)[None])
        drawn = foreground(clean, to_tensor(np.array(draw_backdrop(take))[None, None]))
        room = self.encoded.shape[-1] - self.crop
        top, left = rng.randint(0, room), rng.randint(0, room)
        moving = torch.nonzero(drawn[0, 0].float().std(dim=0) > 0.05)
        if len(moving) and rng.random() < 0.7:
            middle = moving[rng.randrange(len(moving))].tolist()
            side = self.crop * self.scale
            top, left = (min(max((at - rng.randrange(side)) // self.scale, 0), room) for at in middle)
        if rng.random() < self.true:
            whole = self.encoded[index].float()
            whole = whole + self.noise * torch.randn(whole.shape, generator=generator)
        else:
            whole = self.regenerated[index].float()
        latents = whole[None, ..., top : top + self.crop, left : left + self.crop]
        rows, columns = (slice(at * self.scale, (at + self.crop) * self.scale) for at in (top, left))
        weight = 1 + (self.foreground_weight - 1) * drawn.float()
        return DecoderInputs(latents, clean[..., rows, columns], weight[..., rows, columns])

    def collate(self, samples: Sequence[DecoderInputs]) -> DecoderInputs:
        return DecoderInputs(
            torch.cat([sample.latents for sample in samples]),
            torch.cat([sample.clean for sample in samples]),
            torch.cat([sample.weight for sample in samples]),
        )


class DecoderStage:
    """The decoder alone, under the absolute error of pixels.

    Args:
        vae: whose decoder is trained.
        dataset: the clips.
        held_out: takes that are not trained on, with the generator's latents of them, which ``validate`` decodes.
        before: what is exported is a mean of the weights, so much of it those of before (Wortsman et al., "Robust
            fine-tuning of zero-shot models", 2022): of the generator's latents it draws no worse, and of true ones and
            of longer clips than it was trained on it keeps more.
        compile: the decoder.
    """

    def __init__(
        self,
        vae: WanVae,
        dataset: DecoderDataset,
        held_out: tuple[TakeSet, Tensor],
        *,
        before: float,
        compile: bool = False,
    ) -> None:
        self.vae = vae.requires_grad_(False)
        self.share_before = before
        self.weights_before = {name: weight.detach().clone() for name, weight in self.trainable().items()}
        self.dataset = dataset
        self.held_out = held_out
        for parameter in self.trainable().values():
            parameter.requires_grad_(True)
        self.decode = torch.compile(vae_whole_clip.decode, dynamic=False) if compile else vae_whole_clip.decode

    def trainable(self) -> dict[str, nn.Parameter]:
        parts = {"decoder": self.vae.decoder, "post_quant_conv": self.vae.post_quant_conv}
        return {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}

    def loss(self, inputs: DecoderInputs) -> dict[str, Tensor]:
        decoded = self.decode(self.vae, unnormalised(self.vae, inputs.latents))
        return {"loss": ((decoded.float() - inputs.clean).abs() * inputs.weight).mean()}

    def validate(self, folder: Path) -> dict[str, float]:
        """PSNR in dB of unseen clips, after the encoder and after the generator."""
        takes, latents = self.held_out
        clean = to_tensor(np.stack([draw(takes[index]) for index in range(len(latents))])).to(self.vae.device)
        with torch.no_grad():
            encoded = torch.cat([self.vae.encode(clip[None]).latent_dist.mode() for clip in clean])
            after = {
                "psnr": vae_whole_clip.decode(self.vae, encoded),
                "psnr_regenerated": vae_whole_clip.decode(
                    self.vae, unnormalised(self.vae, latents.float().to(self.vae.device))
                ),
            }
        rows = [row for clip in zip(clean[:4], after["psnr_regenerated"][:4], strict=True) for row in clip]
        film_strips([to_pixels(row[None])[0] for row in rows], folder / "true-and-regenerated.png")
        return {name: psnr(decoded.clamp(-1, 1), clean) for name, decoded in after.items()}

    def export(self, model: Path) -> None:
        """Save the VAE, the mean of both decoders in it; its encoder and its latents' scale are what they were."""
        mean = copy.deepcopy(self.vae)  # training may go on
        with torch.no_grad():
            for name, before in self.weights_before.items():
                weight = mean.get_parameter(name)
                weight.lerp_(before.to(weight.device), self.share_before)
        save_vae(mean, model)
