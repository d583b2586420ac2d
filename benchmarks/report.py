"""Tables of goals: what was reached beside what was aimed for, and an exit code."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import torch

__all__ = ["Report", "heading"]


@dataclass
class Report:
    """Rows of a Markdown table; a gate that is missed makes the exit code 1."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    on_row: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self.on_row(f"\n## {self.title}\n")
        self._print(("id", "what", *self.columns, "reached", "goal", ""))
        self._print(("---",) * (len(self.columns) + 5))

    def add(
        self,
        name: str,
        what: str,
        *values: str,
        reached: float,
        at_least: float | None = None,
        at_most: float | None = None,
        unit: str = "x",
        gate: bool = True,
    ) -> bool:
        """Add a row.

        Args:
            name: of the goal, such as ``M1``.
            what: is compared.
            values: one per column.
            reached: the number that is held against the goal.
            at_least: the goal.
            at_most: the goal.
            unit: of ``reached``.
            gate: whether missing the goal fails the run.
        """
        met = (at_least is None or reached >= at_least) and (at_most is None or reached <= at_most)
        aim = (
            f">= {at_least:g}{unit}" if at_least is not None else f"<= {at_most:g}{unit}" if at_most is not None else ""
        )
        verdict = "" if not aim else "met" if met else "MISSED" if gate else "not met"
        row = (name, what, *values, f"{reached:.4g}{unit}", aim, verdict)
        self.rows.append(row)
        self._print(row)
        if not met and gate:
            self.missed.append(name)
        return met

    def _print(self, cells: tuple[str, ...]) -> None:
        self.on_row(f"| {' | '.join(cells)} |")

    @property
    def exit_code(self) -> int:
        return 1 if self.missed else 0


def heading(device: str) -> str:
    """Date, versions and machine of a run."""
    names = ("torch", "diffusers", "transformers", "peft", "triton")
    found = ", ".join(f"{name} {number}" for name in names if (number := _version(name)))
    where = torch.cuda.get_device_name() if device == "cuda" else device
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {found}, on {where}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
