"""What a run tells while it goes: a line of ``log.jsonl`` per so many steps, and the same to trackers.

A value of a step is a scalar, or a series by bin (the loss by timestep): sums and counts, [bins, 2]. A line has their
means over the steps since the line before. What no line has yet goes into the checkpoint, so that the log of a run that
was killed and resumed is that of one that was not, but for its times.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import reduce
from torch import Tensor

from reasondiff.files import atomic_path

__all__ = ["LOG_FILE", "Means", "Pace", "Row", "RunLog", "by_bin", "over_processes", "peak_memory", "read_log"]

LOG_FILE = "log.jsonl"

Row = dict[str, Any]
"""A line: numbers by name; of a series a list, with None for a bin in which nothing fell."""


def by_bin(values: Tensor, bins: Tensor, count: int) -> Tensor:
    """A series of a step: in each bin the sum of its values and how many they are.

    Args:
        values: [...], any shape.
        bins: of the same shape, 0 to ``count`` - 1; others are left out.
        count: of bins.

    Returns:
        [count, 2], float64.
    """
    values, bins = values.detach().flatten().double(), bins.flatten()
    inside = (bins >= 0) & (bins < count)
    pairs = torch.stack([values, torch.ones_like(values)], dim=1)
    empty = torch.zeros(count, 2, dtype=torch.float64, device=values.device)
    return empty.index_add_(0, bins[inside], pairs[inside])


def over_processes(values: Mapping[str, Tensor], accelerator: Accelerator) -> dict[str, Tensor]:
    """A step's values of all processes, on the CPU in float64: scalars as means, series as sums.

    Args:
        values: the same names and shapes in every process.
    """
    flat = torch.cat([value.detach().double().flatten() for value in values.values()])
    if accelerator.num_processes > 1:
        flat = reduce(flat, "sum")
    parts = flat.cpu().split([value.numel() for value in values.values()])
    found: dict[str, Tensor] = {}
    for (name, value), part in zip(values.items(), parts, strict=True):
        found[name] = part.view(value.shape) if value.ndim else part[0] / accelerator.num_processes
    return found


class Means:
    """Means over steps."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """The values of one more step."""
        for name, value in values.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._steps += 1

    def row(self) -> Row:
        """The means; empty before the first step."""
        return {name: _mean(total, self._steps) for name, total in self._sums.items()}

    def state(self) -> dict[str, object]:
        """As JSON, from which ``restore`` goes on exactly."""
        return {"steps": self._steps, "sums": {name: total.tolist() for name, total in self._sums.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``; an empty one is that of the beginning."""
        sums = state.get("sums", {})
        self._sums = {name: torch.tensor(total, dtype=torch.float64) for name, total in sums.items()}
        self._steps = int(state.get("steps", 0))

    def clear(self) -> None:
        """Begin anew."""
        self.restore({})


def _mean(total: Tensor, steps: int) -> float | list[float | None]:
    if not total.ndim:
        return float(total) / steps
    return [value / count if count else None for value, count in total.tolist()]


class RunLog:
    """The lines of one run, in the main process only.

    Args:
        run: its folder.
        accelerator: of the processes that share it, and the trackers.
    """

    def __init__(self, run: Path, accelerator: Accelerator) -> None:
        self.file = run / LOG_FILE
        self.accelerator = accelerator

    def rewind(self, step: int) -> None:
        """Take out what was written after the checkpoint of ``step``: these steps are done once more."""
        if not self.accelerator.is_main_process or not self.file.exists():
            return
        kept = [row for row in read_log(self.file.parent) if row["step"] <= step]
        with atomic_path(self.file) as partial:
            partial.write_text("".join(map(_line, kept)), encoding="utf-8")

    def write(self, row: Row) -> None:
        """One more line; a number that is not finite, which JSON has no word for, becomes null."""
        if not self.accelerator.is_main_process:
            return
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(_line({**row, "time": round(time.time(), 1)}))
        self.accelerator.log(dict(_scalars(row)), step=row["step"])


def read_log(run: Path) -> list[Row]:
    """The lines of a run's log; one that a kill has cut off is left out."""
    rows: list[Row] = []
    file = run / LOG_FILE
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def _line(row: Row) -> str:
    return json.dumps(_finite(row), allow_nan=False) + "\n"


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _scalars(row: Row, above: str = "") -> Iterator[tuple[str, float]]:
    """What a tracker draws, each number under a name of its own, such as ``loss_by_timestep/3``."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _scalars(dict(value), f"{above}{name}/")
        elif isinstance(value, list):
            yield from ((f"{above}{name}/{number}", each) for number, each in enumerate(value) if each is not None)
        elif name != "step" and isinstance(value, int | float):
            yield f"{above}{name}", float(value)


class Pace:
    """Steps and seconds since it was last asked."""

    def __init__(self) -> None:
        self.steps = 0
        self._since = time.monotonic()

    def taken(self) -> tuple[int, float]:
        """Both, counted anew from here."""
        now = time.monotonic()
        taken = self.steps, max(now - self._since, 1e-9)
        self.steps, self._since = 0, now
        return taken


def peak_memory(device: torch.device) -> float:
    """The most bytes held so far: by tensors on a GPU, or by this process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)
