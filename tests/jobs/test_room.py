"""Before weights are fetched: what is downloaded, and under which licence."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

import reasondiff.planning
from reasondiff.errors import InputError
from reasondiff.jobs.loading import check_room
from reasondiff.jobs.request import VideoRequest
from reasondiff.planning import Machine

ROOMY = Machine(None, 0, 0, False, 2**36, 2**36, Path("cache"), 1e12)


@pytest.mark.parametrize(
    ("model", "licence"),
    [
        ("ltx-video-13b-0.9.8-distilled", "LTXV Open Weights License (free below 10 million USD of yearly revenue)."),
        ("ltx-video-2b-0.9.5", "LTX-Video 0.9.5 Open RAIL-M (forbids the uses that it lists)."),
        ("wan2.1-vace-1.3b", "Apache-2.0."),
    ],
)
def test_the_licence_is_said_before_a_download(
    model: str, licence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reasondiff.planning, "this_machine", lambda: replace(ROOMY, cache=tmp_path))
    with caplog.at_level(logging.WARNING):
        check_room(VideoRequest(image=Path(), model=model, device="cpu"), None)
    (said,) = caplog.messages
    assert "GB of weights are downloaded to" in said and said.endswith(f"Their licence: {licence}")


def test_a_full_disk_is_said_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(ROOMY, cache=tmp_path, cache_free=1e9)
    monkeypatch.setattr(reasondiff.planning, "this_machine", lambda: small)
    with pytest.raises(InputError, match=r"takes 4[0-9] GB of disk"):
        check_room(VideoRequest(image=Path(), model="ltx-video-13b-0.9.7-dev", device="cpu"), None)
