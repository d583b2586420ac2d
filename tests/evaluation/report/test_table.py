"""The paper's tables, by hand."""

from __future__ import annotations

import csv
import io

import pytest

from reasondiff.errors import InputError
from reasondiff.evaluation.report.table import Column, compare, results
from reasondiff.evaluation.rows import Row
from tests.evaluation.report.conftest import result

TEXT = Column("clip_text", "CLIP (text)")
COLUMNS = (TEXT, Column("offset", "offset_1", higher_is_better=False))
TITLES = {"wan": "Wan & co", "ltx": "LTX", "reasondiff": "ReasonDiff", "true-clips": "the true clips"}


def rows() -> list[Row]:
    """Text: 0.2, 0.4; 0.1, 0.1; 0.5, 0.7; 0.9, 0.9. Offset: 3; 1; 2; none of the true clips."""
    values = {"wan": (0.2, 0.4), "ltx": (0.1, 0.1), "reasondiff": (0.5, 0.7), "true-clips": (0.9, 0.9)}
    offsets = {"wan": 3.0, "ltx": 1.0, "reasondiff": 2.0}
    made = []
    for system, each in values.items():
        for number, value in enumerate(each):
            row = result(system, number, value)
            made.append(row)
            if system in offsets:
                row.values["offset"] = offsets[system]  # type: ignore[index]
    return made


def test_means_deviations_and_the_two_best() -> None:
    table = results("unpaired", rows(), TITLES, COLUMNS, {"true-clips"})
    assert table.markdown().splitlines() == [
        "| method | CLIP (text) ↑ | offset_1 ↓ |",
        "| --- | --- | --- |",
        "| Wan & co | <u>0.300</u> ± 0.100 | 3.000 ± 0.000 |",
        "| LTX | 0.100 ± 0.000 | **1.000** ± 0.000 |",
        "| ReasonDiff | **0.600** ± 0.100 | <u>2.000</u> ± 0.000 |",
        "| the true clips | 0.900 ± 0.000 | – |",
    ]
    assert table.markdown(deviations=False).splitlines()[2] == "| Wan & co | <u>0.300</u> | 3.000 |"


def test_latex_of_the_same() -> None:
    lines = results("unpaired", rows(), TITLES, COLUMNS, {"true-clips"}).latex().splitlines()
    assert lines[0] == r"\begin{tabular}{lcc}" and lines[-1] == r"\end{tabular}"
    assert lines[2] == r"Method & CLIP (text) $\uparrow$ & offset\_1 $\downarrow$ \\"
    assert lines[4].startswith(r"Wan \& co & \underline{0.300} {\scriptsize $\pm$ 0.100} & 3.000")
    assert r"\textbf{0.600}" in lines[6]


def test_below_zero_has_a_minus_in_latex_and_no_hyphen() -> None:
    made = [result("wan", number, value) for number, value in enumerate((-0.2, -0.4))]
    (line,) = results("u", made, {"wan": "Wan-tiny"}, (TEXT,), {"wan"}).latex().splitlines()[4:5]
    assert line == r"Wan-tiny & $-$0.300 {\scriptsize $\pm$ 0.100} \\"


def test_csv_of_the_same_is_unrounded_with_intervals() -> None:
    lines = list(csv.DictReader(io.StringIO(results("u", rows(), TITLES, COLUMNS, set()).csv())))
    assert len(lines) == 8
    assert lines[4]["method"] == "ReasonDiff" and float(lines[4]["mean"]) == pytest.approx(0.6)
    assert (float(lines[4]["low"]), float(lines[4]["high"])) == pytest.approx((0.5, 0.7))
    assert lines[7]["mean"] == "" and (lines[7]["count"], lines[7]["of"]) == ("0", "2")


def test_equal_as_printed_shares_the_first_place_and_leaves_no_second() -> None:
    tied = [result(system, 0, value) for system, value in (("a", 0.50004), ("b", 0.49996), ("c", 0.1))]
    table = results("t", tied, {"a": "a", "b": "b", "c": "c"}, (TEXT,), set())
    assert table.places(0) == ({0, 1}, set())


def test_a_mean_that_is_not_of_all_cases_says_so() -> None:
    some = rows()
    del some[0].values["clip_text"]  # type: ignore[attr-defined]
    assert "0.400** " not in results("t", some, TITLES, COLUMNS, set()).markdown()
    assert "<u>0.400</u> ± 0.000 of 1" in results("t", some, TITLES, COLUMNS, {"true-clips"}).markdown()


def test_comparisons_are_paired_signed_and_corrected() -> None:
    wan_text, wan_offset, ltx_text, ltx_offset = compare(rows(), "reasondiff", COLUMNS, {"true-clips"})
    assert (wan_text.method, wan_text.metric, wan_text.count) == ("wan", "clip_text", 2)
    assert wan_text.ahead == pytest.approx(0.3) and wan_text.interval == pytest.approx((0.3, 0.3))
    assert wan_offset.ahead == 1 and ltx_offset.ahead == -1  # fewer frames are better
    assert ltx_text.ahead == pytest.approx(0.5)
    assert wan_text.p == 1.0  # two pairs: 2 of 4 signs are so far, and four tests


def test_other_cases_are_never_averaged_together() -> None:
    with pytest.raises(InputError, match=r"'ltx' has no result of 1 of 2 cases, such as '0001'"):
        results("t", rows()[:3], TITLES, COLUMNS, set())
    with pytest.raises(InputError, match="'wan' has two results of one case"):
        results("t", [*rows(), rows()[0]], TITLES, COLUMNS, set())
