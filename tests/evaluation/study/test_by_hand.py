"""What a study's analysis says of a few answers, worked out with a pencil."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from reasondiff.evaluation.study.analysis import analyse, write_analysis
from reasondiff.evaluation.study.answers import Answer
from reasondiff.evaluation.study.plan import SPOILED, Item, Question, Rater, StudyPlan


def plan(methods: tuple[str, ...], raters: int) -> StudyPlan:
    """One case; every rater ranks it, then one with a spoiled video, then the first again."""
    asked = (
        Question(0, methods),
        Question(0, (*methods[:-1], SPOILED), "attention"),
        Question(0, methods[::-1], "repeat"),
    )
    item = Item("0001", "A cat.", dict.fromkeys(methods, "v.mp4"), "s.mp4", "i.png")
    return StudyPlan("Which?", methods, (item,), tuple(Rater(f"t{number}", asked) for number in range(raters)), 0)


ANSWERS = [
    Answer(0, 0, ("a", "b", "c"), 4000),
    Answer(0, 1, ("a", "b", SPOILED), 2000),
    Answer(0, 2, ("a", "c", "b"), 6000),
    Answer(1, 0, ("a", "c", "b"), 10_000),
    Answer(1, 1, (SPOILED, "a", "b"), 8000),
]


def test_two_raters_of_three_videos(tmp_path: Path) -> None:
    asked = plan(("a", "b", "c"), 2)
    found = analyse(asked, ANSWERS, keep_failed=True, resamples=50)
    ranks = {method.name: (method.mean_rank, method.std) for method in found.methods}
    assert ranks == {"a": (1, 0), "b": (2.5, pytest.approx(math.sqrt(0.5))), "c": (2.5, pytest.approx(math.sqrt(0.5)))}
    wins = {method.name: method.wins for method in found.methods}
    assert wins == {"a": {"b": 1, "c": 1}, "b": {"a": 0, "c": 0.5}, "c": {"a": 0, "b": 0.5}}
    # Each rank is given twice, so ordinal distances are (2 + 2 - 2)^2 = 4 to a neighbour, (2 + 2 + 2 - 2)^2 = 16 from
    # first to third. Observed: 4 pairs of (2, 3), 4 each. Expected: 4 x (2 x 2) x 4 and 2 x (2 x 2) x 16, over 5.
    assert found.alpha == pytest.approx(1 - (4 * 4) / ((4 * 4 * 4 + 2 * 4 * 16) / 5))
    # One block with the mean ranks 1, 2.5, 2.5: W = 1, chi-square = 1 x 2 x W, and of two degrees its tail is exp(-1).
    assert (found.kendall_w, found.friedman, found.p_value) == pytest.approx((1, 2, math.exp(-1)))
    first, second = found.checks
    assert (first.seconds, first.attentive, first.consistency, first.failed) == (4, True, pytest.approx(2 / 3), False)
    assert (second.seconds, second.attentive, second.consistency, second.failed) == (9, False, None, True)
    said = write_analysis(tmp_path, asked, ANSWERS, found)
    assert "The median answer took 6 s." in said and "1 of 2 raters failed a check: r2; 0 are left out." in said


def test_without_the_rater_who_failed_nobody_is_left_to_agree_with(tmp_path: Path) -> None:
    found = analyse(plan(("a", "b", "c"), 2), ANSWERS, resamples=50)
    assert (found.excluded, found.rankings, found.alpha) == ((1,), 1, None)
    said = write_analysis(tmp_path, plan(("a", "b", "c"), 2), ANSWERS, found)
    assert "no video was seen by two raters" in said and "1 of 2 raters failed a check: r2; 1 are left out." in said


def test_of_two_videos_the_strength_is_the_share_of_wins() -> None:
    answers = [Answer(rater, 0, ("a", "b") if rater < 3 else ("b", "a"), 1000) for rater in range(4)]
    found = analyse(plan(("a", "b"), 4), answers, resamples=50)
    assert [method.strength for method in found.methods] == pytest.approx([0.75, 0.25], abs=0.01)
    # Ranks 1, 1, 1, 2 of one video and 2, 2, 2, 1 of the other: of 24 pairs 6 + 6 differ, by chance 2 x 4 x 4 of 56.
    assert found.alpha == pytest.approx(1 - (12 / 24) / (32 / 56))
