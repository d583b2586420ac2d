"""What the stages that denoise share: flow matching on cached latents (Eq. 1 and 2).

base     transformer and text encoder; the first frame is given, or nothing; one caption tells the clip
stage 1  LoRA and AlignFormer; any frame is given, every frame has its text (Alg. 1, lines 13-20)
stage 2  AlignFormer alone, LoRA frozen, with the auxiliary loss (Eq. 6; Alg. 1, lines 21-23)

Whose clips they are, only the ``ClipSource`` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from reasondiff.backends.wan.denoising import predict, timestep_of
from reasondiff.backends.wan.framewise import FrameContext, FramePlan, install
from reasondiff.data.clips import ClipSource
from reasondiff.data.loader import check_batch
from reasondiff.data.texts import TextContexts, Texts
from reasondiff.errors import InputError
from reasondiff.flow import velocity_from
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.training.log import by_bin

__all__ = ["FlowDataset", "FlowOptions", "FlowStage", "Inputs", "Validation", "motion_mask"]

Validation = Callable[[ReasonDiffPipeline, Path], dict[str, float]]
"""Measures a pipeline in training on unseen clips; may leave pictures in the folder."""

_TIMESTEP_BINS = 10


@dataclass(frozen=True, kw_only=True)
class FlowOptions:
    """What is drawn and weighted alike in the stages that denoise.

    Args:
        batch: clips per step and process.
        drop_text: share of clips whose prompt is empty in all frames, for classifier-free guidance.
        logit_mean: of the noise levels' logit. With the defaults half of the clips have a sigma above 0.82 and a tenth
            above 0.95: there it is decided what a video shows.
        logit_std: of the same.
        timesteps: "logit-normal", or "uniform" as in the paper.
        shift: of the noise levels towards noise, as Wan's scheduler does it: s becomes shift s / (1 + (shift - 1) s).
        motion_weight: in the loss, of what moves; it changes how soon it is learnt, not what is the best answer.
        anchor_weight: in the loss, of the latent frame that holds the anchor, which the user looks at first.
        compile: the transformer's blocks.
    """

    batch: int = 16
    drop_text: float = 0.1
    logit_mean: float = 1.5
    logit_std: float = 1.2
    timesteps: Literal["logit-normal", "uniform"] = "logit-normal"
    shift: float = 1.0
    motion_weight: float = 4.0
    anchor_weight: float = 1.0
    compile: bool = False

    def __post_init__(self) -> None:
        check_batch(self.batch)
        if self.shift <= 0:
            raise InputError(f"A shift of {self.shift:g} leaves no noise; give more than 0, 1 for none.")


@dataclass(frozen=True)
class Inputs:
    """One step's draws; ``[batch, channels, latent_frames, height, width]`` unless said otherwise.

    Args:
        clean: the clips' latents.
        noise: standard normal.
        sigma: [batch], 0 = clean, 1 = noise.
        mask: [batch, stride, latent_frames, height, width], which pixel frames are given.
        plans: which text each latent frame reads.
        first_frame_condition: Wan's own condition for the first frame (base), or that of no image.
        anchors: [batch, channels, 2, height, width], the anchor's latents (stages 1 and 2).
        anchor_images: [batch, 3, height, width] in -1..1, in their place where the step encodes them.
        anchor_latent_frame: [batch], the latent frame that holds the anchor.
        time_index: [batch, latent_frames], AlignFormer's time index of each latent frame.
    """

    clean: Tensor
    noise: Tensor
    sigma: Tensor
    mask: Tensor
    plans: tuple[FramePlan, ...]
    first_frame_condition: Tensor | None = None
    anchors: Tensor | None = None
    anchor_images: Tensor | None = None
    anchor_latent_frame: Tensor | None = None
    time_index: Tensor | None = None

    @classmethod
    def joined(cls, samples: Sequence[Inputs]) -> Inputs:
        """Draws of several clips as one batch."""
        example = samples[0]
        tensors: dict[str, Any] = {}
        for field in fields(cls):
            if isinstance(getattr(example, field.name), Tensor):
                tensors[field.name] = torch.cat([getattr(sample, field.name) for sample in samples])
        plans = tuple(plan for sample in samples for plan in sample.plans)
        return replace(example, plans=plans, **tensors)

    def to(self, device: torch.device) -> Inputs:
        """The same draws on ``device``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {k: v.to(device) for k, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **moved)

    @property
    def noisy(self) -> Tensor:
        """x_t of Eq. 1; the paper's t is 1 - sigma."""
        sigma = broadcast(self.sigma)
        return (1 - sigma) * self.clean + sigma * self.noise

    @property
    def velocity(self) -> Tensor:
        """noise - clean, the paper's v (Eq. 2) with the other sign."""
        return self.noise - self.clean


