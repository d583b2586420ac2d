"""The record of exact resume is printed by a command; here it kills a few times, not a hundred."""

from __future__ import annotations

import pytest

from benchmarks import exact_resume


@pytest.mark.slow
def test_runs_of_one_and_of_two_processes_end_the_same_after_kills(capsys: pytest.CaptureFixture[str]) -> None:
    assert exact_resume.main(["--kills", "3"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 1", "| 2"]
    assert all(row.count("identical") == 3 for row in rows)
