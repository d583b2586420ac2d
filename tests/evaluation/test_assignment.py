"""An evaluation given to others in parts, as values, is the one that a single process makes."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import CheckpointError
from reasondiff.evaluation.assignment import Assignment, make_part
from reasondiff.evaluation.bench.given_images import GivenImagesBuilder
from reasondiff.evaluation.bench.layout import write_benchmark
from reasondiff.evaluation.shares import Share, gather
from reasondiff.jobs.request import VideoRequest
from reasondiff.media import write_video

CASES = 5


@pytest.fixture
def assignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    """Videos in a folder, for five cases, of which the last has none; all names are relative."""
    monkeypatch.chdir(tmp_path)
    for folder in ("given", "videos/noise"):
        Path(folder).mkdir(parents=True)
    for number in range(CASES):
        frames = np.random.default_rng(number).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
        Image.fromarray(frames[1]).save(f"given/{number}.png")
        Path(f"given/{number}.txt").write_text("It flickers.")
        if number < CASES - 1:
            write_video(Path(f"videos/noise/{number}.mp4"), frames, 8.0)
    write_benchmark(Path("benchmark"), "images", GivenImagesBuilder(Path("given")).build())
    request = VideoRequest(image=Path("none.png"))
    return Assignment(request, Path("one"), ("videos-in-folder:videos",), Path("benchmark"), batch=2)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_parts_that_travel_are_the_whole(
    assignment: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = assignment.open()
    opened.make(Share())
    parts = replace(assignment, folder=Path("many")).parts(len(opened.cases))
    assert [part.share for part in parts] == [Share(1, 3), Share(2, 3), Share(3, 3)]
    sent = pickle.loads(pickle.dumps(parts))
    monkeypatch.chdir("/")
    made = [make_part(part) for part in [*sent[1:], sent[0], sent[0]]]  # in whatever order, and one twice
    assert Path.cwd() == tmp_path
    assert [(each.videos, each.error) for each in made] == [(2, None), (1, None), (2, None), (2, None)]
    gather(Path("many"), [system.name for system in opened.systems], opened.cases)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


def test_what_ends_a_part_is_told_as_a_value(assignment: Assignment) -> None:
    (part, *_) = replace(assignment, methods=("ltx-video",)).parts(CASES)
    made = make_part(part)
    assert isinstance(pickle.loads(pickle.dumps(made)).error, CheckpointError)
    assert "Nobody publishes LTX-Video-2B" in str(made.error)
