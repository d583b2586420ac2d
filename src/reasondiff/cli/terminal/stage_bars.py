"""Progress on standard error: a bar per stage of a video's making."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["StageBars"]


class StageBars:
    """Shows the stages that a pipeline reports, and remembers how long each took.

    Give ``on_stage`` and ``on_step`` to the pipeline, inside ``with``.

    Args:
        title: of what is being made, where there are several.
    """

    def __init__(self, title: str = "") -> None:
        self.title = f"{title}: " if title else ""
        self.seconds: dict[str, float] = {}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=Console(stderr=True),
        )  # fmt: skip
        self._stage: str | None = None
        self._task: Any = None
        self._since = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        else:
            self._progress.live.transient = True  # the error's sentence says more than half a bar
        self._progress.stop()

    def on_stage(self, stage: str) -> None:
        """``stage`` begins, and with it the one before ends."""
        self._finish()
        self._stage, self._since = stage, time.perf_counter()
        self._task = self._progress.add_task(self.title + stage, total=None)

    def on_step(self, pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """One denoising step is done; a diffusers callback."""
        self._progress.update(self._task, total=pipe.num_timesteps, completed=step + 1)
        return tensors

    def _finish(self) -> None:
        if self._stage is not None:
            self.seconds[self._stage] = time.perf_counter() - self._since
            total = self._progress.tasks[-1].total or 1
            self._progress.update(self._task, total=total, completed=total)
            self._stage = None