class FlowDataset:
    """What the stages' draws have in common; a sample is an ``Inputs`` of one clip.

    Args:
        source: the clips.
        options: of the draws.
    """

    def __init__(self, source: ClipSource, options: FlowOptions) -> None:
        self.source = source
        self.options = options

    def batch_size(self, step: int) -> int:
        return self.options.batch

    def collate(self, samples: Sequence[Inputs]) -> Inputs:
        return Inputs.joined(samples)

    def clip_index(self, generator: torch.Generator) -> int:
        return int(torch.randint(len(self.source), (), generator=generator))

    def noise(self, clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noise like ``clean``, and how much of it, [batch]."""
        noise = torch.randn(clean.shape, generator=generator)
        if self.options.timesteps == "uniform":
            sigma = torch.rand(len(clean), generator=generator)
        else:
            logit = self.options.logit_mean + self.options.logit_std * torch.randn(len(clean), generator=generator)
            sigma = torch.sigmoid(logit)
        shift = self.options.shift
        return noise, shift * sigma / (1 + (shift - 1) * sigma) if shift != 1 else sigma


class FlowStage:
    """The transformer's call and the denoising loss.

    Args:
        pipe: whose components are trained.
        options: of the loss.
        validation: what ``validate`` does.
        texts: where texts come from; the pipeline's text encoder unless given.
    """

    def __init__(
        self,
        pipe: ReasonDiffPipeline,
        options: FlowOptions,
        validation: Validation,
        texts: TextContexts | None = None,
    ) -> None:
        self.pipe = pipe
        self.options = options
        self.validation = validation
        self.transformer = pipe.transformer
        install(pipe.transformer)  # before it is compiled
        if options.compile:
            pipe.transformer.compile_repeated_blocks()
        self.texts = texts or Texts(pipe.tokenizer, pipe.text_encoder)

    def predicted_velocity(self, inputs: Inputs, condition: Tensor, context: FrameContext) -> Tensor:
        """What the transformer makes of the noisy latents, as a velocity (``flow``)."""
        noisy = inputs.noisy
        condition = torch.cat([inputs.mask, condition], dim=1)
        timestep = timestep_of(inputs.sigma, self.pipe.scheduler)
        predicted = predict(self.transformer, noisy, condition, timestep, context)
        return velocity_from(predicted.float(), noisy, broadcast(inputs.sigma), self.pipe.scheduler)

    def denoising_loss(self, predicted: Tensor, inputs: Inputs) -> Tensor:
        """The squared error of the velocity (Eq. 1); what moves weighs more, and the anchor's latent frame may.

        The mean over clips of each clip's weighted mean, so that a batch may be split among processes or steps.
        """
        weight = 1 + (self.options.motion_weight - 1) * motion_mask(inputs.clean)
        if inputs.anchor_latent_frame is not None:
            latent_frames = torch.arange(inputs.clean.shape[2], device=weight.device)
            is_anchor = latent_frames == inputs.anchor_latent_frame[:, None]
            weight = weight * (1 + (self.options.anchor_weight - 1) * is_anchor[:, None, :, None, None])
        error = (predicted - inputs.velocity).square().mean(1, keepdim=True)
        cells = (1, 2, 3, 4)
        return ((error * weight).sum(cells) / weight.sum(cells)).mean()

    @torch.no_grad()
    def loss_by_timestep(self, predicted: Tensor, inputs: Inputs) -> Tensor:
        """Each clip's squared error of the velocity, by its timestep: ten bins of sigma, from clean to noise."""
        error = (predicted - inputs.velocity).square().mean(dim=(1, 2, 3, 4))
        bins = (inputs.sigma * _TIMESTEP_BINS).long().clamp(max=_TIMESTEP_BINS - 1)
        return by_bin(error, bins, _TIMESTEP_BINS)

    def validate(self, folder: Path) -> dict[str, float]:
        return self.validation(self.pipe, folder)


def motion_mask(latents: Tensor, threshold: float = 0.25) -> Tensor:
    """1 where a latent differs from its usual value over the later latent frames (the first has a code of its own).

    Args:
        latents: normalised, [batch, channels, latent_frames, height, width].
        threshold: mean difference of the channels.

    Returns:
        [batch, 1, latent_frames, height, width]; 0 all over the first latent frame.
    """
    still = latents[:, :, 1:].median(dim=2, keepdim=True).values
    moved = ((latents - still).abs().mean(1, keepdim=True) > threshold).to(latents.dtype)
    moved[:, :, 0] = 0
    return moved


def broadcast(sigma: Tensor) -> Tensor:
    """[batch] to [batch, 1, 1, 1, 1]."""
    return sigma[:, None, None, None, None]
