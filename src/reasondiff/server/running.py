"""A server process with its workers, and a worker process."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn
from sqlalchemy.exc import OperationalError

from reasondiff.checkpoints import find_model
from reasondiff.jobs.options import options_of
from reasondiff.jobs.request import VideoRequest
from reasondiff.server.api.app import create_app
from reasondiff.server.keeper import Keeper
from reasondiff.server.leases import Leases
from reasondiff.server.places import Places
from reasondiff.server.served import Served
from reasondiff.server.service import Service
from reasondiff.server.storage import Storage
from reasondiff.server.supervisor import USERS_FAULT, Supervisor
from reasondiff.server.tables import open_database
from reasondiff.server.worker import Worker

__all__ = ["end_by_signal", "make_worker", "run_server", "run_worker", "worker_commands", "worker_name"]

GRACE = 3
"""Seconds that open answers have when the server ends; a stream of events is taken up again elsewhere."""


def run_server(service: Service, listener: socket.socket, commands: Sequence[Sequence[str]], places: Places) -> int:
    """Answer requests and look after the workers, until a signal comes.

    Returns:
        The exit code.
    """
    config = uvicorn.Config(
        create_app(service), log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE, limit_concurrency=2000,
    )  # fmt: skip
    server, leases = uvicorn.Server(config), Leases(service.queue.database)

    def end() -> None:
        server.should_exit = True

    def bury(number: int) -> None:
        with suppress(OperationalError):  # their leases run out anyway
            leases.bury(_name_of(number))

    environment = {**os.environ, "REASONDIFF_DB": places.database}
    with Keeper(service), Supervisor(commands, environment, end, bury) as supervisor:
        server.run(sockets=[listener])
    return USERS_FAULT if supervisor.refused else 0


def worker_commands(
    request: VideoRequest, workers: int | None, data: Path | None, storage: str | None
) -> list[list[str]]:
    """What to start: so many workers, and one that only tells stories.

    Args:
        request: whose options of the group "model" the workers are given.
        workers: how many make videos; None for one per GPU, or one.
        data: as given to the server.
        storage: as given to the server.
    """
    if workers == 0:
        return []
    shared = []
    if data is not None:
        shared += ["--data", str(data)]
    if storage:
        shared += ["--storage", storage]
    options = _options(request)
    gpus = _gpus() if workers is None and request.device is None else 0
    devices = [["--device", f"cuda:{number}"] for number in range(gpus)]
    if not devices:
        devices = [[]] * (workers or 1)
    commands = [["worker", *options, *device, *shared] for device in devices]
    if _tells_cheaply(request):
        commands.append(["worker", *options, *shared, "--only-stories"])
    return commands


def make_worker(request: VideoRequest, places: Places, *, only_stories: bool = False) -> Worker:
    """A worker of this process.

    Args:
        request: whose options of the group "model" say what it loads.
        places: of the queue and the videos.
        only_stories: it makes no videos.
    """
    from reasondiff.server.making import StoryMaker, VideoMaker  # with torch, which a server does not need

    served = Served.of(request)
    leases = Leases(open_database(places.database))
    maker = StoryMaker(served) if only_stories else VideoMaker(served)
    return Worker(worker_name(), leases, Storage(places.storage), maker, places.scratch)


def worker_name() -> str:
    """Of this process, told from all others."""
    return f"{_name_of(os.getpid())}{secrets.token_hex(4)}"


def _name_of(number: int) -> str:
    """How the names of a process on this machine begin."""
    return f"{socket.gethostname()[:100]}:{number}:"


def run_worker(worker: Worker, *, until_stdin_ends: bool = False) -> int:
    """Do jobs until a signal comes; the job that is done then is given back.

    Args:
        worker: that does them.
        until_stdin_ends: end with whoever holds the other end of the standard input, too.

    Returns:
        The exit code.
    """

    end_by_signal(worker.ending)
    if until_stdin_ends:
        threading.Thread(target=_wait_for_end, args=(worker.ending,), daemon=True).start()
    worker.run()
    return 1 if worker.broken else 0


def end_by_signal(ending: threading.Event) -> None:
    """Set an event when this process is asked to end; a second signal ends it at once."""

    def end(number: int, _: object) -> None:
        ending.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _wait_for_end(ending: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ending.set()


def _options(request: VideoRequest) -> list[str]:
    """The options of the group "model" as they are written on a command line."""
    written: list[str] = []
    for name, each in options_of(VideoRequest).items():
        value = getattr(request, name)
        if each.about.group == "model" and value != each.default:
            written += [each.about.flag or f"--{name.replace('_', '-')}", str(value)]
    return written


def _gpus() -> int:
    """GPUs that torch can use; asked in another process, because the server itself does not need torch."""
    asked = [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    return int(done.stdout) if done.stdout.strip().isdecimal() else 0


def _tells_cheaply(request: VideoRequest) -> bool:
    """Whether a second process may have the narrator as well: one on a server, or a model's own small one."""
    if request.narrator is not None:
        return not request.narrator.startswith("transformers:")
    return request.narrator_url is not None or (Path(find_model(request.model)) / "narrator").is_dir()
