"""``reasondiff report`` and ``reasondiff reproduce`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reasondiff.evaluation.registry import METRIC_GROUPS
from reasondiff.evaluation.rows import append_row
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld.stories import NUM_FRAMES
from tests import tiny
from tests.evaluation.report.conftest import result

pytestmark = pytest.mark.usefixtures("all_templates_match")


def test_a_report_of_a_run(reasondiff: Callable, refused: Callable, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert "There are no results in" in refused("report", run)
    run.mkdir()
    for system, value in (("wan", 0.2), ("reasondiff", 0.6)):
        for number in range(2):
            append_row(run / "results.jsonl", result(system, number, value))
    ran = reasondiff("report", run)
    assert ran.code == 0, ran
    assert "| ReasonDiff | **1.000** ± 0.000 | **0.600** ± 0.000 |" in ran.out
    assert "index.html: open it in a browser." in ran.out.replace("\n", " ")
    assert (run / "report" / "table1.tex").exists()
    assert "-1 sheets cannot be drawn" in refused("report", run, "--sheets", -1)
    append_row(run / "results.jsonl", result("wan", 2, 0.2))
    assert "'reasondiff' has no result of 1 of 3 cases, such as '0002'" in refused("report", run)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model of StoryWorld's length and size."""
    defaults = {"num_frames": NUM_FRAMES, "num_inference_steps": 1, "guidance_scale": 1.0, "area": 64 * 64}
    folder = tmp_path_factory.mktemp("models") / "tiny"
    ReasonDiffPipeline(**tiny.pipeline().components, reasondiff=defaults).save_pretrained(folder)
    return folder


def test_storyworld_is_reproduced_and_goes_on(
    reasondiff: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METRIC_GROUPS, "storyworld", ("story_success", "sharpness", "anchor_psnr"))  # type: ignore[arg-type]
    asked = ("reproduce", "storyworld", "--cases", 2, "--model", model, "-o", tmp_path, "--method", "true-clips")
    assert reasondiff(*asked).code == 0
    folder = tmp_path / "storyworld-2"
    log = (folder / "results.jsonl").read_text()
    ran = reasondiff(*asked, "--method", "wan")
    assert ran.code == 0, ran
    assert (folder / "results.jsonl").read_text().startswith(log)
    assert "| the true clips | 1.000 ± 0.000 |" in ran.out  # shown, and neither best nor second
    assert "| Wan-tiny image-to-video | **" in ran.out
    assert json.loads((folder / "metrics.json").read_text())["story_success"]["title"] == "story success"
    assert (folder / "report" / "index.html").stat().st_size > 50_000


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("world",), "There is no suite 'world' that draws cases; choose from storyworld"),
        (("storyworld", "--full", "--cases", 3), "leave out --cases 3"),
        (("storyworld", "--cases", 1), "1 cases cannot be compared"),
        (("storyworld", "--batch", 0), "A batch of 0 makes nothing"),
    ],
)
def test_what_cannot_be_reproduced_is_one_sentence(refused: Callable, options: tuple[object, ...], fault: str) -> None:
    assert fault in refused("reproduce", *options)
