"""Training Wan image-to-video on StoryWorld: the plain base model, and the paper's two stages on top of it.

base     transformer and text encoder; the first frame is given, or nothing; one caption tells the clip
stage 1  LoRA and AlignFormer; any frame is given, every frame has its text (Alg. 1, lines 13-20)
stage 2  AlignFormer alone, LoRA frozen, with the auxiliary loss (Eq. 6; Alg. 1, lines 21-23)
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reasondiff.alignformer import enhanced_latents
from reasondiff.backends.wan.components import LORA_FILE
from reasondiff.backends.wan.conditioning import anchor_mask, encode_video
from reasondiff.backends.wan.denoising import predict, timestep_of
from reasondiff.backends.wan.framewise import FrameContext, FramePlan, install
from reasondiff.data.latents import LatentSet
from reasondiff.data.texts import Texts, mistimed
from reasondiff.flow import velocity_from
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.stories import NUM_FRAMES, SIZE
from reasondiff.timeline import Timeline
from reasondiff.training.export import halved, new_parts, placeless
from reasondiff.training.storyworld.validation import preview

__all__ = ["BaseStage", "Inputs", "ReasonStage"]


_USUAL_LOGIT, _SPREAD = 1.5, 1.2
"""Mean and deviation of the noise levels' logit: half of the clips have a sigma above 0.82, a tenth above 0.95."""


@dataclass(frozen=True)
class Inputs:
    """One step's draws; ``[batch, channels, latent_frames, height, width]`` unless said otherwise.

    Args:
        clean: the clips' latents.
        noise: standard normal.
        sigma: [batch], 0 = clean, 1 = noise.
        mask: [batch, stride, latent_frames, height, width], which pixel frames are given.
        plans: which text each latent frame reads.
        first: Wan's own condition for the first frame (base), or that of no image.
        anchors: [batch, channels, 2, height, width], the anchor's latents (stages 1 and 2).
        anchor_rows: [batch], the anchor's latent frame.
        positions: [batch, latent_frames], AlignFormer's time index of each row.
    """

    clean: Tensor
    noise: Tensor
    sigma: Tensor
    mask: Tensor
    plans: tuple[FramePlan, ...]
    first: Tensor | None = None
    anchors: Tensor | None = None
    anchor_rows: Tensor | None = None
    positions: Tensor | None = None

    def to(self, device: torch.device) -> Inputs:
        """The same draws on ``device``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {k: v.to(device) for k, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **moved)

    @property
    def noisy(self) -> Tensor:
        """x_t of Eq. 1; the paper's t is 1 - sigma."""
        sigma = _broadcast(self.sigma)
        return (1 - sigma) * self.clean + sigma * self.noise

    @property
    def velocity(self) -> Tensor:
        """noise - clean, the paper's v (Eq. 2) with the other sign."""
        return self.noise - self.clean


