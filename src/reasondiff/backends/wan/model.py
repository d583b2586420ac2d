"""Wan behind ``backends.base``: image-to-video, and VACE."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers.hooks.group_offloading import _is_group_offload_enabled
from torch import Tensor, nn

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.base import Abilities, Anchor, Contexts, Denoised, DenoisingOptions, Known
from reasondiff.backends.defaults import Defaults
from reasondiff.backends.identity import fingerprint
from reasondiff.backends.wan.cfg_parallel import CfgParallel
from reasondiff.backends.wan.components import WanComponents
from reasondiff.backends.wan.conditioning import (
    anchor_mask,
    decode_video,
    encode_anchor_latents,
    encode_on_grey,
    encode_video,
    timeline_of,
)
from reasondiff.backends.wan.denoising import denoise
from reasondiff.backends.wan.framewise import FrameContext
from reasondiff.backends.wan.text_encoding import encode_texts, longest_text
from reasondiff.backends.wan.vace import encode_control, is_vace
from reasondiff.errors import InputError
from reasondiff.media.tensors import to_tensor
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.timeline import Timeline

__all__ = ["VaceModel", "Wan", "WanModel", "model_of"]


class Wan(ABC):
    """A ``VideoModel``, whatever its condition is; methods are documented there.

    Args:
        pipe: the components, loaded.
    """

    def __init__(self, pipe: WanComponents) -> None:
        self.pipe = pipe
        self.cfg_parallel: CfgParallel | None = None
        """Set, it computes both branches of guidance in two processes."""

    @property
    def defaults(self) -> Defaults:
        return self.pipe.defaults

    @property
    def abilities(self) -> Abilities:
        transformers = 1 if self.pipe.config["boundary_ratio"] is None else 2
        return Abilities(anchors=None, transformers=transformers)  # a flag for every pixel frame: given or not

    @property
    def pixels_per_token(self) -> int:
        return self.pipe.pixels_per_token

    @property
    def longest_text(self) -> int:
        return longest_text(self.pipe.tokenizer)

    def timeline(self, num_frames: int) -> Timeline:
        return timeline_of(self.pipe.vae, num_frames)

    def check_size(self, width: int, height: int, num_frames: int) -> None:
        config = self.pipe.any_transformer.config
        places, (_, *patch) = config["rope_max_seq_len"], config["patch_size"]
        longest = Timeline.from_latent(places, self.timeline(num_frames).stride).num_frames
        widest = places * self.pipe.vae_scale_factor_spatial * min(patch)
        if num_frames > longest:
            raise InputError(f"This model has no place for {num_frames} frames; give at most {longest}.")
        if max(width, height) > widest:
            raise InputError(f"This model has no place for the size {width}x{height}; give at most {widest} a side.")

    def latent_shape(self, width: int, height: int, num_frames: int) -> tuple[int, ...]:
        latent_frames = self.timeline(num_frames).num_latent_frames
        scale = self.pipe.vae_scale_factor_spatial
        return self.pipe.vae.config["z_dim"], latent_frames, height // scale, width // scale

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str], longest: int) -> dict[str, Tensor]:
        encoded = encode_texts(self.pipe.tokenizer, self.pipe.text_encoder, texts, longest=longest)
        device, dtype = self.pipe._execution_device, self.pipe.any_transformer.dtype
        return {text: embeds.to(device, dtype) for text, embeds in encoded.items()}

    @abstractmethod
    def encode_anchors(self, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor: ...

    @torch.no_grad()
    def encode_video(self, frames: np.ndarray) -> Tensor:
        """Latents of a finished video; see ``KeepsVideo``."""
        return encode_video(self.pipe.vae, to_tensor(frames[None])).to(self.pipe._execution_device)

    def knowing(self, condition: Tensor, known: Known) -> Tensor:
        """Image-to-video's condition has a place for images alone; see ``KeepsVideo``."""
        return condition

    @abstractmethod
    def held(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """What a condition holds of images: 1 for latent frames with one, else 0 [latent_frames], and its latents.

        Args:
            condition: of one video, from ``encode_anchors`` or ``adapted_condition``, without the batch dimension.
        """

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
    ) -> Contexts[FrameContext]:
        image = self.encode_anchor_image(anchors)
        latent_frames = plans[0].num_latent_frames
        image_frames = None
        if image_reach is not None:
            if image is None:
                raise InputError("This model's transformer reads no image encoder's tokens; leave out image_reach.")
            near = self._near(anchors, latent_frames, image_reach)
            image_frames = near.repeat_interleave(videos_per_story, 0).to(image.device)
        if image is not None:
            by_story = image.unflatten(0, (len(anchors), -1))
            image = by_story.repeat_interleave(videos_per_story, 0).flatten(0, 1)
        # Offloading that fetches weights in the order of the first call needs to_k and to_v in every call.
        cache = not _is_group_offload_enabled(self.pipe.any_transformer)
        plans = [plan for plan in plans for _ in range(videos_per_story)]
        build = partial(
            FrameContext.build, embeddings=text_embeds, text_length=longest, image=image, image_frames=image_frames,
            cache=cache,
        )  # fmt: skip
        if negative_prompt is None:
            return Contexts(build(plans))
        return Contexts(build(plans), build([FramePlan.single(negative_prompt, latent_frames)] * len(plans)))

    def _near(self, anchors: Sequence[Anchor], latent_frames: int, reach: int) -> Tensor:
        """Which latent frames are at most ``reach`` from each story's image, bool [stories, latent_frames]."""
        timeline = Timeline.from_latent(latent_frames, self.pipe.vae.config["scale_factor_temporal"])
        at = torch.tensor([timeline.latent_of(anchor.frame) for anchor in anchors])
        return (torch.arange(latent_frames) - at[:, None]).abs() <= reach

    @torch.no_grad()
    def encode_anchor_image(self, anchors: Sequence[Anchor]) -> Tensor | None:
        """The image encoder's tokens [stories, tokens, image_dim], or None for a transformer that takes none.

        A first-and-last-frame transformer takes images in pairs; it is given the anchor twice.
        """
        config = self.pipe.any_transformer.config
        if config["image_dim"] is None:
            return None
        copies = 1 if config["pos_embed_seq_len"] is None else 2
        device = self.pipe._execution_device
        tokens = [self.pipe.encode_image([anchor.image] * copies, device) for anchor in anchors]
        return torch.cat(tokens).to(self.pipe.any_transformer.dtype)

    def denoise(
        self, noise: Tensor, condition: Tensor, contexts: Contexts[FrameContext], options: DenoisingOptions
    ) -> Denoised:
        return denoise(self.pipe, noise, condition, contexts, options, self.cfg_parallel)

    @torch.no_grad()
    def decode(self, latents: Tensor, output_type: str = "np") -> Any:
        """One video at a time.

        Args:
            latents: normalised.
            output_type: "np" for floats in 0..1 [videos, frames, height, width, 3], "uint8" for bytes of the same
                shape, "pt" for a tensor [videos, frames, 3, height, width], "pil" for lists of images, or "latent"
                for the latents themselves.
        """
        if output_type == "latent":
            return latents
        video = torch.cat([decode_video(self.pipe.vae, each[None]).float() for each in latents])
        if output_type == "uint8":
            frames = self.pipe.video_processor.postprocess_video(video, output_type="np")
            return (frames * 255).round().astype(np.uint8)
        return self.pipe.video_processor.postprocess_video(video, output_type=output_type)

    def identity(self) -> Iterator[Any]:
        pipe = self.pipe
        yield sorted((key, value) for key, value in pipe.scheduler.config.items() if not key.startswith("_"))
        yield pipe.own_lora, pipe.alignformer is None
        for model in (pipe.transformer, pipe.transformer_2):
            yield None if model is None else fingerprint(model)
        yield [(layer.active_adapters, layer.scaling) for layer in pipe.lora_layers]
        for weight in self._trained():
            if not weight.is_meta:
                yield weight.detach().float().cpu()

    def _trained(self) -> Iterator[nn.Parameter]:
        """What training changes: LoRAs and the AlignFormer."""
        for transformer in self.pipe.transformers:
            loras = [weight for name, weight in transformer.named_parameters() if ".lora_" in name]
            yield from loras
        if self.pipe.alignformer is not None:
            yield from self.pipe.alignformer.parameters()

    def next_stage(self) -> None:
        for hook in self.pipe.offload_hooks:
            hook()

    def finish(self) -> None:
        self.next_stage()
        self.pipe.maybe_free_model_hooks()

    def _pixels(self, anchor: Anchor) -> Tensor:
        """[1, 3, height, width] in -1..1."""
        pixels: Tensor = self.pipe.video_processor.preprocess(anchor.image)
        return pixels.to(self.pipe._execution_device)


