"""The base model: plain image-to-video from the first frame."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import torch
from torch import Tensor, nn

from reasondiff.backends.wan.conditioning import anchor_mask, encode_video
from reasondiff.backends.wan.framewise import FramePlan
from reasondiff.checkpoints import LORA_FILE
from reasondiff.data.clips import ClipSource
from reasondiff.data.loader import SampleKey
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.training.export import atomic_components, to_bf16, without_local_paths
from reasondiff.training.stages.flow import FlowDataset, FlowOptions, FlowStage, Inputs, Validation

__all__ = ["BaseDataset", "BaseStage"]


class BaseDataset(FlowDataset):
    """A clip, its caption, and its first frame or no image.

    Args:
        source: the clips.
        options: of the draws.
        drop_image: share of clips that are made from their text alone.
        empty_condition: [1, channels, latent_frames, height, width], the condition of no image.
    """

    def __init__(self, source: ClipSource, options: FlowOptions, *, drop_image: float, empty_condition: Tensor) -> None:
        super().__init__(source, options)
        self.drop_image = drop_image
        self.empty_condition = empty_condition

    def draw(self, key: SampleKey) -> Inputs:
        generator, rng = key.generator(), key.rng()
        index = self.clip_index(generator)
        clip = self.source.latents(index)
        clean = clip.clean[None]
        noise, sigma = self.noise(clean, generator)
        mask = anchor_mask(self.source.timeline, [0], *clean.shape[-2:])
        assert clip.first_frame_condition is not None, "sources for the base stage have it"
        condition = clip.first_frame_condition[None]
        if rng.random() < self.drop_image:
            mask = torch.zeros_like(mask)
            condition = self.empty_condition
        plan = FramePlan.single(self._caption(index, rng), clean.shape[2])
        return Inputs(clean, noise, sigma, mask, (plan,), first_frame_condition=condition)

    def _caption(self, index: int, rng: random.Random) -> str:
        """The clip's caption, short or in full, or nothing."""
        if rng.random() < self.options.drop_text:
            return ""
        if rng.random() < 0.5:
            return self.source.caption(index, rng)
        return self.source.narrative(index, 0, rng).as_one_prompt()


class BaseStage(FlowStage):
    """Plain image-to-video: the "Wan2.1" of this world. Trains the transformer and the text encoder.

    Args:
        pipe: whose components are trained.
        source: the clips.
        options: of the draws and the loss.
        drop_image: share of clips that are made from their text alone. Wan2.1's image-to-video comes from its
            text-to-video; a model that was always given the first frame never learns to draw one.
        validation: what ``validate`` does.
    """

    def __init__(
        self,
        pipe: ReasonDiffPipeline,
        source: ClipSource,
        options: FlowOptions,
        *,
        drop_image: float,
        validation: Validation,
    ) -> None:
        super().__init__(pipe, options, validation)
        height, width = source.latents(0).clean.shape[-2:]
        scale = pipe.vae_scale_factor_spatial
        grey = torch.zeros(1, 3, source.timeline.num_frames, height * scale, width * scale, device=pipe.device)
        with torch.no_grad():
            empty_condition = encode_video(pipe.vae, grey).cpu()
        self.dataset = BaseDataset(source, options, drop_image=drop_image, empty_condition=empty_condition)

    def trainable(self) -> dict[str, nn.Parameter]:
        components = {"transformer": self.transformer, "text_encoder": self.pipe.text_encoder}
        return {f"{part}.{name}": p for part, module in components.items() for name, p in module.named_parameters()}

    def loss(self, inputs: Inputs) -> dict[str, Tensor]:
        assert inputs.first_frame_condition is not None, "the base stage draws it"
        context, _ = self.texts.context(inputs.plans, trained=True)
        predicted = self.predicted_velocity(inputs, inputs.first_frame_condition, context)
        return {
            "loss": self.denoising_loss(predicted, inputs),
            "loss_by_timestep": self.loss_by_timestep(predicted, inputs),
        }

    def export(self, model: Path) -> None:
        """Save the components; an AlignFormer and a LoRA in ``model`` were trained on another base, and go."""
        with atomic_components(model) as place:
            without_local_paths(self.pipe).save_config(place(self.pipe.config_name).parent)
            for name in ("transformer", "text_encoder"):
                to_bf16(getattr(self.pipe, name)).save_pretrained(place(name))
            for name in ("tokenizer", "scheduler"):
                getattr(self.pipe, name).save_pretrained(place(name))
        shutil.rmtree(model / "alignformer", ignore_errors=True)
        (model / LORA_FILE).unlink(missing_ok=True)
