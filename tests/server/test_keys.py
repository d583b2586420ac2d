"""Two keys, every route: what one has made is not there for the other."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from reasondiff.errors import InputError
from reasondiff.server.api import health, mcp, stories, videos
from reasondiff.server.tables import keys
from tests.server.harness import Running, png

OPEN = {"/healthz", "/readyz", "/metrics"}
"""Routes that say nothing of anybody's."""

ROUTES = [
    (method, route.path)
    for module in (videos, stories, health, mcp)
    for route in module.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]


def call(running: Running, method: str, path: str, video: str, key: str | None) -> Any:
    with running.http(key) as http:
        place = path.replace("{video_id}", video).replace("{model}", "storyworld-tiny")
        match path.rpartition("/")[2]:
            case "edits" | "extensions":
                more = {"seconds": 2} if "extensions" in path else {}
                return http.post(place, json={"prompt": "A dog.", "video": {"id": video}, **more})
            case "remix":
                return http.post(place, json={"prompt": "A dog."})
            case "mcp":
                params = {"name": "status", "arguments": {"id": video}}
                return http.post(place, json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
            case "videos" if method == "POST":
                return http.post(place, data={"prompt": "A dog."}, files={"input_reference": png()})
        body = {"queue_position": 0} if method == "PATCH" else None
        return http.request(method, place, json=body) if body else http.request(method, place)


def test_every_route_is_looked_at() -> None:
    assert len(ROUTES) == 18


def test_what_one_key_made_is_not_there_for_another(running: Running) -> None:
    anna, berta = running.parts.keys.add("anna"), running.parts.keys.add("berta")
    video = running.ask(key=anna)["id"]
    for method, path in ROUTES:
        if path in OPEN:
            assert call(running, method, path, video, None).status_code in (200, 503)
            continue
        assert call(running, method, path, video, None).status_code == 401, path
        assert call(running, method, path, video, "rd-wrong").status_code == 401, path
        answer = call(running, method, path, video, berta)
        if "{video_id}" in path or path.endswith(("edits", "extensions")):
            assert answer.status_code == 404, (method, path, answer.text)
            assert answer.json()["error"]["code"] == "video_not_found"
        if path == "/mcp":
            assert answer.json()["result"]["isError"]
        if path == "/v1/videos" and method == "GET":
            assert video not in answer.text
    with running.http(anna) as http:
        assert [each["id"] for each in http.get("/v1/videos").json()["data"]] == [video]
    with running.http(berta) as http:  # a cursor of another's shows nothing
        assert http.get("/v1/videos", params={"after": video}).json()["data"] == []


def test_a_key_is_kept_as_its_hash_and_can_be_revoked(idle: Running) -> None:
    known = idle.parts.keys
    key = known.add("anna")
    with idle.parts.queue.database.reading() as connection:
        assert key not in str(connection.execute(sa.select(keys)).all())
    with pytest.raises(InputError, match="already"):
        known.add("anna")
    assert idle.ask(key=key)["status"] == "queued"
    known.revoke("anna")
    with idle.http(key) as http:
        answer = http.get("/v1/videos")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        assert http.get("/v1/videos", headers={"Authorization": ""}).status_code == 401  # not open again
    with pytest.raises(InputError, match="no key named"):
        known.revoke("berta")
