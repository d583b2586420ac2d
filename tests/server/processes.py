"""Servers and workers as processes of their own, to be killed.

They are forked from a process that has imported everything, so that a hundred of them cost seconds and not minutes.
"""

from __future__ import annotations

import socket
import sys
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import uvicorn

from reasondiff.server.api.app import create_app
from reasondiff.server.leases import Leases
from reasondiff.server.running import run_worker, worker_name
from reasondiff.server.worker import Worker
from tests.server.fakes import FakeMaker
from tests.server.harness import service

LEASE_SECONDS = 4.0


def free_port() -> int:
    """Of this machine."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


def start(
    kind: str, folder: Path, database: str, port: int, *, attempts: int = 50, seconds: float = 0.03
) -> ForkServerProcess:
    """One process.

    Args:
        kind: worker or server.
        folder: of the videos.
        database: its address.
        port: of the server.
        attempts: of a job; it may lose many workers to a test's hundred kills without being to blame.
        seconds: of a worker's step.
    """
    context: ForkServerContext = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_run, args=(kind, folder, database, port, attempts, seconds))
    process.start()
    return process


def _run(kind: str, folder: Path, database: str, port: int, attempts: int, seconds: float) -> None:
    parts = service(folder, url=database)
    if kind == "worker":
        leases = Leases(parts.queue.database, lease_seconds=LEASE_SECONDS, max_attempts=attempts)
        worker = Worker(worker_name(), leases, parts.storage, FakeMaker(seconds), folder / "work")
        sys.exit(run_worker(worker))
    uvicorn.run(create_app(parts), host="127.0.0.1", port=port, log_level="error")
