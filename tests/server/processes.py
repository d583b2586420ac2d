"""Servers and workers as processes of their own, to be killed.

python -m tests.server.processes worker|server FOLDER DATABASE PORT ATTEMPTS SECONDS
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from reasondiff.server.running import run_worker, worker_name
from reasondiff.server.worker import Worker
from tests.server.fakes import FakeMaker
from tests.server.harness import service

LEASE_SECONDS = 4.0


def start(
    kind: str, folder: Path, database: str, port: int, *, attempts: int = 50, seconds: float = 0.03
) -> subprocess.Popen[bytes]:
    """One process.

    Args:
        kind: worker or server.
        folder: of the videos.
        database: its address.
        port: of the server.
        attempts: of a job; it may lose many workers to a test's hundred kills without being to blame.
        seconds: of a worker's step.
    """
    given = [kind, str(folder), database, str(port), str(attempts), str(seconds)]
    command = [sys.executable, "-m", "tests.server.processes", *given]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], env={**os.environ, "OMP_NUM_THREADS": "1"})


def main() -> None:
    """What a process does."""
    kind, folder, database, port, attempts, seconds = sys.argv[1:]
    parts = service(Path(folder), url=database, lease_seconds=LEASE_SECONDS)
    parts.queue.max_attempts = int(attempts)
    if kind == "worker":
        maker, scratch = FakeMaker(float(seconds)), Path(folder) / "work"
        sys.exit(run_worker(Worker(worker_name(), parts.queue, parts.storage, maker, scratch)))
    import uvicorn

    from reasondiff.server.api.app import create_app

    uvicorn.run(create_app(parts), host="127.0.0.1", port=int(port), log_level="error")


if __name__ == "__main__":
    main()
