"""Progress of a training run on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["training_bar"]


@contextmanager
def training_bar(title: str, steps: int, *, shown: bool = True) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Yield the trainer's ``on_step``: a bar with the time left and the last logged values."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[values]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task(title, total=steps, values="")

        def on_step(step: int, values: Mapping[str, float]) -> None:
            shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            fields: dict[str, Any] = {"values": shown} if shown else {}
            progress.update(task, completed=step, **fields)

        yield on_step
