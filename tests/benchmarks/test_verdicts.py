"""Blinded verdicts: the sheet tells a rater nothing of method or verdict, and agreement is Cohen's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import verdicts
from reasondiff.errors import InputError
from reasondiff.evaluation.rows import Row, append_row
from reasondiff.media import write_video
from reasondiff.storyworld.stories import Story


def row(system: str, case: str, passed: bool) -> Row:
    return Row(
        suite="storyworld",
        case=case,
        system=system,
        seed=0,
        anchor_frame=3,
        strata={},
        values={"story_success": float(passed)},
        missing={},
        verdict="pass" if passed else "fail: the cat is never seen",
        failure=None,
        image_sha256="",
        frames_sha256="",
        version="0",
    )


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """Two methods, of which one passes."""
    folder = tmp_path / "evaluation"
    for system in ("ours", "theirs"):
        (folder / "videos" / system).mkdir(parents=True)
        for case in ("0000", "0001"):
            write_video(folder / "videos" / system / f"{case}.mp4", np.full((33, 64, 64, 3), 90, np.uint8), fps=5)
            append_row(folder / "results.jsonl", row(system, case, system == "ours"))
    settings = {"cases": 2, "split": "validation", "level": "core"}
    (folder / "evaluation.json").write_text(json.dumps(settings))
    return folder


def test_kappa_by_hand() -> None:
    """Two raters agree on 15 of 20 and say yes 11 and 10 times: chance is one half."""
    one = {str(k): k < 11 for k in range(20)}
    other = {str(k): k < 8 or 11 <= k < 13 for k in range(20)}
    assert verdicts.kappa(one, other) == pytest.approx((0.75 - 0.5) / 0.5)
    assert verdicts.kappa(one, one) == 1
    assert verdicts.kappa(one, {key: not said for key, said in one.items()}) < 0


def test_a_rater_sees_clips_and_stories_only(evaluation: Path, tmp_path: Path) -> None:
    output = tmp_path / "blind"
    assert verdicts.main(["build", str(evaluation), "-o", str(output), "--clips", "4"]) == 0
    key = json.loads((output / "key.json").read_text())
    assert sorted((about["system"], about["case"]) for about in key.values()) == [
        (system, case) for system in ("ours", "theirs") for case in ("0000", "0001")
    ]
    assert json.loads((output / "form.json").read_text()) == dict.fromkeys(key)
    assert [file.name for file in output.glob("*.png")] == ["sheet-01.png"]
    assert verdicts.in_words(Story("vase", "cat")) == "vase and cat: it goes from intact to broken"
    assert verdicts.in_words(Story("bicycle", "cat")) == "bicycle and cat: it stays parked"


def test_raters_are_held_against_the_judges(
    evaluation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts.main(["build", str(evaluation), "-o", str(tmp_path), "--clips", "4"])
    key = json.loads((tmp_path / "key.json").read_text())
    alike, strict = tmp_path / "alike.json", tmp_path / "strict.json"
    alike.write_text(json.dumps({number: about["passed"] for number, about in key.items()}))
    strict.write_text(json.dumps(dict.fromkeys(key, False)))
    assert verdicts.main(["kappa", str(tmp_path), str(alike)]) == 0
    assert verdicts.main(["kappa", str(tmp_path), str(strict), str(alike)]) == 1
    printed = capsys.readouterr().out
    assert "2/2" in printed
    assert "kappa of strict and alike: 0.00" in printed
    assert "theirs: 2 clips, passed by the judges 0" in printed


def test_an_unfinished_form_is_refused(tmp_path: Path) -> None:
    form = tmp_path / "form.json"
    form.write_text('{"1": true, "2": null}')
    with pytest.raises(InputError, match="None for clip 2"):
        verdicts.read_answers(form, ["1", "2"])


def test_more_clips_than_there_are_cannot_be_shown(evaluation: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--clips 4 or less"):
        verdicts.build([evaluation], tmp_path, 5, 0)
