"""What a base model must offer so that it can be told stories, and what it may offer beside.

``pipeline.generate`` makes a video in five stages: narrate, encode, align, denoise, decode. The first knows no model;
the others ask one for what is named here and know nothing else of it. ``backends.wan.model`` is the first such model;
another one is another folder beside it.

All tensors of one video have a leading dimension of 1; latents are in the scale that the model denoises in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.defaults import Defaults
from reasondiff.errors import InputError
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.timeline import Timeline

__all__ = [
    "Abilities",
    "Anchor",
    "Contexts",
    "Denoised",
    "DenoisingOptions",
    "Guidance",
    "KeepsVideo",
    "Known",
    "OnStep",
    "TakesAdapter",
    "VideoModel",
    "has_alignformer",
]

Context = TypeVar("Context")
"""What one branch of guidance reads besides latents, in a model's own form; nobody else looks into it."""


@dataclass(frozen=True)
class Anchor:
    """A condition image in its place.

    Args:
        image: at the video's size.
        frame: where it belongs, 0-based.
        strength: how much the video keeps to it; less than 1 is for models that can, see ``Abilities``.

    Raises:
        InputError: the strength is not in 0..1.
    """

    image: Image.Image
    frame: int
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise InputError(f"The anchor's strength is {self.strength}; give a number in 0..1.")


