"""One runner: resumable, the same story for every system, failures counted, other people's faults not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError, NarrationError, ProviderError
from reasondiff.evaluation import runner
from reasondiff.evaluation.registry import metrics_of
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.rows import Row, read_rows
from reasondiff.evaluation.run_folder import check_folder
from reasondiff.evaluation.runner import evaluate
from reasondiff.evaluation.suites.base import Case, Suite
from reasondiff.evaluation.suites.storyworld import StoryWorldSuite
from reasondiff.evaluation.systems import METHODS
from reasondiff.evaluation.verdict_sheet import some_verdicts, verdict_sheet
from reasondiff.media.tensors import psnr
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny

pytestmark = pytest.mark.usefixtures("all_templates_match")

WAN, JOINED, TRUTH = METHODS[0], METHODS[1], METHODS[-1]
TITLES = {system.name: system.title for system in METHODS}


@pytest.fixture(scope="module")
def pipe() -> ReasonDiffPipeline:
    defaults = {"num_frames": 33, "num_inference_steps": 1, "guidance_scale": 1.0, "area": 64 * 64}
    pipe = ReasonDiffPipeline(**tiny.pipeline().components, reasondiff=defaults)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture
def using(pipe: ReasonDiffPipeline, tmp_path: Path) -> Resources:
    return Resources(tmp_path, lambda: pipe)


class Asked:
    """A narrator that counts its questions and cannot answer the one with the number ``fails``."""

    def __init__(self, fails: int = 0, error: Exception | None = None) -> None:
        self.questions, self.fails, self.error = 0, fails, error

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        self.questions += 1
        if self.error and self.questions == self.fails:
            raise self.error
        return Narrative.from_ends([(9, "A vase."), (num_frames, "A cat.")], 20, num_frames, interval=interval)


def test_an_evaluation_that_was_killed_goes_on_and_ends_the_same(using: Resources) -> None:
    suite, systems, metrics = StoryWorldSuite(3), (WAN, TRUTH), metrics_of(using)
    done: list[int] = []
    first = evaluate(systems, suite, metrics, using, batch=2, on_video=done.append)
    assert done == [0, 2, 3, 5, 6]
    assert [(row.system, row.case) for row in first[:4]] == [
        ("wan", "0000"), ("wan", "0001"), ("wan", "0002"), ("truth", "0000")
    ]  # fmt: skip
    truth = suite.cases()[0].true_narrative
    assert truth is not None and (first[0].anchor_frame, first[3].anchor_frame) == (0, truth.anchor_frame)
    without_model = Resources(using.folder)
    assert evaluate(systems, suite, metrics, without_model) == first, "nothing is left to make"
    log = using.folder / "results.jsonl"
    log.write_text(log.read_text()[:-40])  # the kill came while the last line was written
    assert evaluate(systems, suite, metrics, using, batch=1) == first

    sheet = using.folder / "verdicts.png"
    verdict_sheet(some_verdicts(first, 4), suite.cases(), TITLES, using.folder, sheet)
    with Image.open(sheet) as drawn:
        assert drawn.height > 4 * 192


def test_every_system_is_told_the_same_story_of_a_case(
    pipe: ReasonDiffPipeline, using: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[tuple[str, str], np.ndarray] = {}
    write = runner.write_video

    def seen(path: Path, video: np.ndarray, *, fps: float) -> None:
        assert fps == 5
        made[path.parent.name, path.stem] = video
        write(path, video, fps=fps)

    monkeypatch.setattr(runner, "write_video", seen)
    suite, metrics = StoryWorldSuite(2), metrics_of(using)
    pipe.narrator = narrator = Asked()
    rows = evaluate(METHODS, suite, metrics, using)
    assert narrator.questions == 2
    for row in rows:
        system = next(system for system in METHODS if system.name == row.system)
        case = next(case for case in suite.cases() if case.id == row.case)
        told = {"narrator": 20, "none": 0, "truth": case.true_narrative.anchor_frame}  # type: ignore[union-attr]
        assert row.anchor_frame == (0 if system.anchor == "first" else told[system.narrative_from])
        assert row.values["anchor_psnr"] == psnr(made[row.system, row.case][row.anchor_frame], np.asarray(case.image))
        assert set(row.values) == {metric.name for metric in metrics} and not row.missing
    (using.folder / "results.jsonl").unlink()
    again = evaluate((WAN, JOINED), suite, metrics, using)
    assert again == [row for row in rows if row.system in ("wan", "joined")]
    assert narrator.questions == 2, "the stories were kept"


def test_a_story_of_no_use_is_a_failure_of_every_system_that_is_told_it(
    pipe: ReasonDiffPipeline, using: Resources
) -> None:
    pipe.narrator = narrator = Asked(2, NarrationError("The reply is empty.", "I cannot help with that."))
    suite, metrics = StoryWorldSuite(3), metrics_of(using)
    rows = evaluate((WAN, JOINED, METHODS[2]), suite, metrics, using, batch=3)
    assert narrator.questions == 3, "nobody asks again for another story"
    failed = [row for row in rows if row.failure is not None]
    assert [(row.system, row.case) for row in failed] == [("joined", "0001"), ("anchored", "0001")]
    for row in failed:
        assert row.failure == "The reply is empty. It replied: 'I cannot help with that.'"
        assert row.values == {"story_success": 0.0, "agent": 0.0, "state": 0.0}
        assert set(row.missing) == {"anchor_psnr", "vae_psnr"} and row.failure in row.missing["anchor_psnr"]
        assert row.anchor_frame is None and row.frames_sha256 == ""
        assert not runner.video_path(using.folder, row).exists()
    assert not (using.folder / "narratives" / "0001.json").exists(), "a made-up story was kept"
    assert evaluate((WAN, JOINED, METHODS[2]), suite, metrics, Resources(using.folder)) == rows
    sheet = using.folder / "verdicts.png"
    verdict_sheet(failed, suite.cases(), TITLES, using.folder, sheet)
    assert sheet.exists()


@pytest.mark.parametrize("error", [ProviderError("The server refuses the connection."), MemoryError()])
def test_a_providers_fault_ends_the_run_and_the_same_call_goes_on(
    pipe: ReasonDiffPipeline, using: Resources, error: Exception
) -> None:
    suite, metrics = StoryWorldSuite(3), metrics_of(using)
    pipe.narrator = Asked(3, error)
    with pytest.raises(type(error)):
        evaluate((WAN, JOINED), suite, metrics, using, batch=1)
    kept = read_rows(using.folder / "results.jsonl")
    assert [case for system, case in kept if system == "joined"] == ["0000", "0001"]
    assert all(row.failure is None for row in kept.values())
    assert sorted(file.name for file in (using.folder / "narratives").iterdir()) == ["0000.json", "0001.json"]
    pipe.narrator = narrator = Asked()
    rows = evaluate((WAN, JOINED), suite, metrics, using)
    assert narrator.questions == 1 and all(row.failure is None for row in rows)
    assert {key: row for key, row in kept.items() if row in rows} == kept


def test_a_damaged_failure_names_itself(using: Resources) -> None:
    (case,) = StoryWorldSuite(1).cases()
    path = using.folder / "narratives" / "0000.failure.json"
    path.parent.mkdir()
    for text in ("{", "[]", "{}"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"0000\.failure\.json' is damaged; delete it"):
            using.story_of(case)


def test_a_case_that_lacks_a_metric_is_made_again(using: Resources) -> None:
    suite, some, every = StoryWorldSuite(1), metrics_of(using, ("agent",)), metrics_of(using)
    (before,) = evaluate((WAN,), suite, some, using)
    (after,) = evaluate((WAN,), suite, every, using)
    assert set(before.values) == {"agent"} and set(after.values) == {metric.name for metric in every}
    assert after.frames_sha256 == before.frames_sha256
    assert read_rows(using.folder / "results.jsonl") == {("wan", "0000"): after}


def test_a_row_is_a_line_that_counts_positions_from_one(using: Resources) -> None:
    (row,) = evaluate((TRUTH,), StoryWorldSuite(1), metrics_of(using), using)
    data = json.loads((using.folder / "results.jsonl").read_text())
    assert row.anchor_frame is not None and data["position"] == row.anchor_frame + 1
    assert data["case"] == "0000" and data["system"] == "truth" and data["suite"] == "storyworld"
    assert data["strata"] == {"anchor_phase": "start", "held_out": False}
    assert len(data["image_sha256"]) == len(data["frames_sha256"]) == 64 and data["version"]
    assert Row.from_json(row.to_json()) == row
    nowhere = replace(row, anchor_frame=None)
    assert json.loads(nowhere.to_json())["position"] is None and Row.from_json(nowhere.to_json()) == nowhere


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cases: [], "The suite 'storyworld' has no cases"),
        (lambda cases: [*cases, cases[0]], "has two cases '0000'; give each an id of its own"),
    ],
)
def test_a_suite_that_cannot_be_counted_is_refused(
    using: Resources, monkeypatch: pytest.MonkeyPatch, change: Callable[[list[Case]], list[Case]], message: str
) -> None:
    suite: Suite = StoryWorldSuite(2)
    changed = change(list(suite.cases()))
    monkeypatch.setattr(StoryWorldSuite, "cases", lambda self: changed)
    with pytest.raises(InputError, match=message):
        evaluate((WAN,), suite, [], using)


def test_a_case_cannot_name_a_file_elsewhere() -> None:
    for name in ("../0001", "a/b", "", ".", "..", "a b"):
        with pytest.raises(InputError, match="cannot name a file"):
            Case(name, Image.new("RGB", (8, 8)), "A cat.", 0)


def test_a_system_that_needs_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="was given no model"):
        evaluate((WAN,), StoryWorldSuite(1), [], Resources(tmp_path))


def test_a_folder_holds_one_evaluation(tmp_path: Path) -> None:
    check_folder(tmp_path, StoryWorldSuite(3))
    check_folder(tmp_path, StoryWorldSuite(3))
    with pytest.raises(InputError, match="give a new folder"):
        check_folder(tmp_path, StoryWorldSuite(4))
    assert json.loads((tmp_path / "evaluation.json").read_text())["cases"] == 3
