"""What a training run needs is looked for before the long work begins."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasondiff.checkpoints import LORA_FILE, weight_hashes
from reasondiff.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from reasondiff.precision import Precision
    from reasondiff.recipes import TrainingRecipe

__all__ = ["begun_alike", "device", "numbers", "parts", "told_of", "trained_on", "writable"]

_READS = {
    "storyworld-tiny/refine": ("vae", "storyworld-tiny/vae"),
    "storyworld-tiny/base": ("vae", "storyworld-tiny/vae"),
    "storyworld-tiny/stage1": ("model_index.json", "storyworld-tiny/base"),
    "storyworld-tiny/stage2": ("model_index.json", "storyworld-tiny/base"),
}
"""What a recipe reads of the model folder, and which recipe writes it."""

_GOES_ON_WITH = {
    "storyworld-tiny/base": ("transformer", "text_encoder", "tokenizer"),
    "storyworld-tiny/stage1": ("alignformer", LORA_FILE),
    "storyworld-tiny/narrator": ("narrator",),
}
"""What it reads of the folder that ``--from-weights`` names."""

_TRAINED_ON = {
    "storyworld-tiny/refine": ("vae",),
    "storyworld-tiny/base": ("vae",),
    "storyworld-tiny/stage1": ("vae", "transformer", "text_encoder"),
    "storyworld-tiny/stage2": ("vae", "transformer", "text_encoder", LORA_FILE),
}
"""Of what it reads, the weights that what it trains would not fit others of."""

_MAY_CHANGE = {"optimization.steps", "optimization.precision", "settings.compile", "settings.batch", "settings.clips"}
"""What a run may go on with in another way: how long, how fast and on how much, not what is trained or how.

A precision is how fast, too: weights are kept in fp32, and the next machine may have another.
"""


def numbers(*, steps: int | None, batch: int | None) -> None:
    """Raise ``InputError`` for a number that trains nothing; None is left to the recipe."""
    if steps is not None and steps < 1:
        raise InputError(f"{steps} steps train nothing; give 1 or more.")
    if batch is not None and batch < 1:
        raise InputError(f"A batch of {batch} trains nothing; give 1 or more.")


def device(name: str | None) -> str:
    """The device to train on; the best there is for None.

    Raises:
        InputError: this machine has none of that name.
    """
    import torch

    here = {"cpu": 1}
    if torch.accelerator.is_available() and (best := torch.accelerator.current_accelerator()) is not None:
        here[best.type] = torch.accelerator.device_count()
    if name is None:
        return "cuda" if "cuda" in here else "cpu"
    try:
        found = torch.device(name)
    except RuntimeError:
        found = None
    if found is None or (found.index or 0) >= here.get(found.type, 0):
        raise InputError(f"The device {name!r} is not in this machine; give {' or '.join(here)}.")
    return name


def told_of(device: str, asked: Precision) -> str:
    """What the forward pass computes in on ``device``, and why."""
    from reasondiff.precision import has_bf16, precision_on

    told = f"Computes in {precision_on(device, asked)} on {device}"
    if asked == "auto":
        return told + (", which has it." if has_bf16(device) else ", which has no bf16 of its own.")
    slow = asked == "bf16" and not has_bf16(device)
    return told + (" as was set, which has none of its own and takes many times as long." if slow else " as was set.")


def writable(**folders: Path) -> None:
    """Raise ``InputError`` unless every folder, named as its option, can be written into or made."""
    for option, folder in folders.items():
        try:
            nearest = next(place for place in (folder, *folder.parents) if place.exists())
            fit = nearest.is_dir() and os.access(nearest, os.W_OK)
        except OSError:  # such as a name that is too long
            fit = False
        if not fit:
            raise InputError(f"--{option} {str(folder)!r} cannot be written into; choose another place.")


def parts(plan: TrainingRecipe, model: Path) -> None:
    """Raise where the model folder lacks a part that the recipe reads, or is of another kind.

    Here, because the libraries below take the name of a folder that is not there for one of the hub.
    """
    if plan.name == "storyworld-tiny/oracle" and (model / "model_index.json").exists():
        raise InputError(f"{str(model)!r} is a pipeline's folder; give the oracle one of its own as --model.")
    part, writer = _READS.get(plan.name, ("", ""))
    if not (model / part).exists() and writer:
        raise CheckpointError(f"There is no {str(model / part)!r}; train {writer} first, or give another --model.")
    if (begin := plan.settings.get("from_weights")) is None:
        return
    for part in _GOES_ON_WITH.get(plan.name, ()):
        if not (place := Path(begin, part)).exists():
            raise CheckpointError(f"There is no {str(place)!r} to begin with; leave --from-weights out.")


def trained_on(plan: TrainingRecipe, model: Path) -> dict[str, str]:
    """SHA-256 of the weights in the model folder that the run's own depend on, by file; for the run's record."""
    wanted = _TRAINED_ON.get(plan.name, ())
    return {file: sha for file, sha in weight_hashes(model).items() if file.split("/")[0] in wanted} if wanted else {}


def begun_alike(plan: TrainingRecipe, run: Path, model: Path) -> None:
    """Raise unless the run in this folder, if it has a checkpoint to go on from, was begun with the same settings.

    Its weights and moments would not fit others, or would be trained on as if they had been begun with them. The same
    goes for the weights of other parts that it was begun on.

    Raises:
        CheckpointError: the run's record cannot be read.
        InputError: names the first setting that is another one.
    """
    record = run / "recipe.json"
    if not record.exists() or not any((run / "checkpoints").glob("[0-9]*")):
        return
    try:
        before = json.loads(record.read_text(encoding="utf-8"))
        begun = dict(_flat({name: before[name] for name in ("optimization", "settings")}))
    except (OSError, ValueError, KeyError, TypeError):
        raise CheckpointError(f"{str(record)!r} is damaged; restore it, or begin anew with another --runs.") from None
    asked = plan.to_dict()
    now = dict(_flat({name: asked[name] for name in ("optimization", "settings")}))
    for name in [*now, *begun]:
        old, new = begun.get(name), now.get(name)
        if name not in _MAY_CHANGE and (old or None) != (new or None):  # what an older record lacks was off
            raise InputError(
                f"The run in {str(run)!r} was begun with {name} = {json.dumps(old)}, not {json.dumps(new)}; "
                "give what it was begun with, or begin anew with another --runs."
            )
    weights = before.get("trained_on") or {}  # an older record has none
    here = trained_on(plan, model)
    for file in sorted(weights):
        if here.get(file) != weights[file]:
            raise InputError(
                f"The run in {str(run)!r} was begun on another {file} than {str(model)!r} has now; give the model it "
                "was begun on, or begin anew with another --runs."
            )


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a configuration under its dotted name."""
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