class WanModel(Wan):
    """Image-to-video: a mask with a flag for every pixel frame, and the latents of a video. Takes an adapter."""

    @property
    def alignformer(self) -> AlignFormer | None:
        return self.pipe.alignformer

    @torch.no_grad()
    def encode_anchors(self, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        """Wan's own condition: a grey video with the images in their places, and the mask of these."""
        pixels = torch.cat([self._pixels(anchor) for anchor in anchors])
        frames = [anchor.frame for anchor in anchors]
        latents = encode_on_grey(self.pipe.vae, pixels[None], frames, timeline)
        return self.adapted_condition(latents.to(pixels.device), anchors, timeline)

    @torch.no_grad()
    def encode_adapter_anchor(self, anchor: Anchor) -> Tensor:
        pixels = self._pixels(anchor)
        return encode_anchor_latents(self.pipe.vae, pixels, repeated=anchor.frame > 0).to(pixels.device)

    def adapted_condition(self, enhanced: Tensor, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        mask = anchor_mask(timeline, [anchor.frame for anchor in anchors], *enhanced.shape[-2:])
        return torch.cat([mask.to(enhanced), enhanced], dim=1)

    def held(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        channels = self.pipe.vae.config["z_dim"]
        return condition[:-channels].flatten(2).amax((0, 2)), condition[-channels:]


class VaceModel(Wan):
    """VACE: a control video of which the images' latent frames are kept; see ``vace``. Trained for any frame."""

    @property
    def abilities(self) -> Abilities:
        """The control branch can be weighed, all images together."""
        return replace(super().abilities, strength=True)

    @torch.no_grad()
    def encode_anchors(self, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        """The control branch's input, made once for all steps and both branches of guidance."""
        pixels = torch.cat([self._pixels(anchor) for anchor in anchors])
        frames = [anchor.frame for anchor in anchors]
        return encode_control(self.pipe.vae, pixels, frames, timeline).to(pixels.device)

    def knowing(self, condition: Tensor, known: Known) -> Tensor:
        """The control video shows what is kept, too, which is what VACE was trained for."""
        channels, held = self.pipe.vae.config["z_dim"], list(known.held)
        told = condition.clone()
        told[:, :channels, held] = known.latents[:, :, held].to(told)
        told[:, 2 * channels :, held] = 0
        return told

    def held(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        channels = self.pipe.vae.config["z_dim"]
        return 1 - condition[2 * channels :].flatten(2).amax((0, 2)), condition[:channels]


def model_of(pipe: WanComponents) -> Wan:
    """The components as a base model of their kind."""
    return VaceModel(pipe) if is_vace(pipe.any_transformer) else WanModel(pipe)
