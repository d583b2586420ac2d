"""A run goes on as it was begun: its record says how, and another recipe or other weights are refused."""

from __future__ import annotations

import json
from pathlib import Path

from reasondiff.backends.precision import precision_on
from reasondiff.checkpoints import weight_hashes
from reasondiff.errors import CheckpointError, InputError
from reasondiff.recipes.base import Recipe
from reasondiff.recipes.config import default_at, flat
from reasondiff.training.checkpoint import RUN_VERSION, has_checkpoint

__all__ = ["check_resume", "run_record"]

_OF_THE_MACHINE = ("device", "computed_in")
"""The next session may be on another."""


def run_record(recipe: Recipe, model: Path, device: str = "cpu") -> dict[str, object]:
    """What a run keeps of itself: the configuration, what it computes in, and SHA-256 of the weights that it is trained
    on, by file.
    """
    machine = {"device": device, "computed_in": precision_on(device, recipe.optimization.precision)}
    return {"version": RUN_VERSION, **recipe.to_dict(), **machine, "trained_on": _hashes(recipe, model)}


def check_resume(recipe: Recipe, run: Path, model: Path) -> None:
    """Raise unless the run in this folder, if it has a checkpoint to go on from, was begun with the same settings.

    Its weights and moments would not fit others, or would be trained on as if they had been begun with them. The same
    goes for the weights of other components that it was begun on.

    Raises:
        CheckpointError: the run's record cannot be read.
        InputError: names every setting that is another one.
    """
    file = run / "recipe.json"
    if not file.exists() or not has_checkpoint(run):
        return
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        version = record.pop("version", None)
        weights = dict(record.pop("trained_on", {}))
        begun = dict(flat({key: value for key, value in record.items() if key not in _OF_THE_MACHINE}))
        begun["recipe"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{str(file)!r} is damaged; restore it, or begin anew with another --runs.") from None
    if version != RUN_VERSION:
        raise InputError(f"The run in {str(run)!r} is of another version; begin anew with another --runs.")
    now = dict(flat(recipe.to_dict()))
    # An option that is newer than the run was, in it, what it is by default.
    begun = {name: value for name in now if (value := default_at(recipe, name)) is not None} | begun
    differing = [
        f"{name} = {json.dumps(begun.get(name))}, not {json.dumps(now.get(name))}"
        for name in dict.fromkeys([*now, *begun])
        if name not in recipe.may_change and begun.get(name) != now.get(name)
    ]
    if differing:
        raise InputError(
            f"The run in {str(run)!r} was begun with {'; '.join(differing)}; give what it was begun with, or begin "
            "anew with another --runs."
        )
    here = _hashes(recipe, model)
    for name in sorted(weights):
        if here.get(name) != weights[name]:
            raise InputError(
                f"The run in {str(run)!r} was begun on another {name} than {str(recipe.read_from(model))!r} has now; "
                "give the model it was begun on, or begin anew with another --runs."
            )


def _hashes(recipe: Recipe, model: Path) -> dict[str, str]:
    if not recipe.trained_on:
        return {}
    hashes = weight_hashes(recipe.read_from(model))
    return {file: sha for file, sha in hashes.items() if file.split("/")[0] in recipe.trained_on}
