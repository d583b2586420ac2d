"""Four times as many cases take four times as much: to make their videos, to go on, to measure a folder of videos."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.runner import evaluate
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.video_folder import find_systems_in, forget_changed
from tests.evaluation.stubs import grey
from tests.evaluation.test_video_folder import Brightness, benchmark
from tests.growth import LINEAR, Measure, bytes_read_by, calls_of, growth

FEW = 6


class Grey:
    name = title = "grey"

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output]:
        return [Output(grey(0, 80, height=16, width=16), 5.0) for _ in cases]


@pytest.mark.parametrize("measure", [calls_of, bytes_read_by])
def test_an_evaluation_takes_as_much_as_it_has_cases(measure: Measure, tmp_path: Path) -> None:
    numbers = count()

    def evaluated(cases: int) -> None:
        folder = tmp_path / f"{next(numbers)}"
        folder.mkdir()
        suite = benchmark(folder / "suite", [f"case-{number}" for number in range(cases)])
        made, scored = Resources(folder / "made"), Resources(folder / "scored")
        assert len(evaluate([Grey()], suite, [Brightness()], made, batch=1)) == cases
        assert len(evaluate([Grey()], suite, [Brightness()], made, batch=1)) == cases  # nothing is left to do

        found = find_systems_in(folder / "made", suite.cases())
        assert len(evaluate(found, suite, [Brightness()], scored, batch=1)) == cases
        forget_changed(folder / "scored" / "results.jsonl", found)

    assert growth(evaluated, FEW, measure) < LINEAR
