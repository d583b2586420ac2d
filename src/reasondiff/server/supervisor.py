"""Worker processes that are started anew when they die, and end with the server that started them."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

SECONDS_TO_END = 20.0
"""A worker gives its job back within a step; one that does not is killed, and its lease runs out."""
LONGEST_WAIT = 60.0
STEADY_SECONDS = 60.0
"""Whoever lives so long is started at once when it dies."""
USERS_FAULT = 2
"""The exit code of a command that can never succeed as it is."""


@dataclass
class _Child:
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = 1.0
    due: float = field(default=0.0)


class Supervisor:
    """Keeps one process per command alive.

    Args:
        commands: arguments of ``reasondiff``, one list per process.
        environment: of the processes; addresses with passwords go here, where no list of processes shows them.
        on_refusal: called when a command says that it can never succeed.
        on_death: called with the number of a process that has ended.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environment: Mapping[str, str],
        on_refusal: Callable[[], None],
        on_death: Callable[[int], None],
    ) -> None:
        self._children = [_Child(arguments) for arguments in commands]
        self._environment, self._on_refusal, self._on_death = dict(environment), on_refusal, on_death
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self.refused = False
        """Whether a command could never succeed."""

    def __enter__(self) -> Supervisor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        living = [child.process for child in self._children if child.process is not None]
        for process in living:
            process.terminate()
        until = time.monotonic() + SECONDS_TO_END
        for process in living:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self) -> None:
        while True:
            for child in self._children:
                self._look_after(child)
            if self._closed.wait(0.2):
                return

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            if (code := child.process.poll()) is None:
                return
            self._on_death(child.process.pid)
            child.process = None
            if code == USERS_FAULT:
                self.refused = True
                self._on_refusal()
                child.due = float("inf")
                return
            child.wait = 1.0 if now - child.started > STEADY_SECONDS else min(LONGEST_WAIT, 2 * child.wait)
            child.due = now + child.wait
            logger.warning("A worker ended with %d; another one starts in %.0f s.", code, child.wait)
        if now >= child.due:
            # Its standard input is a pipe from here: it ends with this process, however that ends.
            command = [sys.executable, "-m", "reasondiff", *child.arguments, "--until-stdin-ends"]
            child.process = subprocess.Popen(command, stdin=subprocess.PIPE, env=self._environment)  # noqa: S603
            child.started = now
