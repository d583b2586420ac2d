"""What is refused, and how: fields, images, bodies, names and origins."""

from __future__ import annotations

import base64
import json
import socket
import threading
import zlib
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from reasondiff.media import GenerationRecord, write_video
from reasondiff.server.quotas import Quota
from reasondiff.server.service import Limits
from tests.server.fakes import story
from tests.server.harness import Running, listening, png, service
from tests.server.hostile import HOSTILE, with_chunk

URL = "data:image/png;base64," + base64.b64encode(png()).decode()
FORM: dict[str, Any] = {"prompt": "A cat plays."}


def post(running: Running, data: Any = None, file: bytes | None = None, **headers: str) -> httpx2.Response:
    with running.http() as http:
        files = {"input_reference": png() if file is None else file}
        return http.post("/v1/videos", data=FORM | (data or {}), files=files, headers=headers)


def refused(answer: httpx2.Response, status: int, param: str | None = None) -> str:
    """The sentence of a refusal in OpenAI's form."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["param"] == param
    assert error["message"].endswith(".") and "\n" not in error["message"]
    return error["message"]


def kept(running: Running) -> list[Path]:
    """What the storage holds."""
    return sorted((running.folder / "videos").iterdir())


@pytest.mark.parametrize(
    ("data", "param", "word"),
    [
        ({"steps": "3"}, "steps", "no field"),
        ({"device": "cuda"}, "device", "no field"),
        ({"adapter": "/etc"}, "adapter", "no field"),
        ({"narrator_url": "http://10.0.0.1"}, "narrator_url", "no field"),
        ({"seed": "-1"}, "seed", "outside"),
        ({"seed": "1.5"}, "seed", "whole number"),
        ({"num_inference_steps": "nan"}, "num_inference_steps", "whole number"),
        ({"guidance_scale": "nan"}, "guidance_scale", "guidance"),
        ({"prompt": "x" * 4001}, "prompt", "4,001"),
        ({"prompt": "  "}, "prompt", "empty"),
        ({"narrative": "{"}, "narrative", "no JSON"),
        ({"narrative": '{"version": NaN}'}, "narrative", "no number"),
        ({"narrative": '{"clips": [], "clips": []}'}, "narrative", "twice"),
        ({"narrative": "[" * 100_000}, "narrative", "deeply"),
        ({"narrative": '{"position": 1, "clips": []}'}, "narrative", "no clips"),
        ({"narrative": '{"style": "\\ud800"}'}, "narrative", "UTF-8"),
        ({"narrative": '{"style": "\\u0000"}'}, "narrative", "null character"),
        ({"style": "a\0b"}, "style", "null character"),
        ({"seconds": "-4"}, "seconds", "positive"),
        ({"seconds": "inf"}, "seconds", "positive"),
        ({"width": "64"}, "size", "height"),
        ({"frame_images": "[]"}, "input_reference", "one image"),
        ({"use_adapter": "perhaps"}, "use_adapter", "true or false"),
        ({"webhook_url": "https://example.com"}, "webhook_url", "tells nobody"),
        ({"model": "../storyworld-tiny"}, None, ""),
    ],
)
def test_a_field_that_cannot_be_used_is_named(shared: Running, data: Any, param: str | None, word: str) -> None:
    before = kept(shared)
    answer = post(shared, data)
    if param is None:
        assert refused(answer, 404, "model")
    else:
        assert word in refused(answer, 400, param)
    assert kept(shared) == before


def test_a_video_that_is_too_large_is_refused(shared: Running) -> None:
    assert "ask for less" in refused(post(shared, {"size": "4096x4096", "num_frames": "257"}), 400, "size")


@pytest.mark.parametrize(("content", "word"), HOSTILE)
def test_a_hostile_image_gives_one_sentence(shared: Running, content: bytes, word: str) -> None:
    message = refused(post(shared, file=content), 400, "input_reference")
    assert any(each in message for each in word.split("|")), message


@pytest.mark.parametrize("chunk", [(b"zTXt", b"Comment\0\0"), (b"iCCP", b"ICC\0\0"), (b"tEXt", b"Comment\0")])
def test_what_an_image_carries_beside_its_pixels_is_not_kept(shared: Running, chunk: tuple[bytes, bytes]) -> None:
    kind, head = chunk
    text = bytes(20_000_000)
    video = post(shared, file=with_chunk(kind, head + (text if kind == b"tEXt" else zlib.compress(text)))).json()
    job = shared.parts.queue.get(video["id"])
    assert job is not None
    kept = shared.parts.storage.read(job.order.images[0])
    assert len(kept) < 20_000 and not Image.open(BytesIO(kept)).info


def test_an_image_is_kept_as_pixels_and_nothing_else(shared: Running) -> None:
    file = BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    Image.new("RGB", (20, 10), "blue").save(file, "JPEG", exif=exif)
    video = post(shared, file=file.getvalue()).json()
    job = shared.parts.queue.get(video["id"])
    assert job is not None
    kept = Image.open(BytesIO(shared.parts.storage.read(job.order.images[0])))
    assert kept.size == (10, 20) and not kept.getexif() and not kept.info


def test_json_and_forms_ask_for_the_same(shared: Running) -> None:
    told = story(33, "A cat.").to_dict()
    body = {
        "prompt": "A cat.",
        "seed": 5,
        "narrative": told,
        "size": "64x64",
        "guidance_scale": 2,
        "use_adapter": False,
    }
    with shared.http() as http:
        as_json = http.post("/v1/videos", json=body | {"input_reference": {"image_url": URL}}).json()
        form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
        as_form = http.post("/v1/videos", data=form, files={"input_reference": png()}).json()
        bracket = http.post("/v1/videos", data=form | {"input_reference[image_url]": URL}).json()
    orders = [shared.parts.queue.get(each["id"]) for each in (as_json, as_form, bracket)]
    assert len({json.dumps({**each.order.options}, sort_keys=True) for each in orders if each}) == 1
    assert [each["reasondiff"]["narrative"] for each in (as_json, as_form, bracket)] == [told] * 3
    assert [each["reasondiff"]["seed"] for each in (as_json, as_form, bracket)] == [5] * 3


def test_the_same_key_makes_one_video_however_often_it_is_sent(idle: Running) -> None:
    ids: list[str] = []

    def ask() -> None:
        ids.append(post(idle, **{"Idempotency-Key": "k"}).json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 50 and len(set(ids)) == 1
    assert len(kept(idle)) == 1
    refused(post(idle, {"prompt": "A dog."}, **{"Idempotency-Key": "k"}), 422, "Idempotency-Key")


def test_a_client_that_got_no_answer_and_asks_again_gets_the_same_video(shared: Running) -> None:
    first, again = post(shared), post(shared, **{"X-Stainless-Retry-Count": "1"})
    another = post(shared)
    assert first.json()["id"] == again.json()["id"] != another.json()["id"]


def test_a_body_that_is_too_large_is_refused_while_it_comes(tmp_path: Path) -> None:
    parts = service(tmp_path, limits=Limits(disk_floor=0, body=10_000))
    with listening(parts) as url:
        running = Running(url, parts, tmp_path)
        assert "10,000 bytes" in refused(post(running, file=b"x" * 20_000), 413)
        endless = (b"x" * 1000 for _ in range(10**6))  # 1 GB, of no length that is said before
        with running.http() as http:
            kind = {"Content-Type": "application/json"}
            with suppress(httpx2.TransportError):  # it hangs up while we talk
                refused(http.post("/v1/videos", content=endless, headers=kind), 413)
            assert http.get("/healthz").text == "ok\n"
    parts.queue.database.close()


def test_a_body_that_never_arrives_is_given_up(tmp_path: Path) -> None:
    parts = service(tmp_path, limits=Limits(disk_floor=0, upload_seconds=0.3))
    with listening(parts) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            lines = [f"Host: {host}", "Content-Type: application/json", "Content-Length: 9", "", "{"]
            slow.sendall("\r\n".join(["POST /v1/videos HTTP/1.1", *lines]).encode())
            slow.settimeout(20)
            assert slow.recv(1000).startswith(b"HTTP/1.1 408")
    parts.queue.database.close()


def test_other_names_and_other_origins_are_refused(shared: Running) -> None:
    with shared.http() as http:
        assert http.get("/v1/models", headers={"Host": "evil.example"}).status_code == 403
        assert http.get("/v1/models", headers={"Host": "localhost:1"}).status_code == 200
        video = shared.ask()
        evil = {"Origin": "https://evil.example"}
        assert http.post(f"/v1/videos/{video['id']}/cancel", headers=evil).status_code == 403
        assert http.post(f"/v1/videos/{video['id']}/cancel", headers={"Origin": "null"}).status_code == 403
        own = {"Origin": shared.url}
        assert http.post(f"/v1/videos/{video['id']}/cancel", headers=own).status_code == 200
        assert "access-control-allow-origin" not in http.get("/v1/models", headers=evil).headers


def test_answers_carry_their_headers(shared: Running) -> None:
    with shared.http() as http:
        answer = http.get("/v1/videos", headers={"X-Request-Id": "abc"})
        assert answer.headers["x-request-id"] == "abc"
        assert http.get("/v1/videos", headers={"X-Request-Id": "<b>"}).headers["x-request-id"].startswith("req_")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert refused(http.get("/v1/nothing"), 404)
        wrong = http.put(f"/v1/videos/video_{'0' * 32}")
        assert refused(wrong, 405) and wrong.headers["allow"] == "DELETE, GET, PATCH"
        assert http.options("/v1/videos/edits").headers["allow"] == "POST"  # and not what an id takes


@pytest.mark.parametrize("body", [b"\xff\xfe\xfa", b"", b"[]", b"null", b'{"prompt": NaN}', b'{"prompt": "\\ud800"}'])
@pytest.mark.parametrize("place", ["videos", "videos/edits", "videos/extensions", "videos/x/remix", "narratives"])
def test_a_body_that_is_no_json_is_said_to_be_none(shared: Running, place: str, body: bytes) -> None:
    with shared.http() as http:
        refused(http.post(f"/v1/{place}", content=body, headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("video", ["x", "%00", "..%2f..%2fetc%2fpasswd", "video_" + "g" * 32, "story_" + "0" * 32])
def test_an_id_that_is_none_is_not_there(shared: Running, video: str) -> None:
    with shared.http() as http:
        assert http.get(f"/v1/videos/{video}").status_code == 404
        assert http.get(f"/v1/videos/{video}/content").status_code == 404
        assert http.get("/v1/videos", params={"after": "a\0"}).json()["data"] == []


def test_a_full_disk_and_a_full_quota_say_when_to_come_again(tmp_path: Path) -> None:
    parts = service(tmp_path, quota=Quota(queued=1))
    with listening(parts) as url:
        running = Running(url, parts, tmp_path)
        running.ask()
        answer = post(running)
        assert "1 videos wait" in refused(answer, 429) and answer.headers["retry-after"] == "30"
    full = replace(parts, limits=Limits(disk_floor=10**18))
    with listening(full) as url:
        answer = post(Running(url, full, tmp_path))
        assert "nearly full" in refused(answer, 503) and answer.headers["retry-after"] == "10"
        with Running(url, full, tmp_path).http() as http:
            ready = http.get("/readyz")
            assert ready.status_code == 503 and ready.json()["missing"] == [
                "no worker lives",
                "the disk is nearly full",
            ]
    parts.queue.database.close()


def test_a_video_of_ours_can_be_edited_by_its_file(shared: Running, tmp_path: Path) -> None:
    told = story(9, "A cat.").to_dict()
    options = {"num_frames": 9, "size": "32x32", "num_inference_steps": 2}
    held = GenerationRecord(
        model="storyworld-tiny", prompt="A cat.", narrative=told, options=options, seed=3, threads=1, versions={},
        weights={}, image_sha256="",
    ).with_image(Image.new("RGB", (32, 32)))  # fmt: skip
    film = tmp_path / "film.mp4"
    write_video(film, np.zeros((9, 32, 32, 3), np.uint8), 5.0, held)
    with shared.http() as http:
        edited = http.post("/v1/videos/edits", data={"prompt": "A dog."}, files={"video": film.read_bytes()})
        assert edited.status_code == 200, edited.text
        assert edited.json()["reasondiff"]["seed"] == held.seed and edited.json()["size"] == "32x32"
        refused(http.post("/v1/videos/edits", data={"prompt": "A dog."}, files={"video": b"no film"}), 400, "video")
