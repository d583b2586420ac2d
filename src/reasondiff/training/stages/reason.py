"""Algorithm 1: the LoRA and the AlignFormer, then the AlignFormer alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh

from reasondiff.alignformer import AlignFormer, enhanced_latents
from reasondiff.backends.base import Anchor
from reasondiff.backends.precision import Precision, autocast
from reasondiff.backends.wan.conditioning import anchor_mask, encode_anchor_latents
from reasondiff.backends.wan.framewise import FramePlan
from reasondiff.backends.wan.model import WanModel
from reasondiff.checkpoints import LORA_FILE
from reasondiff.data.clips import AnchorImage, AnchorLatents, ClipSource
from reasondiff.data.loader import SampleKey
from reasondiff.data.texts import TextContexts, jitter_boundaries
from reasondiff.media.tensors import to_pixels
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.training.export import atomic_components, to_bf16, without_local_paths
from reasondiff.training.log import Row, by_bin
from reasondiff.training.sharding import gather, shard, whole
from reasondiff.training.stages.flow import FlowDataset, FlowOptions, FlowStage, Inputs, Validation

__all__ = ["HeldOut", "ReasonDataset", "ReasonStage", "motion_of"]

_COLLAPSED, _LEARNT = 0.02, 0.2
"""c* with less of the clips' motion is the anchor, once so much of the run is done; an untrained one has none."""

_MAX_OFFSET, _MAX_STRIDE = 12, 2
"""Of the time index in training: of 9 latent frames the last comes to 28 at most, beyond the 20 of 81 pixel frames."""


class ReasonDataset(FlowDataset):
    """A clip, one of its frames as the anchor, and a text for every latent frame.

    Args:
        source: the clips.
        options: of the draws.
        per_frame: share of clips with a caption per latent frame; the others have run-length clips, about on time.
        single_text: instead, every latent frame reads the clip's one caption (the ablation "w/o Multi. prompt").
    """

    def __init__(
        self, source: ClipSource, options: FlowOptions, *, per_frame: float, single_text: bool = False
    ) -> None:
        super().__init__(source, options)
        self.per_frame = per_frame
        self.single_text = single_text

    def draw(self, key: SampleKey) -> Inputs:
        generator = key.generator()
        return self.of_clip(self.clip_index(generator), generator, key.rng())

    def of_clip(self, index: int, generator: torch.Generator, rng: random.Random) -> Inputs:
        """A sample of this clip; noise from ``generator``, choices from ``rng``."""
        timeline = self.source.timeline
        clean = self.source.latents(index).clean[None]
        noise, sigma = self.noise(clean, generator)
        anchor = self.source.anchor(index, rng)
        return Inputs(
            clean,
            noise,
            sigma,
            mask=anchor_mask(timeline, [anchor.frame], *clean.shape[-2:]),
            plans=(self._plan(index, anchor.frame, rng),),
            anchors=_as_in_generation(anchor.latents[None], anchor.frame == 0)
            if isinstance(anchor, AnchorLatents)
            else None,
            anchor_images=anchor.pixels[None] if isinstance(anchor, AnchorImage) else None,
            anchor_latent_frame=torch.tensor([timeline.latent_of(anchor.frame)]),
            time_index=self._time_index(rng),
        )

    def _plan(self, index: int, frame: int, rng: random.Random) -> FramePlan:
        timeline = self.source.timeline
        if rng.random() < self.options.drop_text:
            return FramePlan.single("", timeline.num_latent_frames)
        if self.single_text:
            return FramePlan.single(self.source.caption(index, rng), timeline.num_latent_frames)
        if rng.random() >= self.per_frame:
            narrative = jitter_boundaries(self.source.narrative(index, frame, rng), rng)
            return FramePlan.from_narrative(narrative, timeline)
        # A caption per latent frame: that of one of its pixel frames, with the style or without it.
        captions = self.source.frame_captions(index, rng)
        chosen = []
        for latent_frame in range(timeline.num_latent_frames):
            group = timeline.frames_of(latent_frame)
            chosen.append(frame if frame in group else rng.choice(group))
        style = captions.style if rng.random() < 0.5 else ""
        return FramePlan.from_texts(f"{style} {captions.texts[k]}".strip() for k in chosen)

    def _time_index(self, rng: random.Random) -> Tensor:
        """The index grid, half of the time with an offset and a stride, so that AlignFormer knows longer videos."""
        grid = torch.arange(self.source.timeline.num_latent_frames)[None]
        if rng.random() < 0.5:
            return grid
        return grid * rng.randint(1, _MAX_STRIDE) + rng.randint(0, _MAX_OFFSET)


