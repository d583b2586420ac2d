"""The mean of people's ranks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.base import measure
from reasondiff.evaluation.metrics.user_rank import UserRank, read_ranks
from tests.evaluation.stubs import grey, sample


def written(path: Path, *ranks: Any, case: str = "0001") -> Path:
    lines = [json.dumps({"rater": f"r{number}", "case": case, "ranks": each}) for number, each in enumerate(ranks)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_mean_over_raters(tmp_path: Path) -> None:
    answers = written(tmp_path / "a.jsonl", {"wan": 1, "ours": 2}, {"wan": 2, "ours": 1}, {"wan": 2, "ours": 1})
    metric = UserRank(read_ranks(answers))
    assert metric.measure(sample(grey(1), system="wan")) == pytest.approx(5 / 3)
    assert metric.measure(sample(grey(1), system="ours")) == pytest.approx(4 / 3)
    assert measure([metric], sample(grey(1), system="ltx")).missing == {"user_rank": "nobody ranked it"}


@pytest.mark.parametrize("ranks", [{"wan": 1, "ours": 1}, {"wan": 2, "ours": 3}, {"wan": "first"}, ["wan"]])
def test_what_is_no_strict_ranking_is_refused(tmp_path: Path, ranks: Any) -> None:
    with pytest.raises(InputError, match=r"^Line 1 of .*a.jsonl' is no "):
        read_ranks(written(tmp_path / "a.jsonl", ranks))
    with pytest.raises(InputError, match="cannot be read"):
        read_ranks(tmp_path / "none.jsonl")
