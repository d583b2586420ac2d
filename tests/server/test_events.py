"""A video's events: all of them, once, however often the connection breaks."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests.server.fakes import FakeMaker
from tests.server.harness import Running, png, working


def read(answer: httpx2.Response) -> Iterator[tuple[int, dict[str, Any]]]:
    number = -1
    for line in answer.iter_lines():
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])


@contextmanager
def events(running: Running, video: str, after: int | None = None) -> Iterator[Iterator[tuple[int, dict[str, Any]]]]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with running.http() as http, http.stream("GET", f"/v1/videos/{video}/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield read(answer)


def test_events_lead_from_the_queue_to_the_end(idle: Running) -> None:
    video = idle.ask()["id"]
    with events(idle, video) as stream:
        number, first = next(stream)
        assert (number, first["status"], first["reasondiff"]["queue_position"]) == (0, "queued", 0)
        with working(idle.parts, idle.folder, FakeMaker(0.6)):
            rest = list(stream)
    numbers = [number for number, _ in rest]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [each["status"] for _, each in rest][-1] == "completed" and rest[-1][1]["progress"] == 100
    progress = [each["progress"] for _, each in rest]
    assert progress == sorted(progress) and len(set(progress)) > 3
    assert any(each["reasondiff"]["narrative"] for _, each in rest[:-1])


def test_a_broken_stream_is_taken_up_without_gap_or_double(idle: Running) -> None:
    video, seen, rng = idle.ask()["id"], [], random.Random(5)
    with working(idle.parts, idle.folder, FakeMaker(0.4)):
        last, status = None, ""
        while status != "completed":
            with events(idle, video, last) as stream:  # some events, then the connection breaks
                for (last, each), _ in zip(stream, range(rng.randint(1, 3)), strict=False):
                    seen.append(last)
                    status = each["status"]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    with events(idle, video, 0) as stream:
        again = list(stream)
    assert [number for number, _ in again] == list(range(1, seen[-1] + 1))
    assert again[0][1]["status"] == "in_progress" and again[-1][1]["status"] == "completed"


def test_whoever_has_seen_the_end_is_told_not_to_come_again(running: Running) -> None:
    video = running.ask("fail")["id"]
    with events(running, video) as stream:
        number, last = list(stream)[-1]
    assert last["status"] == "failed"
    with running.http() as http:
        place = f"/v1/videos/{video}/events"
        assert http.get(place, headers={"Last-Event-ID": str(number)}).status_code == 204
        assert http.get(place, headers={"Last-Event-ID": "x"}).status_code == 400


def test_a_stream_ends_with_its_video(idle: Running) -> None:
    video = idle.ask()["id"]
    with events(idle, video) as stream, idle.http() as http:
        next(stream)
        http.delete(f"/v1/videos/{video}")
        assert list(stream) == []


def test_a_story_is_waited_for(running: Running) -> None:
    with running.http() as http:
        data, files = {"prompt": "A cat plays."}, {"image": png()}
        told = http.post("/v1/narratives", data=data, files=files).json()
        assert told["narrative"]["position"] == 31 and told["candidates"][0]["position"] == 1
        shorter = http.post("/v1/narratives", data=data | {"num_frames": "17"}, files=files).json()
        assert shorter["narrative"]["num_frames"] == 17
        assert http.get("/v1/videos").json()["data"] == []
    assert not list((running.folder / "videos").iterdir())


def test_one_clip_is_told_again(running: Running) -> None:
    with running.http() as http:
        data, files = {"prompt": "A cat plays."}, {"image": png()}
        story = http.post("/v1/narratives", data=data, files=files).json()["narrative"]
        again = data | {"narrative": json.dumps(story), "clip": "2"}
        told = http.post("/v1/narratives", data=again, files=files).json()["narrative"]
        assert [clip["description"] for clip in told["clips"]] == [story["clips"][0]["description"], "Anew."]
        assert told | {"clips": []} == story | {"clips": []}
        for wrong, param in (({"clip": "3"}, "clip"), ({"candidates": "2"}, "candidates"), ({"narrative": ""}, None)):
            refused = http.post("/v1/narratives", data=again | wrong, files=files)
            assert refused.status_code == 400 and refused.json()["error"]["param"] in (param, "narrative")


def test_agents_have_three_tools(running: Running) -> None:
    import base64

    def ask(method: str, **params: Any) -> dict[str, Any]:
        with running.http() as http:
            return http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).json()

    assert ask("initialize", protocolVersion="2025-06-18")["result"]["protocolVersion"] == "2025-06-18"
    assert [tool["name"] for tool in ask("tools/list")["result"]["tools"]] == ["narrate", "generate", "status"]
    image = "data:image/png;base64," + base64.b64encode(png()).decode()
    given = {"image": image, "prompt": "A cat."}
    story = ask("tools/call", name="narrate", arguments=given)["result"]["structuredContent"]["narrative"]
    made = ask("tools/call", name="generate", arguments=given | {"narrative": story, "seed": 2})["result"]
    video = made["structuredContent"]["id"]
    with events(running, video) as stream:
        list(stream)
    done = ask("tools/call", name="status", arguments={"id": video})["result"]["structuredContent"]
    assert done["status"] == "completed" and done["url"].endswith(f"/v1/videos/{video}/content")
    refused = ask("tools/call", name="generate", arguments=given | {"model": "other"})["result"]
    assert refused["isError"] and "not served" in refused["content"][0]["text"]
    assert ask("tools/call", name="rm")["error"]["code"] == -32602
    assert ask("nothing")["error"]["code"] == -32601


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"jsonrpc": "1.0"}',
        '{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}',
        '{"jsonrpc": "2.0", "id": {}, "method": "ping"}',
        '{"jsonrpc": "2.0", "id": null, "method": "ping"}',
    ],
)
def test_what_is_no_message_is_an_error_of_the_protocol(running: Running, text: str) -> None:
    with running.http() as http:
        answer = http.post("/mcp", content=text)
    assert answer.status_code == 400 and answer.json()["error"]["code"] in (-32700, -32600, -32602)


def test_metrics_count_what_the_queue_holds(running: Running) -> None:
    video = running.ask("fail")["id"]
    with events(running, video) as stream:
        list(stream)
    with running.http() as http:
        text = http.get("/metrics").text
        assert 'reasondiff_jobs{kind="video",status="failed"} 1.0' in text and "reasondiff_workers 1.0" in text
        assert "reasondiff_longest_wait_seconds 0.0" in text and "reasondiff_jobs_tried_again 0.0" in text
        assert "reasondiff_artifact_bytes 0.0" in text
        assert http.get("/readyz").json() == {"ready": True, "missing": []}
