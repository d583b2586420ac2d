"""A request that leaves the choice gets a model that was trained to hold the image where it belongs, and is told."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasondiff.jobs import session as sessions
from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.picking import known_frames, picked, warn_of_position
from reasondiff.jobs.request import VideoRequest
from tests.tiny.pipelines import IMAGE, STORY

ASKED = VideoRequest(image=Path(), prompt="A cat.", model="auto")
I2V, VACE = "wan2.1-i2v-14b-480p", "wan2.1-vace-1.3b"


@pytest.mark.parametrize(
    ("given", "model", "said"),
    [
        ({"position": 1}, I2V, "because the image is the first frame."),
        ({"anchor": "first"}, I2V, "because the image is the first frame."),
        ({"position": 33}, VACE, "because it holds an image at position 33."),
        ({"anchor": "last"}, VACE, "because it holds an image at the last frame."),
        ({}, VACE, "because it holds an image at whatever frame the narrator will choose."),
    ],
)
def test_the_position_decides(given: dict[str, Any], model: str, said: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert picked(replace(ASKED, **given)).model == model
    assert caplog.messages == [f"The model is {model}, {said}"]


def test_a_story_says_where_its_image_is(tmp_path: Path) -> None:
    STORY.save(tmp_path / "story.json")
    asked = replace(ASKED, narrative=tmp_path / "story.json")
    assert known_frames(asked) == (8,) and picked(asked).model == VACE
    assert known_frames(replace(asked, position=1)) == (0,)
    named = replace(asked, model="owner/model")
    assert picked(named) is named


def test_a_frame_that_a_model_was_not_trained_for_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_position(replace(ASKED, model=I2V, position=33))
        for quiet in (
            {"model": I2V, "position": 1},
            {"model": I2V, "position": 33, "adapter": "owner/adapter"},
            {"model": I2V},
            {"model": VACE, "position": 33},
            {"model": "wan2.1-flf2v-14b-720p", "anchor": "last"},
            {"model": "wan2.1-flf2v-14b-720p", "position": 81, "num_frames": 81},
            {"model": "owner/model", "position": 33},
        ):
            warn_of_position(replace(ASKED, **quiet))
    assert caplog.messages == [
        f"{I2V} was trained for the first frame only, so the image at position 33 is held weakly; {VACE} holds it at "
        "any frame."
    ]


def test_a_session_keeps_what_it_chose(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasondiff.jobs.picking._ANY", str(tiny_model))
    asked = replace(ASKED, size="32x32")
    session = sessions.VideoSession(asked)
    assert session.holds(asked) and not session.holds(replace(asked, model=VACE))
    made = session.generate(asked, Inputs(IMAGE, "A cat plays.", STORY))
    assert made.record.model == str(tiny_model)
