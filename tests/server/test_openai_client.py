"""OpenAI's own client, unchanged, from a new video to its bytes."""

from __future__ import annotations

import json
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import openai
import pytest

from reasondiff.server.quotas import Quota
from reasondiff.server.service import Limits
from tests.server.fakes import story
from tests.server.harness import Running, listening, png, service

FILE = ("../../etc/passwd", png(), "image/png")


@pytest.fixture(autouse=True)
def their_own_remarks() -> Iterator[None]:
    """Their service is gone; the protocol is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def test_a_video_is_made_and_fetched(running: Running) -> None:
    client = running.openai()
    video = client.videos.create_and_poll(prompt="A cat plays.", input_reference=FILE, extra_body={"seed": 7})
    assert (video.status, video.progress, video.size, video.seconds) == ("completed", 100, "64x64", "6.6")
    assert video.object == "video" and video.prompt == "A cat plays." and video.completed_at >= video.created_at
    about = video.model_extra["reasondiff"]
    assert (about["seed"], about["anchor"], about["num_frames"]) == (7, 31, 33)
    for variant in ("video", "thumbnail", "spritesheet"):
        content = client.videos.download_content(video.id, variant=variant)
        assert content.content.startswith(variant.encode())
    assert client.videos.download_content(video.id).response.headers["content-type"] == "video/mp4"


def test_pages_hold_every_video_once_in_both_orders(idle: Running) -> None:
    made = [idle.ask(f"Number {number}.")["id"] for number in range(7)]
    client = idle.openai()
    assert [video.id for video in client.videos.list(limit=3, order="asc")] == made
    assert [video.id for video in client.videos.list(limit=3)] == made[::-1]
    page = client.videos.list(limit=3)
    assert page.has_more and page.last_id == made[-3] and page.first_id == made[-1]


def test_a_failed_video_is_an_answer_and_no_exception(running: Running) -> None:
    video = running.openai().videos.create_and_poll(prompt="fail", input_reference=FILE)
    assert video.status == "failed"
    assert (video.error.code, video.error.message) == (
        "invalid_input",
        "The prompt cannot be told; write another one.",
    )


def test_variations_keep_image_and_seed(running: Running) -> None:
    client = running.openai()
    first = client.videos.create_and_poll(prompt="A cat plays.", input_reference=FILE, seconds="4")
    assert first.model_extra["reasondiff"]["num_frames"] == 21  # of 4k+1, the nearest to 4 s of 0.2 s
    remix = client.videos.remix(first.id, prompt="A dog plays.")
    assert remix.remixed_from_video_id == first.id and remix.prompt == "A dog plays."
    assert remix.model_extra["reasondiff"]["seed"] == first.model_extra["reasondiff"]["seed"]
    assert client.videos.poll(remix.id).status == "completed"
    told = story(21, "Another.").with_anchor(4).to_dict()
    changes = {"video": {"id": first.id}, "narrative": json.dumps(told)}
    with running.http() as http:
        edited = http.post("/v1/videos/edits", json={"prompt": "Another.", **changes}).json()
        assert edited["reasondiff"]["anchor"] == 5 and edited["reasondiff"]["narrative"] == told
        form = {"prompt": "Then it rains.", "video[id]": first.id, "seconds": "2"}
        longer = http.post("/v1/videos/extensions", data=form, files={"nothing": b""}).json()
        assert longer["error"]["param"] == "nothing"
        longer = http.post("/v1/videos/extensions", data=form).json()
    clips = longer["reasondiff"]["narrative"]["clips"]
    assert clips[-1] == {"start": 22, "end": 33, "description": "Then it rains."}
    assert longer["seconds"] == "6.6" and longer["reasondiff"]["num_frames"] == 33


def test_a_deleted_video_is_gone_with_its_files(running: Running) -> None:
    client = running.openai()
    video = client.videos.create_and_poll(prompt="A cat plays.", input_reference=FILE)
    assert list((running.folder / "videos").iterdir())
    deleted = client.videos.delete(video.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (video.id, "video.deleted", True)
    with pytest.raises(openai.NotFoundError) as error:
        client.videos.retrieve(video.id)
    assert error.value.code == "video_not_found" and error.value.type == "not_found_error"
    assert not list((running.folder / "videos").iterdir())


def test_refusals_become_their_exceptions(idle: Running) -> None:
    client = idle.openai()
    with pytest.raises(openai.BadRequestError) as refused:
        client.videos.create(prompt="A cat.", input_reference=FILE, size="63x64")
    assert "give 64x64" in refused.value.message
    with pytest.raises(openai.BadRequestError) as refused:
        client.videos.create(prompt="A cat.", input_reference=FILE, extra_body={"num_frames": 34})
    assert "4k+1" in refused.value.message
    with pytest.raises(openai.NotFoundError) as missing:
        client.videos.create(prompt="A cat.", input_reference=FILE, model="sora-2")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    video = client.videos.create(prompt="A cat.", input_reference=FILE)
    with pytest.raises(openai.ConflictError) as early:
        client.videos.download_content(video.id)
    assert early.value.code == "not_ready"
    with pytest.raises(openai.BadRequestError) as refused:
        client.videos.list(limit=1000)
    assert refused.value.param == "limit"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (openai.AuthenticationError, 401, "invalid_api_key"),
        (openai.PermissionDeniedError, 403, "wrong_origin"),
        (openai.UnprocessableEntityError, 422, "idempotency_key_reused"),
        (openai.RateLimitError, 429, "rate_limit_exceeded"),
        (openai.InternalServerError, 503, "server_busy"),
    ],
)
def test_every_status_is_its_exception(
    tmp_path: Path, error: type[openai.APIStatusError], status: int, code: str
) -> None:
    limits = Limits(disk_floor=10**18 if status == 503 else 0)
    parts = service(tmp_path, quota=Quota(queued=2), limits=limits)
    key = parts.keys.add("anna")
    with listening(parts) as url:
        client = Running(url, parts, tmp_path).openai("rd-wrong" if status == 401 else key)
        headers = {"Idempotency-Key": "k"} if status == 422 else {}
        if status == 403:
            headers["Origin"] = "https://evil.example"
        with pytest.raises(error) as refused:
            for number in range(3):
                client.videos.create(prompt=f"Number {number}.", input_reference=FILE, extra_headers=headers)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert refused.value.message and refused.value.type
    parts.queue.database.close()


def test_an_answer_that_is_lost_makes_no_second_video(idle: Running) -> None:
    """The client asks again by itself, and its second request says that it is one."""
    with losing_the_first_answer(idle.url) as url:
        client = Running(url, idle.parts, idle.folder).openai(max_retries=2)
        video = client.videos.create(prompt="A cat plays.", input_reference=FILE)
    assert [job.id for job in idle.parts.queue.page("local")] == [video.id]


@contextmanager
def losing_the_first_answer(url: str) -> Iterator[str]:
    """The address of a line to a server on which the first answer gets lost."""
    host, port = url.removeprefix("http://").split(":")

    def serve(line: socket.socket) -> None:
        for lost in (True, False):
            client, _ = line.accept()
            with client, socket.create_connection((host, int(port))) as server:
                up = threading.Thread(target=pass_on, args=(client, server))
                up.start()
                first = server.recv(65536)
                if not lost:
                    client.sendall(first)
                    pass_on(server, client)
                client.shutdown(socket.SHUT_RDWR)
                up.join()

    with socket.create_server(("127.0.0.1", 0)) as line:
        thread = threading.Thread(target=serve, args=(line,))
        thread.start()
        yield f"http://127.0.0.1:{line.getsockname()[1]}"
        thread.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Until one of both hangs up."""
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


def test_the_poll_header_sets_the_pace(idle: Running) -> None:
    video = idle.ask()
    with idle.http() as http:
        plain = http.get(f"/v1/videos/{video['id']}")
        polled = http.get(f"/v1/videos/{video['id']}", headers={"X-Stainless-Poll-Helper": "true"})
    assert "openai-poll-after-ms" not in plain.headers
    assert polled.headers["openai-poll-after-ms"] == "1000"


def test_models_say_what_they_make(idle: Running) -> None:
    (model,) = idle.openai().models.list()
    assert model.id == "storyworld-tiny"
    about = model.model_extra["reasondiff"]
    assert (about["num_frames"], about["stride"], about["width"]) == (33, 4, 64)
    assert idle.openai().models.retrieve(model.id).id == model.id