class _FlowStage:
    """What the three stages share: flow matching on cached latents (Eq. 1 and 2).

    Args:
        pipe: whose parts are trained.
        takes: the clips, for their captions.
        latents: the same clips, encoded.
        batch: clips per step.
        drop_text: share of clips whose prompt is empty in all frames, for classifier-free guidance.
        moving_weight: in the loss, of what moves; it changes how soon it is learnt, not what is the best answer.
        compile: the transformer's blocks.
    """

    def __init__(
        self,
        pipe: ReasonDiffPipeline,
        takes: TakeSet,
        latents: LatentSet,
        *,
        batch: int,
        drop_text: float = 0.1,
        moving_weight: float = 4.0,
        compile: bool = False,
    ) -> None:
        self.pipe = pipe
        self.transformer = pipe.transformer
        install(pipe.transformer)  # before it is compiled
        if compile:
            pipe.transformer.compile_repeated_blocks()
        self.texts = Texts(pipe.tokenizer, pipe.text_encoder)
        self.takes = takes
        self.latents = latents
        self.batch = batch
        self.drop_text = drop_text
        self.moving_weight = moving_weight
        self.timeline = Timeline(NUM_FRAMES)

    def _draw(self, generator: torch.Generator) -> tuple[list[int], random.Random]:
        indices = torch.randint(len(self.latents), (self.batch,), generator=generator).tolist()
        return indices, random.Random(int(torch.randint(2**62, (), generator=generator)))

    def _velocity(self, inputs: Inputs, condition: Tensor, context: FrameContext) -> Tensor:
        noisy = inputs.noisy
        condition = torch.cat([inputs.mask, condition], dim=1)
        timestep = timestep_of(inputs.sigma, self.pipe.scheduler)
        predicted = predict(self.transformer, noisy, condition, timestep, context)
        return velocity_from(predicted.float(), noisy, _broadcast(inputs.sigma), self.pipe.scheduler)

    def _denoising(self, predicted: Tensor, inputs: Inputs) -> Tensor:
        weight = 1 + (self.moving_weight - 1) * moving(inputs.clean)
        error = (predicted - inputs.velocity).square().mean(1, keepdim=True)
        return (error * weight).sum() / weight.sum()

    def _noise(self, clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noise, and how much of it: mostly much, because there it is decided what a video shows."""
        noise = torch.randn(clean.shape, generator=generator)
        return noise, torch.sigmoid(_USUAL_LOGIT + _SPREAD * torch.randn(len(clean), generator=generator))


class BaseStage(_FlowStage):
    """Plain image-to-video: the "Wan2.1" of this world. Trains the transformer and the text encoder.

    Args:
        drop_image: share of clips that are made from their text alone. Wan2.1's image-to-video comes from its
            text-to-video; a model that was always given the first frame never learns to draw one.
    """

    def __init__(self, *args: object, drop_image: float = 0.0, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.drop_image = drop_image
        clip = torch.zeros(1, 3, NUM_FRAMES, SIZE, SIZE, device=self.pipe.device)
        with torch.no_grad():
            self.nothing = encode_video(self.pipe.vae, clip).cpu()

    def trainable(self) -> dict[str, nn.Parameter]:
        parts = {"transformer": self.transformer, "text_encoder": self.texts.encoder}
        return {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}

    def prepare(self, step: int, generator: torch.Generator) -> Inputs:
        indices, rng = self._draw(generator)
        clean = self.latents.clean[indices].float()
        noise, sigma = self._noise(clean, generator)
        plans = tuple(FramePlan.single(self._caption(index, rng), clean.shape[2]) for index in indices)
        given = _broadcast(torch.rand(len(clean), generator=generator) >= self.drop_image)
        mask = given * anchor_mask(self.timeline, [0], *clean.shape[-2:])
        first = torch.where(given, self.latents.first[indices].float(), self.nothing)
        return Inputs(clean, noise, sigma, mask, plans, first=first).to(self.pipe.device)

    def loss(self, inputs: Inputs) -> dict[str, Tensor]:
        assert inputs.first is not None, "the base stage draws it"
        context, _ = self.texts.context(inputs.plans, trained=True)
        predicted = self._velocity(inputs, inputs.first, context)
        return {"loss": self._denoising(predicted, inputs)}

    def _caption(self, index: int, rng: random.Random) -> str:
        """The clip's caption, short or in full, or nothing."""
        take = self.takes[index]
        if rng.random() < self.drop_text:
            return ""
        if rng.random() < 0.5:
            return captions.clip_caption(take, rng)
        return captions.narrative(take, 0, rng).as_one_prompt()

    def validate(self, folder: Path) -> dict[str, float]:
        return preview(self.pipe, folder, text_mode="joined", anchor="first", use_adapter=False)

    def export(self, model: Path) -> None:
        """Save the parts; an AlignFormer and a LoRA in ``model`` were trained on another base, and go."""
        with new_parts(model) as place:
            placeless(self.pipe).save_config(place(self.pipe.config_name).parent)
            for name in ("transformer", "text_encoder"):
                halved(getattr(self.pipe, name)).save_pretrained(place(name))
            for name in ("tokenizer", "scheduler"):
                getattr(self.pipe, name).save_pretrained(place(name))
        shutil.rmtree(model / "alignformer", ignore_errors=True)
        (model / LORA_FILE).unlink(missing_ok=True)


class ReasonStage(_FlowStage):
    """Stages 1 and 2 of Algorithm 1.

    Args:
        adapters: the transformer's trainable LoRA parameters by name; none in stage 2, where they stay frozen.
        beta: weight of the auxiliary loss between c* and the clean latents (Eq. 6); 0 in stage 1, 0.2 in stage 2.
        per_frame: share of clips with a caption per latent frame; the others have run-length clips, about on time.
    """

    def __init__(
        self,
        *args: object,
        adapters: dict[str, nn.Parameter],
        beta: float = 0.0,
        per_frame: float = 0.5,
        **options: object,
    ) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        assert self.pipe.alignformer is not None, "a model for these stages has one"
        self.alignformer = self.pipe.alignformer
        self.adapters = adapters
        self.beta = beta
        self.per_frame = per_frame

    def trainable(self) -> dict[str, nn.Parameter]:
        own = {f"alignformer.{name}": p for name, p in self.alignformer.named_parameters()}
        return own | {f"transformer.{name}": p for name, p in self.adapters.items()}

    def prepare(self, step: int, generator: torch.Generator) -> Inputs:
        indices, rng = self._draw(generator)
        chosen = torch.randint(self.latents.anchors.shape[1], (len(indices),), generator=generator)
        clean, drawn = self.latents.clean[indices].float(), self.latents.anchor_frames[indices, chosen].tolist()
        frames = [self._named(index, frame, rng) for index, frame in zip(indices, drawn, strict=True)]
        anchors = self.latents.anchors[indices, chosen].float()
        at_start = [row for row, frame in enumerate(frames) if frame == 0]
        anchors[at_start, :, 1] = anchors[at_start, :, 0]  # as in generation, where one frame is encoded then
        noise, sigma = self._noise(clean, generator)
        return Inputs(
            clean,
            noise,
            sigma,
            mask=torch.cat([anchor_mask(self.timeline, [frame], *clean.shape[-2:]) for frame in frames]),
            plans=tuple(self._plan(index, frame, rng) for index, frame in zip(indices, frames, strict=True)),
            anchors=anchors,
            anchor_rows=torch.tensor([self.timeline.latent_of(frame) for frame in frames]),
            positions=self._positions(len(indices), generator),
        ).to(self.pipe.device)

    def loss(self, inputs: Inputs) -> dict[str, Tensor]:
        assert inputs.anchor_rows is not None, "these stages draw it"
        context, embeddings = self.texts.context(inputs.plans, trained=False)
        enhanced = self.align(inputs, embeddings)
        predicted = self._velocity(inputs, enhanced, context)
        denoising = self._denoising(predicted, inputs)
        # Row i is given, not predicted.
        rows = torch.arange(inputs.clean.shape[2], device=self.pipe.device) != inputs.anchor_rows[:, None]
        gap = (enhanced.float() - inputs.clean).square().mean(dim=(1, 3, 4))
        auxiliary = (gap * rows).sum() / rows.sum()
        return {"loss": denoising + self.beta * auxiliary, "denoising": denoising, "auxiliary": auxiliary}

    def align(self, inputs: Inputs, embeddings: dict[str, Tensor]) -> Tensor:
        """c*, the reasoning-enhanced latents."""
        assert inputs.anchors is not None and inputs.anchor_rows is not None, "these stages draw them"
        return enhanced_latents(
            self.alignformer, inputs.anchors, inputs.anchor_rows, inputs.plans, embeddings, inputs.positions
        )

    def _named(self, index: int, frame: int, rng: random.Random) -> int:
        """The anchor's frame; half of the time that frame of those drawn alike that a narrator would name."""
        return self.takes[index].canonical_frame(frame) if rng.random() < 0.5 else frame

    def _plan(self, index: int, frame: int, rng: random.Random) -> FramePlan:
        take = self.takes[index]
        if rng.random() < self.drop_text:
            return FramePlan.single("", self.timeline.num_latent_frames)
        if rng.random() >= self.per_frame:
            return FramePlan.from_narrative(mistimed(captions.narrative(take, frame, rng), rng), self.timeline)
        # A caption per latent frame: that of one of its pixel frames, with the style or without it.
        texts = captions.frame_captions(take, rng)
        rows = [self.timeline.frames_of(row) for row in range(self.timeline.num_latent_frames)]
        chosen = [frame if frame in group else rng.choice(group) for group in rows]
        style = captions.style(take) if rng.random() < 0.5 else ""
        return FramePlan.from_texts(f"{style} {texts[k]}".strip() for k in chosen)

    def _positions(self, batch: int, generator: torch.Generator) -> Tensor:
        """The index grid with a random offset and stride, so that longer videos are not new to AlignFormer."""
        rows = torch.arange(self.timeline.num_latent_frames)
        offset = torch.randint(0, 13, (batch, 1), generator=generator)
        stride = torch.randint(1, 3, (batch, 1), generator=generator)
        plain = torch.rand(batch, 1, generator=generator) < 0.5
        return torch.where(plain, rows, rows * stride + offset)

    def validate(self, folder: Path) -> dict[str, float]:
        return preview(self.pipe, folder)

    def export(self, model: Path) -> None:
        if self.adapters:
            self.pipe.register_to_config(alignformer_lora=True)
        with new_parts(model) as place:
            placeless(self.pipe).save_config(place(self.pipe.config_name).parent)
            halved(self.alignformer).save_pretrained(place("alignformer"))
            if self.adapters:
                self.pipe.write_lora(place(LORA_FILE).parent, dtype=torch.bfloat16)


def moving(latents: Tensor, threshold: float = 0.25) -> Tensor:
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


def _broadcast(sigma: Tensor) -> Tensor:
    return sigma[:, None, None, None, None]
