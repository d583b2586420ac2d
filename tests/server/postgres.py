"""A PostgreSQL of its own for a test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Its address, while the block runs; the test is skipped where none is installed."""
    if shutil.which("initdb") is None or shutil.which("postgres") is None:
        pytest.skip("PostgreSQL is not installed")
    user = {}
    if os.geteuid() == 0:  # it refuses to run as root
        user = {"user": "postgres"}
        place = Path("/tmp") / f"reasondiff-postgres-{os.getpid()}"
        place.mkdir(mode=0o700)
        shutil.chown(place, "postgres")
        folder = place
    data = folder / "data"
    options = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **user}
    subprocess.run(["initdb", "-D", data, "-A", "trust", "-U", "tests", "--no-sync"], check=True, **options)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = ["postgres", "-D", data, "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    process = subprocess.Popen(started, **options)
    try:
        for _ in range(300):
            ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            if subprocess.run(ready, check=False).returncode == 0:
                break
            time.sleep(0.1)
        yield f"postgresql://tests@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)  # it does not wait for whoever is still connected
        process.wait()
        if user:
            shutil.rmtree(folder, ignore_errors=True)
