"""Recipes: a run is a function that returns a complete, typed configuration."""

from __future__ import annotations

from collections.abc import Callable

from reasondiff.errors import InputError
from reasondiff.recipes import storyworld_narrator, storyworld_oracle, storyworld_tiny
from reasondiff.recipes.base import TrainingRecipe

__all__ = ["RECIPES", "TrainingRecipe", "recipe"]

RECIPES: dict[str, Callable[[], TrainingRecipe]] = {
    "storyworld-tiny/vae": storyworld_tiny.vae,
    "storyworld-tiny/refine": storyworld_tiny.refine,
    "storyworld-tiny/base": storyworld_tiny.base,
    "storyworld-tiny/stage1": storyworld_tiny.stage1,
    "storyworld-tiny/stage2": storyworld_tiny.stage2,
    "storyworld-tiny/narrator": storyworld_narrator.narrator,
    "storyworld-tiny/oracle": storyworld_oracle.oracle,
}


def recipe(name: str) -> TrainingRecipe:
    """The recipe of that name.

    Raises:
        InputError: there is none.
    """
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}; choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]()
