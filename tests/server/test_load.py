"""Many requests and many listeners: what a server takes for them, it gives back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from reasondiff.server.queue import JobQueue
from reasondiff.server.tables import open_database
from tests.server.harness import png
from tests.server.hostile import HOSTILE
from tests.server.processes import free_port, start

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

CONNECTIONS = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int, JobQueue]]:
    """A server process without a worker: its address, its number, and its queue."""
    database, port = f"sqlite:///{tmp_path}/queue.db", free_port()
    process = start("server", tmp_path, database, port)
    queue = JobQueue(open_database(database))
    try:
        assert process.pid is not None
        yield f"http://127.0.0.1:{port}", process.pid, queue
    finally:
        queue.database.close()
        process.kill()
        process.join()


def memory(number: int, which: str = "VmRSS") -> float:
    """Of a process, in MB: what is resident, or as VmHWM the most that ever was."""
    found = re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{number}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def client(url: str, connections: int) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx2.AsyncClient(base_url=url, limits=limits, timeout=120)


async def begun(http: httpx2.AsyncClient) -> None:
    for _ in range(600):
        try:
            await http.get("/healthz")
            return
        except httpx2.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("The server does not answer.")


def test_ten_thousand_requests_leave_nothing(server: tuple[str, int, JobQueue]) -> None:
    """A server warms up: threads, connections, compiled statements. What it holds then, it holds 10,000 requests on."""
    url, number, _ = server

    async def measure() -> list[float]:
        async with client(url, CONNECTIONS) as http:
            await begun(http)
            form = {"prompt": "A cat plays."}
            asked = [await http.post("/v1/videos", data=form, files={"input_reference": png()}) for _ in range(100)]
            ids = [each.json()["id"] for each in asked]

            async def poll(count: int) -> None:
                numbers = iter(range(count))

                async def one() -> None:
                    for each in numbers:
                        of_a_video = f"/v1/videos/{ids[each % 100]}"
                        places = (of_a_video, "/v1/videos?limit=20", of_a_video, f"{of_a_video}0", of_a_video)
                        answer = await http.get(places[each % 5])
                        assert answer.status_code == (404 if each % 5 == 3 else 200)

                await asyncio.gather(*(one() for _ in range(CONNECTIONS)))

            sizes = []
            for count in (2_500, 5_000, 5_000):
                await poll(count)
                sizes.append(memory(number))
            return sizes

    warm, half, whole = asyncio.run(measure())
    print(f"{warm:.1f} MB when warm, {half:.1f} after 5,000 requests more, {whole:.1f} after 10,000")
    assert whole - half < 2 and whole - warm < 8


def test_images_that_claim_much_take_little(server: tuple[str, int, JobQueue]) -> None:
    url, number, _ = server

    async def measure() -> set[int]:
        async with client(url, CONNECTIONS) as http:
            await begun(http)
            asked = [
                http.post("/v1/videos", data={"prompt": "A cat."}, files={"input_reference": content})
                for content, _ in 3 * HOSTILE
            ]
            return {answer.status_code for answer in await asyncio.gather(*asked)}

    assert asyncio.run(measure()) == {400}
    print(f"{memory(number, 'VmHWM'):.0f} MB at most")
    assert memory(number, "VmHWM") < 500


def test_two_hundred_listeners_cost_little_and_all_are_told(server: tuple[str, int, JobQueue]) -> None:
    url, number, queue = server

    async def measure() -> tuple[float, float, list[str]]:
        async with client(url, 250) as http, AsyncExitStack() as stack:
            await begun(http)
            asked = await http.post("/v1/videos", data={"prompt": "A cat."}, files={"input_reference": png()})
            video = asked.json()["id"]
            for _ in range(50):
                await http.get(f"/v1/videos/{video}")
            before = memory(number)
            place = f"/v1/videos/{video}/events"
            streams = [await stack.enter_async_context(http.stream("GET", place)) for _ in range(200)]
            lines = [each.aiter_lines() for each in streams]

            async def until(each: AsyncIterator[str], text: str) -> str:
                async for line in each:
                    if text in line:
                        return line
                raise AssertionError("The stream ended.")

            await asyncio.gather(*(until(each, '"queued"') for each in lines))
            during = memory(number)
            queue.cancel(video, "local")
            said = await asyncio.gather(*(until(each, '"failed"') for each in lines))
            return before, during, list(said)

    before, during, said = asyncio.run(measure())
    print(f"{before:.1f} MB before, {during:.1f} MB with 200 listeners")
    assert len(said) == 200 and during - before < 100
