"""The table and the choice of verdicts, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.anchor_psnr import AnchorPsnr
from reasondiff.evaluation.metrics.base import Metric
from reasondiff.evaluation.metrics.story import JudgedPart, StorySuccess
from reasondiff.evaluation.rows import Row
from reasondiff.evaluation.suites.storyworld import StoryWorldSuite
from reasondiff.evaluation.systems import METHODS, OURS
from reasondiff.evaluation.tables import failures_in_words, markdown, results_table
from reasondiff.evaluation.verdict_sheet import some_verdicts

WAN = METHODS[0]
STRATA = StoryWorldSuite().strata
METRICS: tuple[Metric, ...] = (StorySuccess(), JudgedPart("agent", "agent"), JudgedPart("state", "state"), AnchorPsnr())


def result(number: int, system: str = "reasondiff", **changes: Any) -> Row:
    values = {"story_success": float(changes.pop("passed", False)), "agent": 0.0, "state": 0.0, "anchor_psnr": 20.0}
    strata = {"anchor_phase": changes.pop("anchor_phase", "start"), "held_out": changes.pop("held_out", False)}
    failure, missing = changes.pop("failure", None), {}
    if failure:
        missing["anchor_psnr"] = f"no video: {failure}"
        del values["anchor_psnr"]
    values |= changes
    return Row("storyworld", f"{number:04d}", system, number, 0, strata, values, missing, "", failure, "", "", "")


def test_the_table_by_hand() -> None:
    phases = ("start", "middle", "start", "middle")
    ours = [result(n, passed=n < 3, agent=1.0, anchor_phase=phases[n], held_out=n == 3) for n in range(4)]
    wan = [result(n, "wan", passed=n == 3, anchor_psnr=10.0 * n) for n in range(4)]
    header, plain, best = results_table(wan + ours, (WAN, OURS), METRICS, STRATA)
    assert header == [
        "method", "story success", "start", "middle", "end", "seen pair", "held-out pair", "agent", "state",
        "anchor PSNR", "ReasonDiff ahead by",
    ]  # fmt: skip
    assert plain[0] == "Wan-tiny image-to-video" and plain[1].startswith("25 [") and plain[9].startswith("15.0 [")
    share = {name: value.split(" [")[0] for name, value in zip(header, best, strict=True)}
    assert [share[name] for name in header[1:8]] == ["75", "100", "50", "–", "100", "0", "100"]
    assert best[header.index("held-out pair")] == "0 [0, 79]"  # Wilson, none of one: 3.84 / 4.84
    assert plain[-1].startswith("+50 [") and best[-1] == ""  # ahead by 1, 1, 1 and -1 case
    lines = markdown([header, plain, best]).splitlines()
    assert len(lines) == 4 and {line.count("|") for line in lines} == {len(header) + 1}


def test_a_failure_stays_in_the_denominator_and_is_told() -> None:
    wan = [result(0, "wan", passed=True), *(result(n, "wan", failure="The reply is empty.") for n in (1, 2, 3))]
    header, plain = results_table(wan, (WAN,), METRICS)
    assert plain[header.index("story success")].startswith("25 [")
    assert plain[header.index("anchor PSNR")] == "20.0 [20.0, 20.0] of 1"
    (sentence,) = failures_in_words(wan, (WAN, OURS))
    assert "no video of 3 of 4 cases, which count as failures; case 0001: The reply is empty." in sentence


def test_a_smaller_value_can_be_the_better_one() -> None:
    class Jump:
        name, title, unit, higher_is_better, needs, of_a_failure = "jump", "jump", "frames", False, (), None

        def measure(self, sample: object) -> float:
            raise NotImplementedError

    rows = [result(n, jump=1.0 + n) for n in range(3)] + [result(n, "wan", jump=5.0 + n) for n in range(3)]
    assert results_table(rows, (WAN, OURS), [Jump()])[1][-1] == "+4.0 [+4.0, +4.0]"
    del rows[0].values["jump"]  # type: ignore[attr-defined]
    assert results_table(rows, (WAN, OURS), [Jump()])[1][-1] == "+4.0 [+4.0, +4.0] of 2"


def test_other_cases_are_never_averaged_together() -> None:
    rows = [result(n) for n in range(3)]
    with pytest.raises(InputError, match="The system 'wan' has no result of case '0002'; run it on the same cases"):
        results_table([*rows, result(0, "wan"), result(1, "wan")], (WAN, OURS), METRICS)
    with pytest.raises(InputError, match="'reasondiff' has two results of one case"):
        results_table([*rows, rows[0]], (OURS,), METRICS)


def test_verdicts_to_look_at_are_of_both_kinds_as_far_as_there_are_both() -> None:
    def passed(rows: list[Row]) -> int:
        return sum(row.values["story_success"] == 1 for row in rows)

    results = [result(n, passed=n < 3) for n in range(40)]
    some = some_verdicts(results, 10)
    assert len(some) == 10 and passed(some) == 3
    assert some == sorted(some, key=lambda row: row.case) == some_verdicts(results, 10)
    assert len(some_verdicts(results, 99)) == 40
    assert passed(some_verdicts([result(n, passed=n < 20) for n in range(40)], 10)) == 5
