"""The oracle's eye, from nothing; the model card says what the one that is shipped had other than this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from reasondiff.data.loader import check_batch
from reasondiff.errors import InputError
from reasondiff.recipes.base import Needed, Recipe
from reasondiff.storyworld.oracle.perception import Spotter
from reasondiff.training.storyworld.oracle import OracleStage
from reasondiff.training.storyworld.oracle_scenes import CLASSES
from reasondiff.training.trainer import Optimization, Stage

__all__ = ["ORACLE", "OracleRecipe"]


@dataclass(frozen=True, kw_only=True)
class OracleRecipe(Recipe):
    """A network of 0.36 M parameters that sees who and what is where in a frame.

    Args:
        widths: of the network's levels.
        deep_layers: at its coarsest.
        batch: frames per step and process.
        disturbed: share of frames in which things are moved, dropped, doubled or covered.
        rolling: share of frames in which balls are turned.
        blended: share of frames that are two pictures in one.
        melted: share of frames in which one thing has run into a blob.
        spoiled: share of frames in which one thing is a shade, smeared, of many colours or of wrong parts.
        clean: share of frames that are not made worse.
    """

    widths: tuple[int, ...] = (32, 64, 112)
    deep_layers: int = 2
    batch: int = 96
    disturbed: float = 0.5
    rolling: float = 0.6
    blended: float = 0.2
    melted: float = 0.08
    spoiled: float = 0.3
    clean: float = 0.15

    shortcuts: ClassVar[Mapping[str, str]] = {"batch": "batch"}
    may_change: ClassVar[frozenset[str]] = Recipe.may_change | {"batch"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_batch(self.batch)

    @property
    def reads(self) -> tuple[Needed, ...]:
        return ()

    @property
    def trained_on(self) -> tuple[str, ...]:
        return ()

    @property
    def continues_from(self) -> tuple[str, ...]:
        return self.exports

    @property
    def exports(self) -> tuple[str, ...]:
        return ("config.json", "diffusion_pytorch_model.safetensors")

    def check(self, model: Path) -> None:
        super().check(model)
        if (model / "model_index.json").exists():
            raise InputError(f"{str(model)!r} is a pipeline's folder; give the oracle one of its own as --model.")

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        if self.from_weights is not None:
            net = Spotter.from_pretrained(self.from_weights, local_files_only=True, use_safetensors=True).float()
        else:
            net = self.seeded(
                lambda: Spotter(classes=list(CLASSES), widths=list(self.widths), deep_layers=self.deep_layers)
            )
        return OracleStage(
            net.to(device),
            batch=self.batch,
            disturbed=self.disturbed,
            rolling=self.rolling,
            blended=self.blended,
            melted=self.melted,
            spoiled=self.spoiled,
            clean=self.clean,
        )


ORACLE = OracleRecipe(
    name="storyworld-tiny/oracle",
    purpose="the judge's eye: who and what is where, in one frame",
    optimization=Optimization(
        steps=3600, lr=2e-3, warmup_steps=100, decay_fraction=0.4, ema_decay=0.998, precision="fp32"
    ),
    validate_every=600,
)
