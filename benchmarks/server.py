"""What a full queue costs whoever polls it: the API beside a bare FastAPI route, in one run.

    python -m benchmarks.server [--jobs 1000] [--pollers 50] [--requests 2500] [--growth 10000]

A server process holds the queue; this process polls it with so many connections at once. The bare route answers a
constant, so its time is that of uvicorn, FastAPI, the loopback and the poller itself. Ratios are what counts: the
milliseconds are those of a machine that does other things, too.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import httpx2


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--pollers", type=int, default=50)
    parser.add_argument("--requests", type=int, default=2_500, help="of each route")
    parser.add_argument("--growth", type=int, default=10_000, help="requests between two looks at the memory")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (url, pid):
        asyncio.run(measure(url, pid, options.jobs, options.pollers, options.requests, options.growth))


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """A server in a process of its own: its address, and its number."""
    command = [sys.executable, "-m", "benchmarks.server", "--serve", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.terminate()
        process.wait()


def serve(folder: Path) -> None:
    """What that process does."""
    import uvicorn

    from reasondiff.jobs.request import VideoRequest
    from reasondiff.server.api.app import create_app
    from reasondiff.server.keys import Keys
    from reasondiff.server.queue import JobQueue
    from reasondiff.server.quotas import Quota
    from reasondiff.server.served import Served
    from reasondiff.server.service import Limits, Service
    from reasondiff.server.storage import Storage
    from reasondiff.server.tables import open_database
    from reasondiff.web.listening import listen

    database = open_database(f"sqlite:///{folder}/queue.db")
    served = Served.of(VideoRequest(image=Path()))
    service = Service(
        served={served.name: served}, queue=JobQueue(database), storage=Storage(f"{folder}/videos"),
        keys=Keys(database), quota=Quota(queued=None), limits=Limits(disk_floor=0),
    )  # fmt: skip
    app = create_app(service)

    @app.get("/bare")
    def bare() -> dict[str, str]:
        return {"object": "video"}

    app.router.routes.insert(0, app.router.routes.pop())  # before the studio, which answers everything else
    listener = listen("127.0.0.1", 0)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


async def measure(url: str, pid: int, jobs: int, pollers: int, requests: int, growth: int) -> None:
    """Fill the queue, poll it, and look at the memory."""
    limits = httpx2.Limits(max_connections=pollers, max_keepalive_connections=pollers, keepalive_expiry=2)
    async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=120) as client:
        image = picture()
        creating: list[float] = []

        async def create(number: int) -> str:
            since = time.perf_counter()
            form = {"prompt": f"Number {number}."}
            answer = await client.post("/v1/videos", data=form, files={"input_reference": image})
            creating.append(time.perf_counter() - since)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["id"])

        ids = [await create(number) for number in range(jobs)]
        print(f"{jobs} videos wait, {pollers} connections poll; p50 and p99 in ms.")
        print(f"create, one at a time, {len(image) / 1e6:.1f} MB: {show(creating)}")
        bare, _ = await poll(client, lambda number: "/bare", requests, pollers)
        print(f"bare route: {show(bare)}")
        routes: dict[str, Callable[[int], str]] = {
            "retrieve": lambda number: f"/v1/videos/{ids[number % jobs]}",
            "list of 20": lambda number: "/v1/videos?limit=20",
        }
        for name, place in routes.items():
            spent, faults = await poll(client, place, requests, pollers)
            ratio = percentile(spent, 99) / percentile(bare, 99)
            print(f"{name}: {show(spent)}; p99 is {ratio:.1f} times the bare route's; {faults} answers of 5xx")
        cancelling = [await timed(client.post(f"/v1/videos/{each}/cancel")) for each in ids[: min(jobs, 100)]]
        print(f"cancel one that waits, one at a time: {show(cancelling)}")
        sizes = [memory(pid)]
        for _ in range(2):
            await poll(
                client, lambda number: routes["list of 20" if number % 4 else "retrieve"](number), growth, pollers
            )
            sizes.append(memory(pid))
        print(
            f"memory of the server in MB: {sizes[0]} now, {sizes[1]} after {growth} requests more, "
            f"{sizes[2]} after {2 * growth}"
        )


async def timed(request: Awaitable[httpx2.Response]) -> float:
    """Seconds until it is answered well."""
    since = time.perf_counter()
    answer = await request
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - since


async def poll(
    client: httpx2.AsyncClient, place: Callable[[int], str], requests: int, pollers: int
) -> tuple[list[float], int]:
    """Seconds of each request, and the faults among the answers."""
    spent: list[float] = []
    faults, numbers = 0, iter(range(requests))

    async def one() -> None:
        nonlocal faults
        for number in numbers:
            since = time.perf_counter()
            answer = await client.get(place(number))
            spent.append(time.perf_counter() - since)
            faults += answer.status_code >= 500

    await asyncio.gather(*(one() for _ in range(pollers)))
    return spent, faults


def percentile(seconds: list[float], wanted: int) -> float:
    """Of all, so many per cent take no longer."""
    return quantiles(seconds, n=100)[wanted - 1]


def show(seconds: list[float]) -> str:
    """The median and the 99th percentile in milliseconds."""
    return f"{1000 * percentile(seconds, 50):.1f}, {1000 * percentile(seconds, 99):.1f}"


def picture() -> bytes:
    """A PNG of about 2 MB."""
    from io import BytesIO

    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (830, 830, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def memory(pid: int) -> int:
    """Resident, in MB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


if __name__ == "__main__":
    main()
