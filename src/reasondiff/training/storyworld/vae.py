"""Stage 0: a video autoencoder of Wan's class, on drawn clips.

Single frames first, then short clips, then whole ones: a causal VAE that has only seen short clips drifts beyond them.
What moves is a small part of the picture, so it is weighted; without that the VAE paints the background and forgets
the cat.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor, nn

from reasondiff.media.film_strip import film_strips
from reasondiff.media.tensors import psnr
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw, draw_backdrop, draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES, SIZE
from reasondiff.timeline import Timeline
from reasondiff.training.export import new_parts, placeless
from reasondiff.training.storyworld import vae_whole_clip as vae_at_once

__all__ = ["Phase", "VaeStage", "foreground", "to_pixels", "to_tensor"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the curriculum; those that end together take turns, step by step.

    Args:
        until: the share of all steps at which it ends.
        frames: lengths to draw from, each 4k+1.
        batch: clips per step.
        crop: side of the square crop, in pixels.
        moving: crops around the agent, while it is in the scene; most of a whole clip stands still.
    """

    until: float
    frames: tuple[int, ...]
    batch: int
    crop: int
    moving: bool = False


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
    """

    def __init__(
        self,
        vae: AutoencoderKLWan,
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
    ) -> None:
        self.vae = vae
        self.before = copy.deepcopy(vae).requires_grad_(False) if fidelity else None
        self.steps = steps
        self.phases = phases
        self.error = error
        self.foreground_weight = foreground_weight
        self.latent_noise = latent_noise
        self.latent_penalty = latent_penalty
        self.fidelity = fidelity
        wrap = partial(torch.compile, dynamic=False) if compile else lambda function: function
        self.encode, self.decode = wrap(vae_at_once.encode), wrap(vae_at_once.decode)
        self.takes = takes or TakeSet("train", hard=0.2)

    def trainable(self) -> dict[str, nn.Parameter]:
        return dict(self.vae.named_parameters())

    def prepare(self, step: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Clips [batch, 3, frames, crop, crop] in -1..1, their pixel weights, and noise for the latents."""
        until = min((p.until for p in self.phases if step < p.until * self.steps), default=self.phases[-1].until)
        now = [p for p in self.phases if p.until == until]
        phase = now[step % len(now)]

        def randint(high: int) -> int:
            return int(torch.randint(high, (), generator=generator))

        frames = phase.frames[randint(len(phase.frames))]
        clips, scenes = [], []
        for _ in range(phase.batch):
            take = self.takes[randint(2**31)]
            room = SIZE - phase.crop + 1
            first, top, left = randint(NUM_FRAMES - frames + 1), randint(room), randint(room)
            if phase.moving:
                start, stop = take.phases["enter"].start, take.phases["leave"].stop
                first = min(start + randint(max(1, stop - start - frames // 2)), NUM_FRAMES - frames)
                pose = take.agent_pose(min(first + frames // 2, stop - 1))
                if pose is not None:  # its feet are at (x, y)
                    corner = phase.crop - randint(phase.crop // 2)
                    top = min(max(round(pose.y) - corner, 0), room - 1)
                    left = min(max(round(pose.x) - phase.crop // 4 - randint(phase.crop // 2), 0), room - 1)
            video = np.stack([np.asarray(draw_frame(take, first + k)) for k in range(frames)])
            scene = np.asarray(draw_backdrop(take))[None]
            window = np.s_[..., top : top + phase.crop, left : left + phase.crop, :]
            clips.append(video[window])
            scenes.append(scene[window])
        clean = to_tensor(np.stack(clips))
        weight = 1 + (self.foreground_weight - 1) * foreground(clean, to_tensor(np.stack(scenes)))
        side = phase.crop // self.vae.config["scale_factor_spatial"]
        shape = (phase.batch, self.vae.config["z_dim"], Timeline(frames).num_latent_frames, side, side)
        noise = torch.randn(shape, generator=generator)
        return tuple(tensor.to(self.vae.device) for tensor in (clean, weight, noise))

    def loss(self, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
        clean, weight, noise = inputs
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
        videos = np.stack([draw(TakeSet("validation")[index]) for index in range(8)])
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
            self._save(model)
            return
        moments = []
        for index in range(64):
            clean = to_tensor(draw(TakeSet("validation")[1000 + index])[None]).to(self.vae.device)
            moments.append(self.vae.encode(clean).latent_dist.mode()[0].flatten(1))
        latents = torch.cat(moments, dim=1)
        self.vae.register_to_config(
            latents_mean=[round(v, 4) for v in latents.mean(1).tolist()],
            latents_std=[round(v, 4) for v in latents.std(1).tolist()],
        )
        self._save(model)

    def _save(self, model: Path) -> None:
        saved = copy.deepcopy(self.vae)
        for part in (saved.decoder, saved.post_quant_conv):
            part.half()
        with new_parts(model) as place:
            placeless(saved).save_pretrained(place("vae"))


def to_tensor(frames: np.ndarray) -> Tensor:
    """uint8 [batch, frames, height, width, 3] to float [batch, 3, frames, height, width] in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_pixels(video: Tensor) -> np.ndarray:
    """float [batch, 3, frames, height, width] in -1..1 to uint8 [batch, frames, height, width, 3]."""
    return ((video.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()


def foreground(clean: Tensor, scene: Tensor) -> Tensor:
    """1 where ``clean`` differs visibly from ``scene`` in any channel: [batch, 1, frames, height, width]."""
    return ((clean - scene).abs().amax(1, keepdim=True) > 0.1).to(clean.dtype)
