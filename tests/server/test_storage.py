"""Files by name, whole or not at all, here and elsewhere."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from reasondiff.server.jobs import OVER, NewJob
from reasondiff.server.keeper import sweep
from reasondiff.server.rows import new_id
from reasondiff.server.storage import Storage
from reasondiff.server.tables import events, jobs
from tests.server.harness import ORDER, Running, listening, png, service, working

ID = "video_" + "0" * 32


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return Storage(str(tmp_path) if request.param == "folder" else f"memory://{tmp_path.name}")


def test_what_is_put_is_read(storage: Storage, tmp_path: Path) -> None:
    storage.put(f"{ID}/input.png", b"one")
    file = tmp_path / "source"
    file.write_bytes(b"two" * 1000)
    storage.put_file(f"{ID}/{'a' * 32}/video.mp4", file)
    assert storage.read(f"{ID}/input.png") == b"one"
    assert b"".join(storage.chunks(f"{ID}/{'a' * 32}/video.mp4", 100)) == b"two" * 1000
    assert list(storage.folders()) == [ID]
    assert storage.subfolders(ID) == [f"{ID}/{'a' * 32}"]
    storage.delete(f"{ID}/{'a' * 32}")
    assert storage.subfolders(ID) == []
    storage.delete(ID)
    storage.delete(ID)
    assert storage.folders() == {} and storage.subfolders(ID) == []


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", f"{ID}/../../x", f"{ID}/.hidden", "video_0/x", f"{ID}/a b", ""]
)
def test_no_name_but_ours_is_taken(storage: Storage, name: str) -> None:
    for use in (storage.read, storage.delete, lambda each: storage.put(each, b"")):
        with pytest.raises(ValueError, match="no name of ours"):
            use(name)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "videos"))
    storage.put(f"{ID}/input.png", b"old")
    with pytest.raises(FileNotFoundError):
        storage.put_file(f"{ID}/input.png", tmp_path / "missing")
    assert storage.read(f"{ID}/input.png") == b"old"
    assert [path.name for path in (tmp_path / "videos" / ID).iterdir()] == ["input.png"]


def test_a_sweep_removes_what_no_job_names_and_nothing_else(tmp_path: Path) -> None:
    parts = service(tmp_path)
    kept, orphan, fresh = (new_id("video") for _ in range(3))
    parts.queue.add(NewJob(id=kept, owner="a", model="m", order=replace(ORDER, keep_days=-1), seed=0))
    for name in (kept, orphan, fresh):
        parts.storage.put(f"{name}/input.png", b"x")
    (tmp_path / "videos" / "somebody else's").mkdir()
    for name in (kept, orphan, "somebody else's"):
        os.utime(tmp_path / "videos" / name, (1, 1))
    assert sweep(parts) == [orphan]
    assert {path.name for path in (tmp_path / "videos").iterdir()} == {kept, fresh, "somebody else's"}
    parts.queue.cancel(kept, "a")
    parts.queue.database.close()


def test_of_videos_that_are_deleted_or_expired_nothing_is_left(running: Running) -> None:
    parts, kept = running.parts, []
    for prompt in ("deleted", "expired", "fail", "kept"):
        video = running.ask(prompt)["id"]
        while parts.queue.get(video).status not in OVER:
            time.sleep(0.02)
        kept.append(video)
    deleted, *old, last = kept
    with running.http() as http:
        http.delete(f"/v1/videos/{deleted}")
    with parts.queue.database.writing() as connection:
        connection.execute(jobs.update().where(jobs.c.id.in_(old)).values(expires_at=1.0))
    assert set(sweep(parts)) == set(old)
    assert {path.name for path in (running.folder / "videos").iterdir()} == {last}
    with parts.queue.database.reading() as connection:
        for column in (jobs.c.id, events.c.job_id):
            assert set(connection.execute(sa.select(column)).scalars()) == {last}


def test_a_copy_that_was_made_while_it_served_serves(running: Running, tmp_path: Path) -> None:
    video = running.ask("slow")["id"]  # somebody writes all the time
    with sqlite3.connect(tmp_path / "queue.db") as source, sqlite3.connect(tmp_path / "copy.db") as copy:
        source.backup(copy)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    source.close(), copy.close()
    restored = service(tmp_path, url=f"sqlite:///{tmp_path}/copy.db")
    with listening(restored) as url, Running(url, restored, tmp_path).http() as http:
        assert [each["id"] for each in http.get("/v1/videos").json()["data"]] == [video]
    restored.queue.database.close()
    running.parts.queue.cancel(video, "local")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_video_is_made_kept_and_deleted_where_no_folder_is(tmp_path: Path) -> None:
    parts = replace(service(tmp_path), storage=Storage(f"memory://{tmp_path.name}"))
    with listening(parts) as url, working(parts, tmp_path):
        running = Running(url, parts, tmp_path)
        client = running.openai()
        video = client.videos.create_and_poll(prompt="A cat.", input_reference=("x", png()))
        assert video.status == "completed"
        for variant in ("video", "thumbnail", "spritesheet"):
            assert client.videos.download_content(video.id, variant=variant).content.startswith(variant.encode())
        again = client.videos.remix(video.id, prompt="A dog.")  # reads the image from there
        assert client.videos.poll(again.id).status == "completed"
        client.videos.delete(video.id)
        assert set(parts.storage.folders()) == {again.id}
    assert not list((tmp_path / "videos").iterdir())
    parts.queue.database.close()
