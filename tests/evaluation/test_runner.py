"""The main table: resumable, paired, and computed as it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError, NarrationError
from reasondiff.evaluation import runner as stories
from reasondiff.evaluation.runner import METHODS, Result, check_folder, evaluate
from reasondiff.evaluation.tables import markdown, story_table
from reasondiff.evaluation.verdict_sheet import some_verdicts, verdict_sheet
from reasondiff.media.tensors import psnr
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld.dataset import cases
from reasondiff.storyworld.render import draw_frame
from tests import tiny

WAN, TRUTH = METHODS[0], METHODS[-1]


@pytest.fixture(scope="module")
def pipe() -> ReasonDiffPipeline:
    defaults = {"num_frames": 33, "num_inference_steps": 1, "guidance_scale": 1.0, "area": 64 * 64}
    pipe = ReasonDiffPipeline(**tiny.pipeline().components, reasondiff=defaults)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def result(case: int, method: str = "reasondiff", **changes: Any) -> Result:
    plain = Result(case, method, "start", False, 0, False, "", False, False, 20.0, 30.0)
    return replace(plain, **changes)


def test_an_evaluation_that_was_killed_goes_on_and_ends_the_same(pipe: ReasonDiffPipeline, tmp_path: Path) -> None:
    asked, methods = cases(3), (WAN, TRUTH)
    done: list[int] = []
    first = evaluate(pipe, asked, methods, tmp_path, batch=2, on_video=done.append)
    assert done == [0, 2, 3, 5, 6] and [(r.method, r.case) for r in first[:4]] == [
        ("wan", 0), ("wan", 1), ("wan", 2), ("truth", 0)
    ]  # fmt: skip
    assert first[0].position == 0 and first[3].position == asked[0].anchor_frame
    assert evaluate(None, asked, methods, tmp_path) == first  # type: ignore[arg-type]  # nothing is left to make
    log = tmp_path / "results.jsonl"
    log.write_text(log.read_text()[:-40])  # the kill came while the last line was written
    assert evaluate(pipe, asked, methods, tmp_path, batch=1) == first

    sheet = tmp_path / "verdicts.png"
    verdict_sheet(some_verdicts(first, 4), asked, tmp_path, sheet)
    with Image.open(sheet) as drawn:
        assert drawn.height > 4 * 192


class Asked:
    """A narrator that counts its questions and knows no answer to the second."""

    def __init__(self) -> None:
        self.questions = 0

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        self.questions += 1
        if self.questions == 2:
            raise NarrationError("I cannot help with that.")
        return Narrative.from_ends([(9, "A vase."), (num_frames, "A cat.")], 20, num_frames, interval=interval)


def test_every_method_is_told_the_same_story_of_a_case(
    pipe: ReasonDiffPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[tuple[str, int], np.ndarray] = {}
    write = stories.write_video

    def seen(path: Path, video: np.ndarray, **options: Any) -> None:
        made[path.parent.name, int(path.stem)] = video
        write(path, video, **options)

    monkeypatch.setattr(stories, "write_video", seen)
    pipe.narrator, asked = Asked(), cases(2)
    results = evaluate(pipe, asked, METHODS, tmp_path)
    assert pipe.narrator.questions == 2
    positions = {(each.method, each.case): each.position for each in results}
    for method in METHODS:
        told = {"narrator": (20, 0), "nothing": (0, 0), "true": tuple(case.anchor_frame for case in asked)}[method.told]
        if method.options.get("anchor") == "first":
            told = (0, 0)
        assert (positions[method.name, 0], positions[method.name, 1]) == told
    for each in results:
        given = np.asarray(draw_frame(asked[each.case].take, asked[each.case].anchor_frame))
        assert each.anchor_psnr == psnr(made[each.method, each.case][each.position], given)
    (tmp_path / "results.jsonl").unlink()
    again = evaluate(pipe, asked, METHODS, tmp_path)
    assert again == results and pipe.narrator.questions == 2, "the stories were kept"


def test_a_folder_holds_one_evaluation(tmp_path: Path) -> None:
    check_folder(tmp_path, {"cases": 3})
    check_folder(tmp_path, {"cases": 3})
    with pytest.raises(InputError, match="give a new folder"):
        check_folder(tmp_path, {"cases": 4})
    assert json.loads((tmp_path / "evaluation.json").read_text()) == {"cases": 3}


def test_the_table_by_hand() -> None:
    ours = [result(n, passed=n < 3, agent=True, part=("start", "middle")[n % 2], held_out=n == 3) for n in range(4)]
    wan = [result(n, "wan", passed=n == 3, anchor_psnr=10.0 * n) for n in range(4)]
    header, plain, best = story_table(wan + ours, (METHODS[0], METHODS[4]))
    assert plain[0] == "Wan-tiny image-to-video" and plain[1].startswith("25 [") and plain[9].startswith("15.0 [")
    share = {name: value.split(" [")[0] for name, value in zip(header, best, strict=True)}
    assert [share[name] for name in header[1:8]] == ["75", "100", "50", "–", "100", "0", "100"]
    assert best[header.index("held-out pair")] == "0 [0, 79]"  # Wilson, none of one: 3.84 / 4.84
    assert plain[-1].startswith("+50 [") and best[-1] == ""  # ahead by 1, 1, 1 and -1 case
    lines = markdown([header, plain, best]).splitlines()
    assert len(lines) == 4 and {line.count("|") for line in lines} == {len(header) + 1}


def test_verdicts_to_look_at_are_of_both_kinds_as_far_as_there_are_both() -> None:
    results = [result(n, passed=n < 3) for n in range(40)]
    some = some_verdicts(results, 10)
    assert len(some) == 10 and sum(r.passed for r in some) == 3
    assert some == sorted(some, key=lambda r: r.case) == some_verdicts(results, 10)
    assert len(some_verdicts(results, 99)) == 40
    assert sum(r.passed for r in some_verdicts([result(n, passed=n < 20) for n in range(40)], 10)) == 5
