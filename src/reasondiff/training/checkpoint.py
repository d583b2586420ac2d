"""A training run on disk: weights and optimizer as safetensors, counters as JSON.

A checkpoint is written beside the one before, which goes only then: whenever a run is killed, one whole checkpoint is
there.

run/
  recipe.json                 what was asked for
  log.jsonl                   one line per logged step
  checkpoints/000420/         of the step
    weights.safetensors       what the stage trains
    ema.safetensors           their exponential moving average, where one is kept
    optimizer.safetensors     its moments
    state.json                the step, the seconds spent so far, and the version of this layout
  validation/                 sheets and numbers, by step
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from reasondiff.errors import CheckpointError
from reasondiff.files import atomic_path

__all__ = ["RUN_VERSION", "Checkpoint", "has_checkpoint", "load_checkpoint", "save_checkpoint"]

RUN_VERSION = 2
"""Of a run's files; a run of another version is not gone on with."""

_FILES = ("weights", "ema", "optimizer")


@dataclass
class Checkpoint:
    """Everything a run needs to go on.

    Args:
        step: optimizer steps done.
        seconds: time spent training, over all sessions.
        weights: trained parameters by name.
        ema: their exponential moving average; empty if none is kept.
        optimizer: the optimizer's moments, as ``parameter name/moment``.
    """

    step: int
    seconds: float
    weights: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimizer: dict[str, Tensor]


def save_checkpoint(run: Path, checkpoint: Checkpoint) -> None:
    """Add a checkpoint, then remove older ones."""
    target = run / "checkpoints" / f"{checkpoint.step:06d}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target, folder=True) as folder:
        for name in _FILES:
            tensors = {key: value.detach().cpu().contiguous() for key, value in getattr(checkpoint, name).items()}
            save_file(tensors, folder / f"{name}.safetensors")
        state = {"version": RUN_VERSION, "step": checkpoint.step, "seconds": checkpoint.seconds}
        (folder / "state.json").write_text(json.dumps(state))
    for older in _saved(run)[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def has_checkpoint(run: Path) -> bool:
    """Whether there is a checkpoint to go on from."""
    return bool(_saved(run))


def load_checkpoint(run: Path) -> Checkpoint | None:
    """The run's newest checkpoint, or None before the first.

    Raises:
        CheckpointError: it is damaged, or of another version.
    """
    if not (saved := _saved(run)):
        return None
    folder = saved[-1]
    try:
        state = json.loads((folder / "state.json").read_text())
        if state.get("version") != RUN_VERSION:
            raise CheckpointError(
                f"The checkpoint in {str(folder)!r} is of another version; begin anew with another --runs."
            )
        parts = {name: load_file(folder / f"{name}.safetensors") for name in _FILES}
        return Checkpoint(step=int(state["step"]), seconds=float(state["seconds"]), **parts)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(
            f"The checkpoint in {str(folder)!r} is damaged ({error}); remove it to begin anew."
        ) from None


def _saved(run: Path) -> list[Path]:
    """The run's checkpoints, oldest first."""
    return sorted((run / "checkpoints").glob("[0-9]*"))
