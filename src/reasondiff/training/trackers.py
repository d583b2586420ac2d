"""TensorBoard, Weights & Biases and Trackio, by accelerate: what goes into the log goes there as well.

TensorBoard's files lie in the run's folder and are written where its package is installed; the others are asked for by
name, and know who you are from their own login or environment. Nothing but numbers and the recipe is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import filter_trackers

from reasondiff.errors import InputError

__all__ = ["TRACKERS", "Tracking", "trackers"]

TRACKERS: Mapping[str, tuple[str, ...]] = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "trackio": ("trackio",),
}
"""By name, the packages of which it takes one."""


def trackers(names: Sequence[str] | None = None) -> tuple[str, ...]:
    """The trackers to use.

    Args:
        names: asked for; None takes TensorBoard where it is installed, and ``("none",)`` no tracker.

    Raises:
        InputError: there is none of that name, or it is not installed.
    """
    if names is None:
        return ("tensorboard",) if _is_installed("tensorboard") else ()
    wanted = tuple(dict.fromkeys(name for name in names if name != "none"))
    for name in wanted:
        if name not in TRACKERS:
            raise InputError(f"There is no tracker {name!r}; give one of {', '.join(TRACKERS)}, or none.")
        if not _is_installed(name):
            fix = "pip install 'reasondiff[tensorboard]'" if name == "tensorboard" else f"pip install {name}"
            raise InputError(f"The tracker {name!r} is not installed; {fix}, or leave it out.")
    return wanted


def _is_installed(name: str) -> bool:
    return any(find_spec(package) is not None for package in TRACKERS[name])


@dataclass(frozen=True)
class Tracking:
    """What is told to whom.

    Args:
        names: of ``trackers``.
        config: the recipe's values by their dotted names.
        project: that the run is filed under.
    """

    names: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    project: str = "reasondiff"

    def start(self, accelerator: Accelerator, run: Path, step: int) -> None:
        """Begin, or go on after ``step``: TensorBoard then leaves out what was written after it."""
        if not self.names:
            return
        folder = str(run / "tensorboard")
        accelerator.project_configuration.logging_dir = folder
        accelerator.log_with = filter_trackers(list(self.names), folder)
        plain = (bool, int, float)
        config = {name: value if isinstance(value, plain) else str(value) for name, value in self.config.items()}
        accelerator.init_trackers(
            self.project, config=config, init_kwargs={"tensorboard": {"purge_step": step + 1}} if step else None
        )
