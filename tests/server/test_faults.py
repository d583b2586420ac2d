"""What a machine and its clients do to a server: a full disk, a locked database, clients that vanish."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from reasondiff.server.keys import NOBODY
from reasondiff.server.service import Limits
from reasondiff.server.storage import Storage
from tests.server.fakes import FakeMaker
from tests.server.harness import Running, listening, png, service, working


def until(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def post(running: Running, prompt: str = "A cat plays.") -> httpx2.Response:
    with running.http() as http:
        return http.post("/v1/videos", data={"prompt": prompt}, files={"input_reference": png()})


@contextmanager
def locked(running: Running) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    other = sqlite3.connect(running.folder / "queue.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server that waits for half a second where others wait for 30."""
    monkeypatch.setattr("reasondiff.web.database.BUSY_SECONDS", 0.5)
    parts = service(tmp_path)
    with listening(parts) as url:
        yield Running(url, parts, tmp_path)
    parts.queue.database.close()


def test_a_locked_database_says_when_to_come_again_and_is_still_read(impatient: Running) -> None:
    video = impatient.ask()
    with locked(impatient):
        answer = post(impatient)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "10"
        assert answer.json()["error"]["type"] == "server_error"
        with impatient.http() as http:
            assert http.get(f"/v1/videos/{video['id']}").json()["status"] == "queued"
    assert post(impatient).status_code == 200
    assert len(impatient.parts.queue.page(NOBODY)) == 2  # of the refused request nothing is left
    assert len(list((impatient.folder / "videos").iterdir())) == 2


def test_a_request_waits_for_a_database_that_is_locked_for_a_moment(idle: Running) -> None:
    answers: list[httpx2.Response] = []
    client = threading.Thread(target=lambda: answers.append(post(idle)))
    with locked(idle):
        client.start()
        time.sleep(0.3)
        assert not answers
    client.join()
    assert answers[0].status_code == 200


def test_a_worker_outlives_a_locked_database(impatient: Running) -> None:
    video = impatient.ask()["id"]
    with working(impatient.parts, impatient.folder, FakeMaker(0.3)):
        until(lambda: impatient.parts.queue.get(video).step)
        with locked(impatient):
            time.sleep(1.5)
        until(lambda: impatient.parts.queue.get(video).status == "completed")


def test_an_upload_that_the_disk_does_not_take_is_refused_and_leaves_nothing(
    idle: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(name: str, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(idle.parts.storage, "put", full)
        answer = post(idle)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "10"
    assert idle.parts.queue.page(NOBODY) == [] and not list((idle.folder / "videos").iterdir())
    assert post(idle).status_code == 200


def test_a_client_that_vanishes_in_its_upload_leaves_nothing(idle: Running) -> None:
    host, port = idle.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/videos HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{{"
    )
    for _ in range(20):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(head.encode())
    assert post(idle).status_code == 200
    assert len(idle.parts.queue.page(NOBODY)) == 1 and len(list((idle.folder / "videos").iterdir())) == 1


def test_a_story_that_nobody_waits_for_any_more_is_forgotten(idle: Running) -> None:
    with idle.http() as http, pytest.raises(httpx2.TimeoutException):
        http.post("/v1/narratives", data={"prompt": "A cat."}, files={"image": png()}, timeout=1)
    until(lambda: not idle.parts.queue.page(NOBODY, kind="story"))
    until(lambda: not list((idle.folder / "videos").iterdir()))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.server
def test_a_disk_that_is_really_full_fails_what_does_not_fit_and_recovers(tmp_path: Path, small_disk: Path) -> None:
    parts = replace(service(tmp_path), storage=Storage(str(small_disk / "videos")), limits=Limits(disk_floor=0))
    with listening(parts) as url:
        running = Running(url, parts, tmp_path)
        waiting = running.ask("one")["id"]
        filler = small_disk / "filler"
        with pytest.raises(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        assert post(running).status_code == 503
        with working(parts, tmp_path):
            until(lambda: parts.queue.get(waiting).status == "failed")
            assert parts.queue.get(waiting).error["code"] == "storage_full"
            filler.unlink()
            after = running.ask("two")["id"]
            until(lambda: parts.queue.get(after).status == "completed")
    with sqlite3.connect(tmp_path / "queue.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not list(small_disk.rglob("*.part"))
    parts.queue.database.close()