@dataclass(frozen=True)
class Abilities:
    """What a model may offer.

    Args:
        anchors: images that a video can be given at once; None for any number.
        strength: whether an anchor can be held more or less.
        transformers: 2 where one is for high and one for low noise, each with a guidance of its own.
        steps: the one number of denoising steps of a model that was distilled for it; None for any.
    """

    anchors: int | None = 1
    strength: bool = False
    transformers: int = 1
    steps: int | None = None


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance: how far a prediction is led away from that of the negative branch.

    Args:
        scale: 1 or less computes no negative branch.
        scale_2: the same for the second, low-noise one of two transformers.
        stop: share of the steps, from the first on, that are guided, as the ``stop`` of diffusers' guiders; the others
            compute no negative branch.
    """

    scale: float
    scale_2: float
    stop: float = 1.0

    def at(self, step: int, steps: int) -> bool:
        """Whether this step of so many is guided."""
        return step < int(self.stop * steps)


@dataclass(frozen=True)
class Known:
    """What a video shows already: some latent frames are held while the others are denoised.

    Args:
        latents: [1 or videos, channels, latent_frames, height, width], clean; read at the frames that are held.
        held: those latent frames.

    Raises:
        InputError: all are held, or one is not there.
    """

    latents: Tensor
    held: tuple[int, ...]

    def __post_init__(self) -> None:
        frames = self.latents.shape[2]
        if outside := [frame for frame in self.held if not 0 <= frame < frames]:
            raise InputError(f"There is no latent frame {outside[0]} to be kept; the video has 0..{frames - 1}.")
        if len(set(self.held)) == frames:
            raise InputError("All of the video is kept, so there is nothing to make; leave a part of it free.")

    def onto(self, latents: Tensor, noise: Tensor, sigma: float | Tensor) -> Tensor:
        """``latents`` with what is held at noise level ``sigma`` (0 = clean): what the path to the known video shows.

        Args:
            latents: [videos, channels, latent_frames, height, width].
            noise: the run's, of the same shape.
            sigma: of ``latents``.
        """
        held = list(self.held)
        result = latents.clone()
        clean = self.latents[:, :, held].to(latents)
        result[:, :, held] = (1 - sigma) * clean + sigma * noise[:, :, held].to(latents)
        return result


@dataclass(frozen=True)
class Contexts(Generic[Context]):
    """What both branches of guidance read; ``negative`` is None where there is no guidance."""

    positive: Context
    negative: Context | None = None


OnStep = Callable[..., dict[str, object]]
"""Called after every step, as in diffusers: with the pipeline, the step, the timestep and the tensors it asked for."""


class Checkpoint(Protocol):
    """Where a denoising run is kept step by step."""

    def load(self, scheduler: object, device: torch.device) -> tuple[int, Tensor] | None: ...

    def save(self, step: int, latents: Tensor, scheduler: object) -> None: ...


@dataclass(frozen=True, kw_only=True)
class DenoisingOptions:
    """How noise becomes a video.

    Args:
        steps: of denoising.
        guidance: of both branches.
        use_adapter: with the weights that belong to an adapter, or the base model's alone.
        attention_kwargs: for the transformer, such as a LoRA ``scale``.
        record: watches the positive branch's attention; a model's own class.
        on_step: called after every step, as in diffusers.
        on_step_inputs: the tensors that ``on_step`` is given.
        checkpoint: keeps the run.
        known: is not denoised but held.
        strength: of the anchors, 0 to 1; less than 1 is for models that can, see ``Abilities``.
        stopped: asked after every step; True ends the run there.
    """

    steps: int
    guidance: Guidance
    use_adapter: bool = True
    attention_kwargs: dict[str, Any] | None = None
    record: Any = None
    on_step: OnStep | None = None
    on_step_inputs: Sequence[str] = ("latents",)
    checkpoint: Checkpoint | None = None
    known: Known | None = None
    strength: float = 1.0
    stopped: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Denoised:
    """Latents [videos, channels, latent_frames, height, width], and whether no step is missing."""

    latents: Tensor
    finished: bool = True


class VideoModel(Protocol[Context]):
    """What a base model must offer."""

    @property
    def defaults(self) -> Defaults:
        """What it is run with unless told otherwise."""

    @property
    def abilities(self) -> Abilities:
        """What it may offer, and does."""

    @property
    def pixels_per_token(self) -> int:
        """Width and height of the frames must be multiples of this."""

    @property
    def longest_text(self) -> int:
        """The most tokens of a text."""

    def timeline(self, num_frames: int) -> Timeline:
        """The time axis; raises ``InputError`` for a number of frames that its VAE cannot hold."""

    def check_size(self, width: int, height: int, num_frames: int) -> None:
        """Raise ``InputError`` for a video that it has no place for."""

    def latent_shape(self, width: int, height: int, num_frames: int) -> tuple[int, ...]:
        """``(channels, latent_frames, height, width)`` of a video of so many pixels and frames."""

    def encode_texts(self, texts: Sequence[str], longest: int) -> dict[str, Tensor]:
        """Every distinct text's tokens [tokens, text_dim], cut to ``longest``, without padding."""

    def encode_anchors(self, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        """One video's condition: images at their frames, in the base model's own way."""

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
    ) -> Contexts[Context]:
        """What the transformer reads besides latents.

        Args:
            plans: per story, which text each latent frame reads.
            negative_prompt: read in all frames of the negative branch; None for no such branch.
            text_embeds: from ``encode_texts``, of every text that is read.
            anchors: one per story, for models that read an image's tokens too.
            longest: tokens that a text is padded to where the model pads.
            videos_per_story: stories come one after another, each this many times.
            image_reach: latent frames to either side of the image's that read its tokens; None for all.

        Raises:
            InputError: a reach, and the model reads no image tokens.
        """

    def denoise(
        self, noise: Tensor, condition: Tensor, contexts: Contexts[Context], options: DenoisingOptions
    ) -> Denoised:
        """From noise to latents [videos, channels, latent_frames, height, width]."""

    def decode(self, latents: Tensor, output_type: str) -> Any:
        """Videos of latents, see ``ReasonDiffOutput``."""

    def identity(self) -> Iterator[Any]:
        """Values and CPU tensors that two models share only if one may continue the other's run."""

    def next_stage(self) -> None:
        """Called between stages: what is not needed now may leave the accelerator."""

    def finish(self) -> None:
        """Called at the end of a video."""


@runtime_checkable
class TakesAdapter(Protocol):
    """What a base model may offer: an AlignFormer predicts its condition."""

    @property
    def alignformer(self) -> AlignFormer | None:
        """The one in use."""

    def encode_adapter_anchor(self, anchor: Anchor) -> Tensor:
        """The latents [1, channels, 1 or 2, height, width] that AlignFormer starts from."""

    def adapted_condition(self, enhanced: Tensor, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        """One video's condition from predicted latents [1, channels, latent_frames, height, width]."""


@runtime_checkable
class KeepsVideo(Protocol):
    """What a base model may offer: parts of a video are kept, and the others made again."""

    def encode_video(self, frames: np.ndarray) -> Tensor:
        """Latents [1, channels, latent_frames, height, width] of uint8 [frames, height, width, 3]."""

    def knowing(self, condition: Tensor, known: Known) -> Tensor:
        """A condition that also says what is known, where the model has a place for that; else the condition."""


def has_alignformer(model: VideoModel[object]) -> bool:
    """Whether a base model takes an adapter, and has one with an AlignFormer."""
    return isinstance(model, TakesAdapter) and model.alignformer is not None
