"""Recipes: complete, typed training runs by their names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.recipes.base import Recipe

__all__ = ["RECIPES", "recipe", "resolve"]

RECIPES = {
    "storyworld-tiny/quick": ("reasondiff.recipes.storyworld_tiny", "QUICK"),
    "storyworld-tiny/vae": ("reasondiff.recipes.storyworld_tiny", "VAE"),
    "storyworld-tiny/refine": ("reasondiff.recipes.storyworld_tiny", "REFINE"),
    "storyworld-tiny/base": ("reasondiff.recipes.storyworld_tiny", "BASE"),
    "storyworld-tiny/stage1": ("reasondiff.recipes.storyworld_tiny", "STAGE1"),
    "storyworld-tiny/stage1-hard": ("reasondiff.recipes.storyworld_tiny", "STAGE1_HARD"),
    "storyworld-tiny/decoder": ("reasondiff.recipes.storyworld_decoder", "DECODER"),
    "storyworld-tiny/stage2": ("reasondiff.recipes.storyworld_tiny", "STAGE2"),
    "storyworld-tiny/no-aux-loss": ("reasondiff.recipes.storyworld_tiny", "NO_AUX_LOSS"),
    "storyworld-tiny/no-enhanced-latents": ("reasondiff.recipes.storyworld_tiny", "NO_ENHANCED_LATENTS"),
    "storyworld-tiny/no-multi-prompt": ("reasondiff.recipes.storyworld_tiny", "NO_MULTI_PROMPT"),
    "storyworld-tiny/no-multi-prompt-2": ("reasondiff.recipes.storyworld_tiny", "NO_MULTI_PROMPT_2"),
    "storyworld-tiny/narrator": ("reasondiff.recipes.storyworld_narrator", "NARRATOR"),
    "storyworld-tiny/oracle": ("reasondiff.recipes.storyworld_oracle", "ORACLE"),
    "wan-14b/stage1": ("reasondiff.recipes.wan_videos", "STAGE1"),
    "wan-14b/stage2": ("reasondiff.recipes.wan_videos", "STAGE2"),
    "wan-14b/released-code": ("reasondiff.recipes.wan_videos", "RELEASED_CODE"),
    "wan-1.3b/stage1": ("reasondiff.recipes.wan_videos", "SMALL_STAGE1"),
    "wan-1.3b/stage2": ("reasondiff.recipes.wan_videos", "SMALL_STAGE2"),
    "storyworld-tiny/clip": ("reasondiff.recipes.storyworld_clip", "CLIP"),
}
"""Where each is defined; a name is refused before a module, and torch with it, is imported."""


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        InputError: there is none.
    """
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}; choose one of {', '.join(RECIPES)}.")
    module, constant = RECIPES[name]
    found: Recipe = getattr(import_module(module), constant)
    return found


def resolve(
    name: str | None,
    *,
    config: Path | None = None,
    changes: Sequence[str] = (),
    shortcuts: Mapping[str, object] | None = None,
    from_weights: str | None = None,
    data_folder: Path | None = None,
) -> Recipe:
    """The recipe that is asked for, with the values that are asked for; the later argument wins.

    Args:
        name: of a recipe; None takes that of ``config``.
        config: a JSON file with values of a recipe, as ``--dry-run`` prints them or a run's ``recipe.json`` has them.
        changes: ``name=value`` each, by dotted names.
        shortcuts: values of the command line's own options, ``steps``, ``precision``, ``batch`` and ``compile``.
        from_weights: a model folder to begin with.
        data_folder: an encoded set to train on.

    Raises:
        InputError: there is no such recipe, name or value.
    """
    data = {} if config is None else _read(config)
    wanted = data.pop("recipe", name)
    if name is None and not isinstance(wanted, str):
        raise InputError(f"A recipe is missing; give --recipe, one of {', '.join(RECIPES)}.")
    if name is not None and wanted != name:
        raise InputError(f"{str(config)!r} is of {wanted!r}, not of {name!r}; leave --recipe out.")
    from reasondiff.recipes.config import changed, updated

    found = recipe(str(wanted))
    if data:
        found = updated(found, data)
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise InputError(f"--set {change!r} has no value; give it as NAME=VALUE.")
        if key.strip() == "name":
            raise InputError("A recipe keeps its name, which its run is found by; leave it out of --set.")
        found = changed(found, key.strip(), text.strip())
    places = {"steps": "optimization.steps", "precision": "optimization.precision", **found.shortcuts}
    for option, value in (shortcuts or {}).items():
        if option not in places:
            raise InputError(f"{found.name} takes no --{option}; leave it out, or use a recipe whose --dry-run has it.")
        found = changed(found, places[option], json.dumps(value))
    if from_weights is not None:
        found = replace(found, from_weights=from_weights)
    if data_folder is not None:
        asked = "steps" in (shortcuts or {}) or any(change.startswith("optimization.steps") for change in changes)
        found = found.with_data(data_folder, keep_steps=asked or "steps" in data.get("optimization", {}))
    return found


def _read(file: Path) -> dict[str, Any]:
    """A configuration, without what a run's record adds to it."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}; give another --config.") from None
    except ValueError as error:
        raise InputError(f"{str(file)!r} is not JSON ({error}); give what --dry-run printed.") from None
    if not isinstance(data, dict):
        raise InputError(f"{str(file)!r} is not an object; give what --dry-run printed.")
    return {key: value for key, value in data.items() if key not in ("version", "trained_on", "device", "computed_in")}
