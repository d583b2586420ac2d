"""Rounds of looking and making again: the best is kept, the record has all, and nonsense loses nothing."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from reasondiff.errors import NarrationError
from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.record import REDONE
from reasondiff.jobs.request import VideoRequest
from reasondiff.jobs.session import GeneratedVideo, VideoSession
from reasondiff.jobs.verify import VERIFIED, verified
from reasondiff.media import read_record
from reasondiff.narrative import Narrative
from reasondiff.narrator.verifier import ClipVerdict, Verification
from tests.tiny.pipelines import IMAGE, STORY


class Says:
    """A verifier with its verdicts written down, and what it was shown."""

    name = "says"

    def __init__(self, *rounds: tuple[float, ...] | None, words: str = "") -> None:
        self.rounds, self.words = list(rounds), words
        self.shown: list[tuple[np.ndarray, Narrative]] = []

    def verify(self, frames: np.ndarray, narrative: Narrative, prompt: str) -> Verification:
        assert prompt == "A cat plays."
        self.shown.append((frames, narrative))
        scores = self.rounds.pop(0)
        if scores is None:
            raise NarrationError("says gave no verdict on every clip.", "Nice!")
        clips = (ClipVerdict(n, score, f"{score:g}", self.words if score < 6 else "") for n, score in enumerate(scores))
        return Verification(tuple(clips))


@pytest.fixture(scope="module")
def session(tiny_model: Path) -> VideoSession:
    return VideoSession(VideoRequest(image=Path(), model=str(tiny_model), size="32x32", seed=3))


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return Inputs(IMAGE, "A cat plays.", STORY)


@pytest.fixture(scope="module")
def video(session: VideoSession, inputs: Inputs) -> GeneratedVideo:
    return session.generate(session.request, inputs)


def test_a_video_that_came_out_is_looked_at_once(session: VideoSession, video: GeneratedVideo, inputs: Inputs) -> None:
    best, rounds = verified(session, video, inputs, Says((8, 7)), 3)
    assert np.array_equal(best.frames, video.frames) and len(rounds) == 1
    told = json.loads(str(best.record.options[VERIFIED]))
    assert told["kept"] == 0 and [clip["score"] for clip in told["rounds"][0]["clips"]] == [8, 7]
    assert str(rounds[0]) == "round 0 (as first made): 7.5 of 10, every clip came out."


def test_the_best_round_is_kept_and_not_the_last(
    session: VideoSession, video: GeneratedVideo, inputs: Inputs, tmp_path: Path
) -> None:
    says = Says((8, 2), (8, 4), (8, 3), words="A broken vase on the floor.")
    best, rounds = verified(session, video, inputs, says, 2)
    assert [each.number for each in rounds] == [0, 1, 2] and not says.rounds
    assert np.array_equal(best.frames, says.shown[1][0]) and best.narrative == says.shown[1][1]
    assert best.narrative.clips[1].description == "A broken vase on the floor."
    assert not np.array_equal(best.frames, video.frames) and best.record.seed == 4
    best.save(tmp_path / "a.mp4")
    record = read_record(tmp_path / "a.mp4")
    assert record is not None and len(json.loads(str(record.options[REDONE]))) == 1
    told = json.loads(str(record.options[VERIFIED]))
    assert (told["by"], told["kept"]) == ("says", 1)
    assert [(each.get("clip"), each.get("seed"), each["score"]) for each in told["rounds"]] == [
        (None, None, 5), (2, 4, 6), (2, 5, 5.5),
    ]  # fmt: skip
    assert str(rounds[1]) == "round 1 (clip 2 made again): 6.0 of 10; clip 2 did not come out: 4"


def test_without_other_words_another_seed_is_drawn_and_the_next_worst_clip_is_tried(
    session: VideoSession, video: GeneratedVideo, inputs: Inputs
) -> None:
    _, rounds = verified(session, video, inputs, Says((4, 2), (1, 1), (1, 1)), 2)
    orders = [each.order for each in rounds[1:]]
    assert [(each.clip, each.text, each.seed) for each in orders if each] == [(2, None, 4), (1, None, 5)]


@pytest.mark.parametrize(("said", "kept"), [((None,), 0), (((8, 2), None), 1)], ids=["at once", "later"])
def test_a_verifier_that_answers_nonsense_loses_nothing(
    session: VideoSession, video: GeneratedVideo, inputs: Inputs, caplog: pytest.LogCaptureFixture,
    said: tuple, kept: int,
) -> None:  # fmt: skip
    with caplog.at_level(logging.WARNING):
        best, rounds = verified(session, video, inputs, Says(*said), 3)
    assert np.array_equal(best.frames, video.frames) and len(rounds) == kept
    assert "could not be verified (says gave no verdict on every clip." in caplog.text and "is kept" in caplog.text
