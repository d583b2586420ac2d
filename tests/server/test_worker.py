"""A worker's job from its lease to its end, whatever becomes of it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasondiff.server.jobs import Job, NewJob
from reasondiff.server.rows import new_id
from reasondiff.server.service import Limits, Service
from tests.server.fakes import FakeMaker
from tests.server.harness import ORDER, Running, listening, png, service, working


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What the condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


def job_of(running: Running, video: dict[str, Any]) -> Job:
    job = running.parts.queue.get(video["id"])
    assert job is not None
    return job


def files(parts: Service) -> list[str]:
    root = Path(parts.storage._root)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_cancelling_a_running_video_stops_it_within_a_step(idle: Running) -> None:
    maker = FakeMaker()
    with working(idle.parts, idle.folder, maker):
        video = idle.ask("slow")
        until(lambda: job_of(idle, video).step)
        with idle.http() as http:
            answer = http.post(f"/v1/videos/{video['id']}/cancel").json()
        assert (answer["status"], answer["error"]["code"]) == ("failed", "cancelled")
        until(lambda: maker.stopped == [video["id"]], 3)
        assert idle.ask("next")
        until(lambda: maker.made)
    assert job_of(idle, video).error["code"] == "cancelled"
    assert not list((idle.folder / "work").iterdir())


def test_a_running_video_that_is_deleted_leaves_no_file(idle: Running) -> None:
    maker = FakeMaker()
    with working(idle.parts, idle.folder, maker):
        video = idle.ask("slow")
        until(lambda: job_of(idle, video).step)
        with idle.http() as http:
            assert http.delete(f"/v1/videos/{video['id']}").json()["deleted"]
        until(lambda: maker.stopped, 3)
    assert files(idle.parts) == []


def test_a_worker_that_is_asked_to_end_gives_its_job_back(idle: Running) -> None:
    with working(idle.parts, idle.folder):
        video = idle.ask("slow")
        until(lambda: job_of(idle, video).step)
    back = job_of(idle, video)
    assert (back.status, back.attempts, back.step) == ("queued", 0, None)
    assert idle.parts.queue.living_workers() == 0
    # The story was told, and stays.
    assert back.narrative is not None


def test_a_fault_of_ours_ends_the_worker_and_is_tried_three_times(idle: Running) -> None:
    video = idle.ask("break")
    for attempt in range(3):
        with working(idle.parts, idle.folder, name=f"w{attempt}") as worker:
            until(lambda: worker.broken)
    failed = job_of(idle, video)
    assert (failed.status, failed.attempts, failed.error["code"]) == ("failed", 3, "server_error")
    assert "fault of ours" not in failed.error["message"]


def test_a_full_disk_fails_that_video_only(idle: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = idle.parts.storage.put_file

    def full(name: str, file: Path) -> None:
        if "one" in file.read_text(errors="replace"):
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(name, file)

    monkeypatch.setattr(idle.parts.storage, "put_file", full)
    with working(idle.parts, idle.folder):
        one, two = idle.ask("one"), idle.ask("two")
        until(lambda: job_of(idle, two).status == "completed")
    assert job_of(idle, one).error["code"] == "storage_full"


def test_a_video_is_kept_as_long_as_the_server_says_whoever_makes_it(tmp_path: Path) -> None:
    parts = service(tmp_path, limits=Limits(disk_floor=0, keep_days=2))
    with listening(parts) as url, working(parts, tmp_path):
        running = Running(url, parts, tmp_path)
        video = running.ask()
        done = until(lambda: (job := job_of(running, video)).status == "completed" and job)
    assert done.expires_at - done.completed_at == pytest.approx(2 * 24 * 3600)
    parts.queue.database.close()


def test_attempts_that_did_not_end_leave_nothing(idle: Running) -> None:
    video = idle.ask()
    idle.parts.storage.put(f"{video['id']}/{'0' * 32}/video.mp4", b"half")
    with working(idle.parts, idle.folder):
        until(lambda: job_of(idle, video).status == "completed")
        until(lambda: not any("0" * 32 in name for name in files(idle.parts)))
    assert len(files(idle.parts)) == 8  # the image, the story as it was told, and what was made of them


def test_the_second_attempt_makes_the_same_video(tmp_path: Path) -> None:
    """Whatever the narrator would say the second time, seed and story belong to the job."""
    parts = service(tmp_path)
    queue, made = parts.queue, []
    for interrupted in (False, True):
        job_id = new_id("video")
        parts.storage.put(f"{job_id}/input.png", png())
        order = replace(ORDER, images=(f"{job_id}/input.png",))
        queue.add(NewJob(id=job_id, owner="a", model="storyworld-tiny", order=order, seed=4))
        if interrupted:
            with working(parts, tmp_path, FakeMaker(seconds=0.5)):
                until(lambda: (queue.get(job_id) or pytest.fail()).narrative)  # noqa: B023
        with working(parts, tmp_path):
            done = until(lambda: (job := queue.get(job_id)) and job.status == "completed" and job)  # noqa: B023
        made.append(parts.storage.read(done.artifacts["video"]))
    assert made[0] == made[1]
