"""LTX-Video behind ``backends.base``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from diffusers.utils.torch_utils import get_module_execution_device
from torch import Tensor

from reasondiff.backends.base import Abilities, Anchor, Contexts, Denoised, DenoisingOptions, Known
from reasondiff.backends.defaults import Defaults
from reasondiff.backends.identity import fingerprint
from reasondiff.backends.ltx.components import LtxComponents
from reasondiff.backends.ltx.denoising import DISTILLED_TIMESTEPS, Texts, denoise
from reasondiff.backends.ltx.keyframes import Keyframes
from reasondiff.backends.ltx.text import FrameText
from reasondiff.backends.t5 import encode_texts
from reasondiff.errors import InputError
from reasondiff.media.tensors import to_tensor
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.timeline import Timeline

__all__ = ["LtxModel"]

_LONGEST = 256
"""Tokens of a prompt in ``LTXConditionPipeline``'s own use."""

_DECODE_TIMESTEP, _DECODE_NOISE = 0.05, 0.025
"""The decoder does the last bit of denoising: what it is told, and how much noise it is given. Diffusers' examples."""


class LtxModel:
    """A ``VideoModel`` that keeps videos; methods are documented there.

    Args:
        pipe: the components, loaded.
    """

    def __init__(self, pipe: LtxComponents) -> None:
        self.pipe = pipe
        pipe.model = self  # a preview that is given the pipeline asks what is held

    @property
    def defaults(self) -> Defaults:
        return self.pipe.defaults

    @property
    def abilities(self) -> Abilities:
        steps = len(DISTILLED_TIMESTEPS) if self.pipe.distilled else None
        return Abilities(anchors=None, strength=True, steps=steps)

    @property
    def pixels_per_token(self) -> int:
        return self.pipe.vae_scale_factor_spatial

    @property
    def longest_text(self) -> int:
        return _LONGEST

    def timeline(self, num_frames: int) -> Timeline:
        return Timeline(num_frames, int(self.pipe.vae.temporal_compression_ratio))

    def check_size(self, width: int, height: int, num_frames: int) -> None:
        """Its positions are fractions of a fixed size and time, so it has a place for any."""

    def latent_shape(self, width: int, height: int, num_frames: int) -> tuple[int, ...]:
        scale, channels = self.pipe.vae_scale_factor_spatial, self.pipe.transformer.config["in_channels"]
        return channels, self.timeline(num_frames).num_latent_frames, height // scale, width // scale

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str], longest: int) -> dict[str, Tensor]:
        encoded = encode_texts(self.pipe.tokenizer, self.pipe.text_encoder, texts, longest=longest)
        device, dtype = self.pipe._execution_device, self.pipe.transformer.dtype
        return {text: embeds.to(device, dtype) for text, embeds in encoded.items()}

    @torch.no_grad()
    def encode_anchors(self, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        """Each image as a video of one frame, with its place and its strength, see ``Keyframes``."""
        for anchor in anchors:
            timeline.check(anchor.frame)
        latents = [self._encode(self.pipe.video_processor.preprocess(anchor.image)[:, :, None]) for anchor in anchors]
        frames = torch.tensor([[anchor.frame for anchor in anchors]])
        strength = torch.tensor([[anchor.strength for anchor in anchors]])
        return Keyframes(frames, strength, torch.cat(latents, 2).float()).condition.to(self.pipe._execution_device)

    @torch.no_grad()
    def encode_video(self, frames: np.ndarray) -> Tensor:
        """Latents of a finished video; see ``KeepsVideo``."""
        return self._encode(to_tensor(frames[None])).float().to(self.pipe._execution_device)

    def knowing(self, condition: Tensor, known: Known) -> Tensor:
        """What is known is told by its noise level, in ``denoise``; see ``KeepsVideo``."""
        return condition

    def held(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """For a preview: an image in each of its places, and their latents [channels, images, height, width].

        Args:
            condition: of one video, without the batch dimension.
        """
        return torch.ones(condition.shape[1]), condition[2:]

    def _encode(self, pixels: Tensor) -> Tensor:
        """Normalised latents of [1, 3, frames, height, width] in -1..1; what the encoder thinks likeliest."""
        vae = self.pipe.vae
        latents = vae.encode(pixels.to(get_module_execution_device(vae), vae.dtype)).latent_dist.mode()
        normalised: Tensor = self.pipe._normalize_latents(latents, vae.latents_mean, vae.latents_std)
        return normalised

    def contexts(
        self,
        plans: Sequence[FramePlan],
        negative_prompt: str | None,
        text_embeds: Mapping[str, Tensor],
        anchors: Sequence[Anchor],
        *,
        longest: int,
        videos_per_story: int,
        image_reach: int | None = None,
    ) -> Contexts[Texts]:
        if image_reach is not None:
            raise InputError("This model's transformer reads no image encoder's tokens; leave out image_reach.")
        positive = [FrameText.build(plan, text_embeds) for plan in plans for _ in range(videos_per_story)]
        if negative_prompt is None:
            return Contexts(positive)
        away = FrameText.build(FramePlan.single(negative_prompt, plans[0].num_latent_frames), text_embeds)
        return Contexts(positive, [away] * len(positive))

    def denoise(
        self, noise: Tensor, condition: Tensor, contexts: Contexts[Texts], options: DenoisingOptions
    ) -> Denoised:
        return denoise(self.pipe, noise, condition, contexts, options, fps=1 / self.defaults.interval)

    @torch.no_grad()
    def decode(self, latents: Tensor, output_type: str = "np") -> Any:
        """One video at a time; ``output_type`` as Wan's.

        A decoder that denoises is given the same noise for every video, so that one video has one picture.
        """
        if output_type == "latent":
            return latents
        video = torch.cat([self._decoded(each[None]).float() for each in latents])
        if output_type == "uint8":
            frames = self.pipe.video_processor.postprocess_video(video, output_type="np")
            return (frames * 255).round().astype(np.uint8)
        return self.pipe.video_processor.postprocess_video(video, output_type=output_type)

    def _decoded(self, latents: Tensor) -> Tensor:
        """The video [1, 3, frames, height, width] in -1..1."""
        vae = self.pipe.vae
        unscaled = self.pipe._denormalize_latents(
            latents, vae.latents_mean, vae.latents_std, vae.config["scaling_factor"]
        )
        unscaled = unscaled.to(get_module_execution_device(vae), vae.dtype)
        timestep = None
        if vae.config["timestep_conditioning"]:
            noise = torch.randn(unscaled.shape, generator=torch.Generator().manual_seed(0)).to(unscaled)
            unscaled = (1 - _DECODE_NOISE) * unscaled + _DECODE_NOISE * noise
            timestep = torch.tensor([_DECODE_TIMESTEP]).to(unscaled)
        decoded: Tensor = vae.decode(unscaled, timestep, return_dict=False)[0]
        return decoded

    def identity(self) -> Iterator[Any]:
        pipe = self.pipe
        yield sorted((key, value) for key, value in pipe.scheduler.config.items() if not key.startswith("_"))
        yield pipe.distilled, self.defaults, fingerprint(pipe.transformer)

    def next_stage(self) -> None:
        for hook in self.pipe.offload_hooks:
            hook()

    def finish(self) -> None:
        self.next_stage()
        self.pipe.maybe_free_model_hooks()
