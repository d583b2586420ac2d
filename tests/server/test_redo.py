"""One clip of a finished video again, asked for over HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest

from reasondiff.server.jobs import Job
from tests.server.harness import Running


def edit(running: Running, parent: str, **body: Any) -> httpx2.Response:
    with running.http() as http:
        return http.post("/v1/videos/edits", json={"video": {"id": parent}, **body})


def finished(running: Running, video: str) -> Job:
    """The job as soon as it is over."""
    for _ in range(1000):
        job = running.parts.queue.get(video)
        assert job is not None
        if job.status in ("completed", "failed"):
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def test_a_clip_is_made_again_of_the_video_as_it_is(running: Running) -> None:
    parent = finished(running, running.ask("A cat plays.", seed=7)["id"])
    answer = edit(running, parent.id, clip=2, prompt="A dog comes.").json()
    told = [clip["description"] for clip in answer["reasondiff"]["narrative"]["clips"]]
    before = [clip["description"] for clip in parent.narrative["clips"]]
    assert told == [before[0], "A dog comes."]
    assert answer["remixed_from_video_id"] == parent.id and answer["prompt"] == "A cat plays."
    assert answer["reasondiff"]["seed"] == 7  # other words with the same noise
    again = edit(running, parent.id, clip=2).json()
    assert again["reasondiff"]["seed"] == 8  # the same words with other noise
    assert again["reasondiff"]["narrative"]["clips"][1]["description"] == before[1]
    with running.http() as http:
        http.delete(f"/v1/videos/{parent.id}")  # what it was is not needed any more
    made = finished(running, answer["id"])
    content = running.parts.storage.read(made.artifacts["video"]).removeprefix(b"video ")
    clip, film = json.loads(content)[-2:]
    assert clip == 2 and film.startswith('video ["A cat plays.", 7,')
    assert finished(running, again["id"]).status == "completed"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"clip": 3}, 400, "has 2"),
        ({"clip": 0}, 400, "no clip 0"),
        ({"clip": "two"}, 400, "whole number"),
        ({"clip": 1, "narrative": {}}, 400, "or 'clip'"),
        ({"clip": 1, "video": "video_" + "0" * 32}, 404, "no such video"),
        ({"clip": 1, "video": None}, 400, "its id"),
    ],
)
def test_a_clip_that_cannot_be_made_again_is_refused(running: Running, body: Any, status: int, word: str) -> None:
    video = finished(running, running.ask()["id"])
    answer = edit(running, video.id, **body)
    assert answer.status_code == status and word in answer.json()["error"]["message"], answer.text


def test_a_video_that_is_not_done_has_no_clip_to_make_again(shared: Running) -> None:
    answer = edit(shared, shared.ask()["id"], clip=1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_ready")
