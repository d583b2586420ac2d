"""The oracle's eye, from nothing; the model card says what the one that is shipped had other than this."""

from __future__ import annotations

from pathlib import Path

import torch

from reasondiff.recipes.base import TrainingRecipe
from reasondiff.storyworld.oracle.perception import Spotter
from reasondiff.training.storyworld.oracle import OracleStage
from reasondiff.training.storyworld.oracle_scenes import CLASSES
from reasondiff.training.trainer import Optimization, Stage

__all__ = ["oracle"]


def oracle() -> TrainingRecipe:
    """A network of 0.36 M parameters that sees who and what is where in a frame; needs no other component."""
    optimization = Optimization(
        steps=3600, lr=2e-3, warmup_steps=100, decay_fraction=0.4, ema_decay=0.998, precision="fp32"
    )
    settings = {
        "spotter": {"classes": list(CLASSES), "widths": [32, 64, 112], "deep_layers": 2},
        "stage": {"batch": 96, "disturbed": 0.5, "blended": 0.2, "melted": 0.12, "clean": 0.15},
    }

    def build(recipe: TrainingRecipe, model: Path, cache: Path, device: str) -> Stage:
        torch.manual_seed(recipe.optimization.seed)
        return OracleStage(Spotter(**recipe.settings["spotter"]).to(device), **recipe.settings["stage"])

    return TrainingRecipe(
        name="storyworld-tiny/oracle",
        purpose="the judge's eye: who and what is where, in one frame",
        optimization=optimization,
        build=build,
        settings=settings,
        validate_every=600,
    )
