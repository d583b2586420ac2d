"""The API as a file: what is committed is what the server is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reasondiff.server.api.app import create_app
from reasondiff.server.api.ordering import CREATE
from reasondiff.server.served import OPTIONS
from tests.server.harness import service

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
PAGE = (FILE.parent / "server.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return create_app(service(tmp_path_factory.mktemp("server"))).openapi()


def test_the_committed_file_is_the_servers(spec: dict[str, object]) -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == spec, "write it anew: reasondiff serve --openapi"


def test_the_page_names_every_route_and_every_field(spec: dict[str, object]) -> None:
    for path in spec["paths"]:
        assert path.replace("{video_id}", "{id}").replace("{model}", "{id}") in PAGE, path
    for name in CREATE:
        assert f"`{name}`" in PAGE, name


def test_no_field_names_a_place_of_the_server(spec: dict[str, object]) -> None:
    body = spec["paths"]["/v1/videos"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == CREATE and not body["additionalProperties"]
    local = {
        "image",
        "revision",
        "adapter",
        "transformer",
        "preset",
        "device",
        "narrator",
        "narrator_url",
        "mag_ratios",
    }
    assert not local & CREATE and not local & set(OPTIONS)
