"""A hundred SIGKILLs over two hundred jobs: none lost, none done twice, and every video is what it would have been.

REASONDIFF_KILLS=10 does the same with ten kills over twenty jobs.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from reasondiff.server.jobs import OVER, Job
from reasondiff.server.queue import JobQueue
from reasondiff.server.storage import Storage
from reasondiff.server.tables import jobs, open_database
from tests.server import processes
from tests.server.fakes import story
from tests.server.harness import png
from tests.server.postgres import postgres
from tests.server.processes import free_port, start

KILLS = int(os.environ.get("REASONDIFF_KILLS", "100"))
JOBS, WORKERS, STEP = 2 * KILLS, 3, 0.1

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]  # processes are started through a Unix socket


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/queue.db"
    else:
        with postgres(tmp_path) as url:
            yield url


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However a test ends, its processes do."""
    started: list[ForkServerProcess] = []

    def noted(*arguments: object, **options: object) -> ForkServerProcess:
        started.append(processes.start(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(f"{__name__}.start", noted)
    yield
    for process in started:
        process.kill()
        process.join()


def ask(port: int, number: int) -> str:
    """Ask until there is an answer, as a client does whose server dies under it."""
    data = {"prompt": f"Number {number}.", "seed": str(number)}
    headers = {"Idempotency-Key": f"job {number}"}
    while True:
        try:
            with httpx2.Client(timeout=20) as http:
                address = f"http://127.0.0.1:{port}/v1/videos"
                answer = http.post(address, data=data, files={"input_reference": png()}, headers=headers)
            if answer.status_code == 200:
                return str(answer.json()["id"])
        except httpx2.TransportError:
            pass
        time.sleep(0.2)


def expected(number: int, image: bytes) -> bytes:
    """The video that a maker makes whom nobody kills."""
    told = [f"Number {number}.", number, story(33, f"Number {number}.").to_dict(), hashlib.sha256(image).hexdigest()]
    return f"video {json.dumps(told, sort_keys=True)}".encode()


def test_nothing_is_lost_and_nothing_is_done_twice(database: str, tmp_path: Path) -> None:
    port, draw = free_port(), random.Random(0)
    kinds = ["server", *["worker"] * WORKERS]
    living = [start(kind, tmp_path, database, port, seconds=STEP) for kind in kinds]
    ids: dict[int, str] = {}

    def fill() -> None:
        for number in range(JOBS):
            ids[number] = ask(port, number)

    client = threading.Thread(target=fill)
    client.start()
    while not ids:
        time.sleep(0.1)
    queue, killed = JobQueue(open_database(database)), Counter[str]()
    for kill in range(KILLS):
        time.sleep(draw.uniform(0.0, 0.3))
        victims = {0} if kill % 5 == 0 else set()  # the server, and sometimes both
        if kill % 5 or kill % 10 == 0:
            victims.add(draw.choice(busy(queue, living)))
        for victim in victims:
            living[victim].kill()
            living[victim].join()
            living[victim] = start(kinds[victim], tmp_path, database, port, seconds=STEP)
        killed["both" if len(victims) == 2 else kinds[victims.pop()]] += 1
    client.join()
    deadline = time.monotonic() + 1800
    while any(status not in OVER for (_, status) in queue.counts()):
        assert time.monotonic() < deadline, queue.counts()
        time.sleep(0.5)
    storage = Storage(f"{tmp_path}/videos")
    found = {number: job for number, job_id in ids.items() if (job := queue.get(job_id)) is not None}
    ends = [
        sum(event.changes.get("status") == "completed" for event in queue.events(job.id, -1)) for job in found.values()
    ]
    other = [
        number for number, job in found.items()
        if "video" in job.artifacts
        and storage.read(job.artifacts["video"]) != expected(number, storage.read(job.order.images[0]))
    ]  # fmt: skip
    lost, doubled = ends.count(0) + JOBS - len(found), sum(count > 1 for count in ends)
    attempts = [job.attempts for job in found.values()]
    print(
        f"{queue.database.engine.dialect.name}: SIGKILLs of a worker {killed['worker']}, the server "
        f"{killed['server']}, both at once {killed['both']}; {JOBS} jobs, {sum(attempts)} attempts, "
        f"{sum(count > 1 for count in attempts)} jobs made again, at most {max(attempts)} times; "
        f"{lost} lost, {doubled} doubled, {len(other)} other bytes."
    )
    assert queue.counts() == {("video", "completed"): JOBS}
    assert len(set(ids.values())) == JOBS
    assert (lost, doubled, other) == (0, 0, [])
    assert sum(attempts) > JOBS  # some of them died at work
    end(living, queue)


def test_a_worker_that_slept_past_its_lease_writes_nothing(database: str, tmp_path: Path) -> None:
    port = free_port()
    server = start("server", tmp_path, database, port)
    first = start("worker", tmp_path, database, port, seconds=1)
    job_id, queue = ask(port, 1), JobQueue(open_database(database))
    wait_for(queue, job_id, lambda job: job.step)
    os.kill(first.pid, signal.SIGSTOP)
    second = start("worker", tmp_path, database, port)
    done = wait_for(queue, job_id, lambda job: job.status == "completed")
    assert done.attempts == 2 and f":{second.pid}:" in done.worker
    os.kill(first.pid, signal.SIGCONT)
    first.terminate()
    first.join()
    assert first.exitcode == 0
    assert queue.get(job_id) == done
    assert Storage(f"{tmp_path}/videos").read(done.artifacts["video"]).startswith(b"video")
    end([server, second], queue)


def test_a_job_that_kills_its_worker_stops_after_three(database: str, tmp_path: Path) -> None:
    port = free_port()
    server = start("server", tmp_path, database, port)
    good, queue = ask(port, 0), JobQueue(open_database(database))
    with httpx2.Client(timeout=20) as http:
        address = f"http://127.0.0.1:{port}/v1/videos"
        bad = http.post(address, data={"prompt": "die"}, files={"input_reference": png()}).json()["id"]
    workers = [start("worker", tmp_path, database, port, attempts=3)]

    def over(job: Job) -> bool:
        if workers[-1].exitcode is not None:
            workers.append(start("worker", tmp_path, database, port, attempts=3))
        return job.status in OVER

    failed = wait_for(queue, bad, over)
    assert (failed.attempts, failed.error["code"]) == (3, "worker_lost")
    assert wait_for(queue, good, over).status == "completed"
    assert [worker.exitcode for worker in workers[:3]] == [-signal.SIGKILL] * 3
    end([server, *workers[3:]], queue)


def busy(queue: JobQueue, living: list[ForkServerProcess]) -> list[int]:
    """The workers that have a job, by their place among the processes; any of them where none has."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        query = sa.select(jobs.c.worker).where(jobs.c.status == "in_progress")
        with queue.database.reading() as connection:
            numbers = {int(name.split(":")[-2]) for name in connection.execute(query).scalars()}
        if found := [place for place, process in enumerate(living) if place and process.pid in numbers]:
            return found
        time.sleep(0.02)
    return list(range(1, len(living)))


def wait_for(queue: JobQueue, job_id: str, condition: Callable[[Job], object]) -> Job:
    """The job as soon as the condition is true of it."""
    deadline = time.monotonic() + 600
    while True:
        job = queue.get(job_id)
        assert job is not None and time.monotonic() < deadline
        if condition(job):
            return job
        time.sleep(0.05)


def end(processes: Iterable[ForkServerProcess], queue: JobQueue) -> None:
    """End them all."""
    for process in processes:
        process.terminate()
        process.join()
    queue.database.close()
