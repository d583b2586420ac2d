"""A real server on a real socket, with a worker beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import openai
import uvicorn
from PIL import Image

from reasondiff.jobs.request import VideoRequest
from reasondiff.narrative.place import Place
from reasondiff.server.api.app import create_app
from reasondiff.server.jobs import Order
from reasondiff.server.keys import Keys
from reasondiff.server.leases import Leases
from reasondiff.server.queue import JobQueue
from reasondiff.server.served import Served
from reasondiff.server.service import Limits, Service
from reasondiff.server.storage import Storage
from reasondiff.server.tables import open_database
from reasondiff.server.worker import Worker
from reasondiff.web.listening import listen
from tests.server.fakes import MODEL, FakeMaker

ORDER = Order(
    prompt="A cat.", options={"fit": "crop"}, images=("i",), places=(Place(),), image_size=(64, 64), num_frames=33,
    size="64x64", interval=0.2,
)  # fmt: skip
"""Of a job that nobody makes."""


def png(width: int = 64, height: int = 64, seed: int = 0) -> bytes:
    """A picture."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def service(folder: Path, **changes: Any) -> Service:
    """The parts of a server whose things are in a folder."""
    database = open_database(changes.pop("url", f"sqlite:///{folder}/queue.db"))
    served = Served.of(VideoRequest(image=Path()))
    whole = Service(
        served={MODEL: served}, queue=JobQueue(database), storage=Storage(f"{folder}/videos"), keys=Keys(database),
        limits=Limits(disk_floor=0),
    )  # fmt: skip
    return replace(whole, **changes)


@contextmanager
def working(parts: Service, folder: Path, maker: FakeMaker | None = None, name: str = "worker") -> Iterator[Worker]:
    """A worker in a thread."""
    worker = Worker(
        name, Leases(parts.queue.database), parts.storage, maker or FakeMaker(), folder / "work", poll_seconds=0.02
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.ending.set()
        thread.join()


@contextmanager
def listening(parts: Service) -> Iterator[str]:
    """The address of a server in a thread."""
    listener = listen("127.0.0.1", 0)
    app = create_app(parts)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass(frozen=True)
class Running:
    """A server, a client for it, and what is behind it."""

    url: str
    parts: Service
    folder: Path

    def openai(self, key: str = "none", **options: Any) -> openai.OpenAI:
        """OpenAI's own client."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, **{"max_retries": 0, **options})

    def http(self, key: str | None = None, **headers: str) -> httpx2.Client:
        """A plain client."""
        given = {"Authorization": f"Bearer {key}"} if key is not None else {}
        return httpx2.Client(base_url=self.url, headers=given | headers, timeout=120, verify=False)

    def ask(self, prompt: str = "A cat plays.", key: str | None = None, **fields: Any) -> dict[str, Any]:
        """A new video."""
        with self.http(key) as client:
            data = {"prompt": prompt, **{name: str(value) for name, value in fields.items()}}
            answer = client.post("/v1/videos", data=data, files={"input_reference": png()})
            assert answer.status_code == 200, answer.text
            return answer.json()
