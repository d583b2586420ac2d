"""What a recipe is: a named run, complete and typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reasondiff.training.trainer import Optimization, Stage

__all__ = ["TrainingRecipe"]


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """One training run.

    Args:
        name: as given to ``reasondiff train --recipe``.
        purpose: one line for a reader of ``--dry-run``.
        optimization: steps, rates, precision, seed.
        settings: everything else the stage depends on; JSON values.
        build: makes the stage from the recipe, the model folder with the components of earlier stages, a folder for
            cached latents, and a device.
        validate_every: steps between validations.
    """

    name: str
    purpose: str
    optimization: Optimization
    build: Callable[[TrainingRecipe, Path, Path, str], Stage]
    settings: dict[str, Any] = field(default_factory=dict)
    validate_every: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The resolved configuration, as ``--dry-run`` prints it and the run's ``recipe.json`` keeps it."""
        return {
            "recipe": self.name,
            "purpose": self.purpose,
            "optimization": asdict(self.optimization),
            "settings": self.settings,
            "validate_every": self.validate_every,
        }
