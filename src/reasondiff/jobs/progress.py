"""What a job tells whoever waits for it, and how it is asked to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from reasondiff.errors import StoppedError

__all__ = ["Reporter", "StageProgress"]


class StageProgress(Protocol):
    """Whoever shows how far a video is: a terminal, a web page, a log."""

    def on_stage(self, name: str) -> None:
        """``name`` begins, and with it the stage before ends; an empty name says that all is done."""
        ...

    def on_step(self, done: int, total: int) -> None:
        """``done`` of the stage's ``total`` steps are done; the first call of a run that goes on says more than 1."""
        ...


class Reporter:
    """One job's stages: their times, who is told of them, and whether the job should stop.

    Args:
        progress: is told; may be None.
        stop: when set, the job ends at the next step or stage.
        idle: stages in which this job has nothing to do; they are not shown, and their time is the stage's before.
    """

    def __init__(
        self, progress: StageProgress | None, stop: threading.Event | None = None, idle: frozenset[str] = frozenset()
    ) -> None:
        self.seconds: dict[str, float] = {}
        self.first_step = 0
        """Steps that were done before this run, where it goes on with another."""
        self._progress, self._stop, self._idle = progress, stop, idle
        self._stage, self._since = "", 0.0
        self.stepped = False

    def on_stage(self, name: str) -> None:
        """A callback of the pipeline's.

        Raises:
            StoppedError: the job was asked to.
        """
        self._check_stop()
        if name in self._idle:
            return
        self._end_stage()
        self._stage, self._since = name, time.perf_counter()
        if self._progress is not None:
            self._progress.on_stage(name)

    def on_step(self, pipe: Any, step: int, timestep: Any, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """A callback of diffusers' form, after step ``step``, 0-based.

        Raises:
            StoppedError: the job was asked to.
        """
        if not self.stepped:
            self.first_step, self.stepped = step, True
        if self._progress is not None:
            self._progress.on_step(step + 1, int(pipe.num_timesteps))
        self._check_stop()
        return {}

    def finish(self) -> None:
        """The last stage is over."""
        self._end_stage()
        if self._progress is not None:
            self._progress.on_stage("")

    def _end_stage(self) -> None:
        if self._stage:
            spent = time.perf_counter() - self._since
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + spent
            self._stage = ""

    def _check_stop(self) -> None:
        if self._stop is not None and self._stop.is_set():
            where = f" in the stage {self._stage!r}" if self._stage else ""
            raise StoppedError(f"The job was stopped{where}, as asked; start it again for a video.")
