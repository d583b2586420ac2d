"""Progress on standard error: a bar per stage of a video's making."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["StageBars"]


class StageBars:
    """A ``StageProgress`` in the terminal; used inside ``with``.

    Args:
        title: of what is being made, where there are several.
    """

    def __init__(self, title: str = "") -> None:
        self.title = f"{title}: " if title else ""
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=Console(stderr=True),
        )  # fmt: skip
        self._task: TaskID | None = None
        self._stepped = False

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

    def on_stage(self, name: str) -> None:
        """``name`` begins, and with it the stage before ends."""
        self._finish()
        if name:
            self._task, self._stepped = self._progress.add_task(self.title + name, total=None), False

    def on_step(self, done: int, total: int) -> None:
        """``done`` of ``total`` steps are done."""
        if self._task is None:
            return
        if not self._stepped and done > 1:
            before = f"{done - 1} of {total} steps"
            self._progress.console.print(f"{self.title}goes on after {before} of an earlier run.", highlight=False)
        self._stepped = True
        self._progress.update(self._task, total=total, completed=done)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(text, highlight=False, markup=False)

    def _finish(self) -> None:
        if self._task is not None:
            total = self._progress.tasks[-1].total or 1
            self._progress.update(self._task, total=total, completed=total)
            self._task = None