def _as_in_generation(anchors: Tensor, at_start: Tensor | bool) -> Tensor:
    """Anchors [batch, channels, 2, height, width], of which those at frame 0 have one latent, as in a generation."""
    first, repeated = anchors[:, :, :1], anchors[:, :, 1:]
    return torch.cat([first, torch.where(torch.as_tensor(at_start, device=first.device), first, repeated)], dim=2)


def motion_of(enhanced: Tensor, clean: Tensor) -> Tensor:
    """How much c* varies over a clip, as a share of how much the clean latents do: 0 is the anchor, repeated.

    Args:
        enhanced: [batch, channels, latent_frames, height, width]; the first latent frame, which has a code of its own,
            is left out.
        clean: of the same shape.
    """
    varied, needed = (latents[:, :, 1:].var(dim=2, correction=0).mean() for latents in (enhanced, clean))
    return varied / needed.clamp(min=1e-6)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Clips that are not trained on.

    Args:
        source: the clips.
        draws: of a clip, a noise level, an anchor and texts, over which the loss is a mean.
        seed: of the draws.
        precision: of the forward pass.
    """

    source: ClipSource
    draws: int
    seed: int = 0
    precision: Precision = "auto"


class ReasonStage(FlowStage):
    """Stages 1 and 2 of Algorithm 1.

    Args:
        pipe: whose components are trained; it has an AlignFormer.
        source: the clips.
        options: of the draws and the loss.
        adapters: the transformer's trainable LoRA parameters by name; none in stage 2, where they stay frozen.
        beta: weight of the auxiliary loss between c* and the clean latents (Eq. 6); 0 in stage 1, 0.2 in stage 2.
        per_frame: share of clips with a caption per latent frame.
        single_text: every latent frame reads the clip's one caption.
        train_alignformer: without, it stays as it begins, and c* is the repeated anchor (the ablation "w/o Enhanced
            latents").
        validation: what ``validate`` does.
        adapter_of: the base model's name, for an export that is an adapter's folder; None exports into a model's.
        recipe: how it was trained, for the adapter's record.
        texts: where texts come from; the pipeline's text encoder unless given.
        held_out: clips whose loss is measured; none unless given.
    """

    def __init__(
        self,
        pipe: ReasonDiffPipeline,
        source: ClipSource,
        options: FlowOptions,
        *,
        adapters: dict[str, nn.Parameter],
        beta: float,
        per_frame: float,
        single_text: bool = False,
        train_alignformer: bool = True,
        validation: Validation,
        adapter_of: str | None = None,
        recipe: Mapping[str, object] | None = None,
        texts: TextContexts | None = None,
        held_out: HeldOut | None = None,
    ) -> None:
        super().__init__(pipe, options, validation, texts)
        assert self.pipe.alignformer is not None, "a model for these stages has one"
        self.alignformer = self.pipe.alignformer
        self.adapters = adapters
        self.beta = beta
        self.adapter_of = adapter_of
        self.recipe = recipe
        self.train_alignformer = train_alignformer
        self.dataset = ReasonDataset(source, options, per_frame=per_frame, single_text=single_text)
        self.held_out = held_out

    def trainable(self) -> dict[str, nn.Parameter]:
        own = {}
        if self.train_alignformer:
            own = {f"alignformer.{name}": p for name, p in self.alignformer.named_parameters()}
        return own | {f"transformer.{name}": p for name, p in self.adapters.items()}

    def loss(self, inputs: Inputs) -> dict[str, Tensor]:
        assert inputs.anchor_latent_frame is not None, "these stages draw it"
        context, text_embeds = self.texts.context(inputs.plans, image=self._image_tokens(inputs))
        enhanced = self.enhance(inputs, text_embeds)
        predicted = self.predicted_velocity(inputs, enhanced, context)
        denoising = self.denoising_loss(predicted, inputs)
        # Latent frame i is given, not predicted.
        latent_frames = torch.arange(inputs.clean.shape[2], device=inputs.clean.device)
        others = latent_frames != inputs.anchor_latent_frame[:, None]
        gap = (enhanced.float() - inputs.clean).square().mean(dim=(1, 3, 4))
        auxiliary = (gap * others).sum() / others.sum()
        distance = (latent_frames - inputs.anchor_latent_frame[:, None]).abs()
        return {
            "loss": denoising + self.beta * auxiliary,
            "denoising": denoising,
            "auxiliary": auxiliary,
            "motion": motion_of(enhanced.detach().float(), inputs.clean),
            "loss_by_timestep": self.loss_by_timestep(predicted, inputs),
            "auxiliary_by_distance": by_bin(gap, distance, len(latent_frames)),
        }

    def shard(self, mesh: DeviceMesh) -> None:
        shard(self.transformer, self.transformer.blocks, mesh)
        shard(self.alignformer, (), mesh)
        self._find_adapters()

    def gather(self) -> None:
        gather(self.transformer, [name for name, _ in self.transformer.named_parameters() if ".lora_" in name])
        self._find_adapters()
        weights = {name: whole(weight) for name, weight in self.alignformer.state_dict().items()}
        former = AlignFormer.from_config(self.alignformer.config)  # what was shared out cannot be copied
        former.load_state_dict(weights)
        self.alignformer = former.to(self.pipe.device).requires_grad_(self.train_alignformer)
        self.pipe.register_modules(alignformer=former)

    def _find_adapters(self) -> None:
        """The same parameters by name, after others took their place."""
        self.adapters = {name: p for name, p in self.transformer.named_parameters() if name in self.adapters}

    def validate(self, folder: Path) -> dict[str, float]:
        return super().validate(folder) | (self.held_out_loss(self.held_out) if self.held_out else {})

    @torch.no_grad()
    def held_out_loss(self, held_out: HeldOut) -> dict[str, float]:
        """The loss and its parts on clips that are not trained on, under the same draws whenever it is asked."""
        dataset = ReasonDataset(
            held_out.source, self.options, per_frame=self.dataset.per_frame, single_text=self.dataset.single_text
        )
        found: dict[str, list[float]] = {"loss": [], "denoising": [], "auxiliary": []}
        device = next(self.alignformer.parameters()).device
        for number in range(held_out.draws):
            inputs = dataset.draw(SampleKey(held_out.seed, 0, number)).to(device)
            with autocast(device.type, held_out.precision):
                losses = self.loss(inputs)
            for name, values in found.items():
                values.append(float(losses[name]))
        return {f"eval_{name}": sum(values) / len(values) for name, values in found.items()}

    def remark(self, row: Row, share: float) -> str | None:
        """Whether c* has collapsed to the anchor: after a fifth of the run it still stands as good as still."""
        motion = row.get("motion")
        if not isinstance(motion, float) or motion >= _COLLAPSED or share < _LEARNT:
            return None
        return (
            f"c* has collapsed to the anchor: over a clip it moves {motion:.1%} of what the clips do; train with the "
            "auxiliary loss (--set beta=0.2), or look whether the clips and their texts say what changes."
        )

    def enhance(self, inputs: Inputs, text_embeds: dict[str, Tensor]) -> Tensor:
        """c*, the reasoning-enhanced latents (Alg. 1, line 19)."""
        assert inputs.anchor_latent_frame is not None, "these stages draw it"
        return enhanced_latents(
            self.alignformer,
            self._anchors(inputs),
            inputs.anchor_latent_frame,
            inputs.plans,
            text_embeds,
            inputs.time_index,
        )

    @torch.no_grad()
    def _anchors(self, inputs: Inputs) -> Tensor:
        """The anchors' latents; of images they are encoded now."""
        if inputs.anchors is not None:
            return inputs.anchors
        assert inputs.anchor_images is not None and inputs.anchor_latent_frame is not None, "these stages draw them"
        at_start = (inputs.anchor_latent_frame == 0)[:, None, None, None, None]
        return _as_in_generation(encode_anchor_latents(self.pipe.vae, inputs.anchor_images), at_start)

    def _image_tokens(self, inputs: Inputs) -> Tensor | None:
        """The image encoder's tokens of the anchors, for a transformer that takes them (Wan2.1)."""
        if self.transformer.config["image_dim"] is None:
            return None
        assert inputs.anchor_images is not None, "a source for such a transformer has the images"
        images = to_pixels(inputs.anchor_images[:, :, None])[:, 0]
        anchors = [Anchor(Image.fromarray(image), 0) for image in images]
        return WanModel(self.pipe).encode_anchor_image(anchors)

    def export(self, model: Path) -> None:
        """Save the components into a model's folder, or all of ``model`` as an adapter."""
        if self.adapter_of is not None:
            model.parent.mkdir(parents=True, exist_ok=True)
            self.pipe.save_adapter(model, base_model=self.adapter_of, recipe=self.recipe)
            return
        if self.adapters:
            self.pipe.register_to_config(alignformer_lora=True)
        with atomic_components(model) as place:
            without_local_paths(self.pipe).save_config(place(self.pipe.config_name).parent)
            to_bf16(self.alignformer).save_pretrained(place("alignformer"))
            if self.adapters:
                self.pipe.write_lora(place(LORA_FILE).parent, dtype=torch.bfloat16)
