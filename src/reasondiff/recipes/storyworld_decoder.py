"""The autoencoder's decoder on the generator's latents, after ``storyworld-tiny/stage1`` or ``stage1-hard``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from reasondiff.data.loader import check_batch
from reasondiff.errors import InputError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.recipes.base import Needed, Recipe
from reasondiff.training.optimization import Optimization
from reasondiff.training.stages.flow import FlowOptions
from reasondiff.training.stages.reason import ReasonStage
from reasondiff.training.storyworld.clips import StoryWorldClips, storyworld_clips
from reasondiff.training.storyworld.decoder import DecoderDataset, DecoderStage
from reasondiff.training.storyworld.regenerated import Regeneration, regenerated_clips
from reasondiff.training.trainer import Stage

__all__ = ["DECODER", "DecoderRecipe"]


@dataclass(frozen=True, kw_only=True)
class DecoderRecipe(Recipe):
    """The decoder alone; the encoder, and with it what all other components know, stays.

    Args:
        clips: that the generator makes again, of both levels.
        validation_clips: unseen ones.
        hard: share of clips of level ``hard``.
        regeneration: how they are made again.
        before: share of the weights of before in what is exported.
        batch: crops per step and process.
        compile: the decoder.
    """

    clips: int = 950
    validation_clips: int = 20
    hard: float = 0.5
    regeneration: Regeneration = field(default_factory=Regeneration)
    before: float = 0.4
    batch: int = 6
    compile: bool = False

    shortcuts: ClassVar[Mapping[str, str]] = {"batch": "batch", "compile": "compile"}
    may_change: ClassVar[frozenset[str]] = Recipe.may_change | {"batch", "compile"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_batch(self.batch)
        for name, count in (("clips", self.clips), ("validation_clips", self.validation_clips)):
            if count < 1:
                raise InputError(f"{count} {name} are none; give 1 or more.")

    @property
    def reads(self) -> tuple[Needed, ...]:
        return (Needed("model_index.json", "storyworld-tiny/base"), Needed("alignformer", "storyworld-tiny/stage1"))

    @property
    def trained_on(self) -> tuple[str, ...]:
        return ("vae",)

    @property
    def continues_from(self) -> tuple[str, ...]:
        return ()

    @property
    def exports(self) -> tuple[str, ...]:
        return ("vae",)

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        pipe = ReasonDiffPipeline.from_pretrained(self.read_from(model)).to(device, torch.float32)
        for part in (pipe.transformer, pipe.alignformer, pipe.text_encoder):
            if part is not None:
                part.requires_grad_(False)

        def clips(split: str, count: int) -> tuple[StoryWorldClips, Tensor]:
            """Encoded, and made again."""
            source = storyworld_clips(
                pipe.vae, count, cache, split=split, hard=self.hard, precision=self.optimization.precision
            )
            generator = ReasonStage(
                pipe, source, FlowOptions(drop_text=0.0), adapters={}, beta=0.0, per_frame=0.0,
                validation=lambda pipe, folder: {},
            )  # fmt: skip
            place = cache / "regenerated" / split
            return source, regenerated_clips(
                generator, count, place, self.regeneration, precision=self.optimization.precision
            )

        held_out, seen = clips("validation", self.validation_clips), clips("train", self.clips)
        dataset = DecoderDataset(
            seen[0].takes,
            seen[0].encoded.clean,
            seen[1],
            scale=pipe.vae_scale_factor_spatial,
            batch=self.batch,
        )
        return DecoderStage(
            pipe.vae, dataset, (held_out[0].takes, held_out[1]), before=self.before, compile=self.compile
        )


DECODER = DecoderRecipe(
    name="storyworld-tiny/decoder",
    purpose="the video autoencoder's decoder, on what the generator makes of clips",
    optimization=Optimization(steps=1500, lr=1e-3, warmup_steps=50, decay_fraction=0.5, ema_decay=0.995),
    compile=True,
)
"""Last of all: finer pictures of the same latents, and an image that comes back."""
