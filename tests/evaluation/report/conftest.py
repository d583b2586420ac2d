"""A small run as ``reasondiff evaluate`` leaves one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from reasondiff.evaluation.rows import Row, append_row
from reasondiff.media import write_video
from reasondiff.narrative import Narrative
from tests.evaluation.stubs import grey

MakeRun = Callable[..., Path]


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    folder = tmp_path / "benchmark"
    folder.mkdir()
    Image.new("RGB", (16, 16), "teal").save(folder / "teal.png")
    prompts = ("A cat.", "A <b>dog</b> & </script> more.", "A pig.")
    rows = [{"id": f"{n:04d}", "image": "teal.png", "prompt": prompt, "seed": n} for n, prompt in enumerate(prompts)]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(name: str = "run", *, suite: str = "benchmark", **values: list[float | None]) -> Path:
        """A run of three cases; per system the values of ``clip_text``, None for a failure."""
        folder = tmp_path / name
        folder.mkdir()
        for system, each in values.items():
            for number, value in enumerate(each):
                append_row(folder / "results.jsonl", result(system, number, value, suite))
                if value is not None:
                    path = folder / "videos" / system / f"{number:04d}.mp4"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_video(path, grey(0, 60, 120, 180, 240, height=16, width=16), 5.0)
        story = Narrative.from_ends([(2, "Only a vase."), (5, "A cat <breaks> it.")], 4, 5)
        (folder / "narratives").mkdir()
        story.save(folder / "narratives" / "0000.json")
        about = {"title": "CLIP text (a stub 1, MIT)", "unit": "cosine", "higher_is_better": True}
        (folder / "metrics.json").write_text(json.dumps({"clip_text": about}))
        return folder

    return make


def result(system: str, number: int, value: float | None, suite: str = "benchmark") -> Row:
    failure = "The reply is empty." if value is None else None
    passed = value is not None and value > 0.5
    values = {"story_success": float(passed), "clip_text": value or 0.0}
    verdict = "" if value is None else "the story is told" if passed else "the cat is never seen"
    video = {} if value is None else {"frames": 5, "fps": 5.0, "width": 16, "height": 16}
    anchor = None if value is None else 4
    return Row(suite, f"{number:04d}", system, number, anchor, {}, values, {}, verdict, failure, "", "", "", video)
