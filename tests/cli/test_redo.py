"""``reasondiff redo``: one clip of a finished video again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reasondiff.media import read_record, read_video, write_video
from tests.cli.test_generate import given


@pytest.fixture
def video(reasondiff: Callable, here: Path, model: Path) -> Path:
    assert reasondiff(*given(model, size="32x32", seed=3)).code == 0
    return here / "out.mp4"


def test_a_clip_is_made_again_with_other_words_and_the_joins_are_told(reasondiff: Callable, video: Path) -> None:
    ran = reasondiff("redo", video, "--clip", 2, "--text", "A dog breaks the vase.", "-o", "new.mp4")
    assert ran.code == 0, ran
    assert "new.mp4: frames 6 to 9 made again for clip 2, with seed 3." in ran.out
    assert "The other frames are the old ones at" in ran.out and "Join at position 6: pixels change by" in ran.out
    record = read_record("new.mp4")
    assert record.narrative["clips"][1]["description"] == "A dog breaks the vase."
    assert json.loads(record.options["redone"])[0]["of"] == read_record(video).frames_sha256
    assert "with seed 4" in reasondiff("redo", "new.mp4", "--clip", 1, "-o", "third.mp4").out


def test_refused(refused: Callable, reasondiff: Callable, video: Path) -> None:
    assert "There is no clip 3; the video's story has clips 1..2" in refused("redo", video, "--clip", 3, "-o", "n.mp4")
    assert "overwritten" in refused("redo", video, "--clip", 1, "-o", video)
    write_video("plain.mp4", np.zeros((9, 32, 32, 3), np.uint8), 5)
    assert "has no record" in refused("redo", "plain.mp4", "--clip", 1, "-o", "n.mp4")
    write_video("cut.mp4", read_video(video).frames[:5], 5, read_record(video))
    assert "has lost frames" in refused("redo", "cut.mp4", "--clip", 1, "-o", "n.mp4")
    assert reasondiff("redo", video, "--clip", 1, "-o", "new.mp4").code == 0
    assert "was made again" in refused("replay", "new.mp4", "-o", "again.mp4")
    assert not Path("n.mp4").exists()
