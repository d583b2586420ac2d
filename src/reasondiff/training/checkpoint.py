"""A training run on disk: weights and optimizer as safetensors, counters as JSON.

A checkpoint is written beside those before, and the oldest goes only then: whenever a run is killed, a whole checkpoint
is there. Each says the SHA-256 of its files, so that one that a crash has cut off or a disk has changed is passed over.

run/
  recipe.json                 what was asked for
  log.jsonl                   one line per logged step
  checkpoints/000420/         of the step
    weights.safetensors       what the stage trains
    ema.safetensors           their exponential moving average, where one is kept
    optimizer.safetensors     its moments
    state.json                the step, the seconds spent so far, hashes, and the version of this layout
  validation/                 sheets and numbers, by step
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from reasondiff.checkpoints import file_hash
from reasondiff.errors import CheckpointError, InputError
from reasondiff.files import atomic_path

__all__ = [
    "RUN_VERSION",
    "Checkpoint",
    "Retention",
    "drop_later",
    "has_checkpoint",
    "load_checkpoint",
    "save_checkpoint",
]

RUN_VERSION = 2
"""Of a run's files; a run of another version is not gone on with."""

_FILES = ("weights", "ema", "optimizer")

_log = logging.getLogger(__name__)


@dataclass
class Checkpoint:
    """Everything a run needs to go on.

    Args:
        step: optimizer steps done.
        seconds: time spent training, over all sessions.
        weights: trained parameters by name.
        ema: their exponential moving average; empty if none is kept.
        optimizer: the optimizer's moments, as ``parameter name/moment``.
        progress: what else goes on: counters, and losses that no line of the log has yet. JSON.
    """

    step: int
    seconds: float
    weights: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    progress: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Which checkpoints stay.

    Args:
        last: the newest so many; the one before the newest is there for the day when that one is damaged.
        every: steps between those that stay for good; 0 keeps none.

    Raises:
        InputError: none would stay.
    """

    last: int = 2
    every: int = 0

    def __post_init__(self) -> None:
        if self.last < 1:
            raise InputError(f"With the last {self.last} checkpoints kept no run goes on; give 1 or more.")
        if self.every < 0:
            raise InputError(f"Every {self.every} steps is never; give 1 or more, or 0 for no such checkpoints.")

    def is_kept_for_good(self, step: int) -> bool:
        """Whether the checkpoint of ``step`` stays whatever comes."""
        return bool(self.every) and step % self.every == 0


def save_checkpoint(run: Path, checkpoint: Checkpoint, retention: Retention | None = None) -> None:
    """Add a checkpoint, then remove those that are not to stay."""
    target = run / "checkpoints" / f"{checkpoint.step:06d}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target, folder=True) as folder:
        for name in _FILES:
            tensors = {key: value.detach().cpu().contiguous() for key, value in getattr(checkpoint, name).items()}
            save_file(tensors, folder / f"{name}.safetensors")
        state = {
            "version": RUN_VERSION,
            "step": checkpoint.step,
            "seconds": checkpoint.seconds,
            "progress": checkpoint.progress,
            "sha256": {name: file_hash(folder / f"{name}.safetensors") for name in _FILES},
        }
        (folder / "state.json").write_text(json.dumps(state))
    retention = retention or Retention()
    passing = [saved for saved in _saved(run) if not retention.is_kept_for_good(int(saved.name))]
    for older in passing[: -retention.last]:
        shutil.rmtree(older, ignore_errors=True)


def drop_later(run: Path, step: int) -> None:
    """Remove the checkpoints after ``step``, from which the run goes on: they were damaged and passed over."""
    for folder in _saved(run):
        if int(folder.name) > step:
            shutil.rmtree(folder, ignore_errors=True)


def has_checkpoint(run: Path) -> bool:
    """Whether there is a checkpoint to go on from."""
    return bool(_saved(run))


def load_checkpoint(run: Path) -> Checkpoint | None:
    """The run's newest checkpoint that is whole, or None before the first; one that is not is passed over, and said so.

    Raises:
        CheckpointError: none is whole, or the newest whole one is of another version.
    """
    damages: list[str] = []
    for folder in reversed(_saved(run)):
        try:
            found = _read(folder)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            damages.append(f"The checkpoint in {str(folder)!r} is damaged ({error})")
            continue
        for damage in damages:
            _log.warning("%s; going on from step %d instead.", damage, found.step)
        return found
    if damages:
        raise CheckpointError(f"{damages[0]}, and there is no other; remove it to begin anew.")
    return None


def _read(folder: Path) -> Checkpoint:
    state = json.loads((folder / "state.json").read_text())
    if state.get("version") != RUN_VERSION:
        raise CheckpointError(
            f"The checkpoint in {str(folder)!r} is of another version; begin anew with another --runs."
        )
    for name, expected in state.get("sha256", {}).items():
        if name in _FILES and file_hash(folder / f"{name}.safetensors") != expected:
            raise ValueError(f"{name}.safetensors is not what was written")
    return Checkpoint(
        step=int(state["step"]),
        seconds=float(state["seconds"]),
        progress=dict(state.get("progress", {})),
        **{name: load_file(folder / f"{name}.safetensors") for name in _FILES},
    )


def _saved(run: Path) -> list[Path]:
    """The run's checkpoints, oldest first."""
    folders = [folder for folder in (run / "checkpoints").glob("[0-9]*") if folder.name.isdecimal()]
    return sorted(folders, key=lambda folder: int(folder.name))
