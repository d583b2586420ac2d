"""A whole report of a small run: its files, its page, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.report.page import page
from reasondiff.evaluation.report.runs import read_runs
from reasondiff.evaluation.report.writer import chosen_cases, customisations, write_report
from reasondiff.evaluation.rows import append_row, read_rows, write_rows
from tests.evaluation.report.conftest import MakeRun, result


def test_a_report_of_one_run(make_run: MakeRun, benchmark: Path, tmp_path: Path) -> None:
    folder = make_run(wan=[0.1, 0.2, None], reasondiff=[0.6, 0.7, 0.8])
    report = write_report(read_runs([folder], benchmark), tmp_path / "report", sheets=2)
    written = {path.relative_to(report.folder).as_posix() for path in report.folder.rglob("*.*")}
    tables = {f"table{number}.{end}" for number in (1, 2) for end in ("md", "tex", "csv")}
    pictures = {"ratios.png", "sheets/0000.png", "sheets/0002.png", "narratives/0000.png"}
    assert written == {"report.md", "index.html"} | tables | pictures
    text = (report.folder / "report.md").read_text()
    assert "| Wan-tiny image-to-video | <u>0.000</u> | <u>0.100</u> |" in text  # of three, the failure among them
    assert "no video of 1 of 3 cases, which count as failures; case 0002: The reply is empty." in text
    assert "| Wan-tiny image-to-video | CLIP text (a stub 1, MIT) | +0.600 [" in text
    ours, theirs = text.split("## The paper's own numbers")
    assert "0.261" not in ours and "0.600" not in theirs  # beside, and never mixed
    for picture in pictures:
        with Image.open(report.folder / picture) as opened:
            assert opened.width > 500
    assert json.loads(json.dumps(report.notes))


def test_the_page_holds_everything_and_asks_for_nothing(make_run: MakeRun, benchmark: Path, tmp_path: Path) -> None:
    folder = make_run(wan=[0.1, 0.2, None], reasondiff=[0.6, 0.7, 0.8])
    write_report(read_runs([folder], benchmark), tmp_path / "report")
    text = (tmp_path / "report" / "index.html").read_text()
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:|//|\.|/)""", text)
    data = json.loads(text.split('type="application/json">')[1].split("</script>")[0])
    assert [case["id"] for case in data["cases"]] == ["0000", "0001", "0002"]
    assert data["cases"][1]["prompt"] == "A <b>dog</b> & </script> more."
    assert "<b>dog</b>" not in text and "<breaks>" not in text  # what others wrote is never markup
    assert data["cases"][2]["videos"]["wan"]["failure"] == "The reply is empty."
    assert [part["here"] for part in data["cases"][0]["story"]] == [False, True]
    video = data["cases"][0]["videos"]["reasondiff"]
    content = base64.b64decode(video["src"].removeprefix("data:video/mp4;base64,"))
    assert content == (folder / "videos/reasondiff/0000.mp4").read_bytes() and video["passed"] is True
    script = text.rsplit("<script>", 1)[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_cases_that_do_not_fit_on_the_page_are_counted(make_run: MakeRun, benchmark: Path) -> None:
    (run,) = read_runs([make_run(wan=[0.1, 0.2, 0.3])], benchmark)
    assert "2 more cases did not fit on this page" in page(run, "A page", [], max_bytes=1)


def test_two_runs_of_one_suite_are_put_together(make_run: MakeRun, benchmark: Path, tmp_path: Path) -> None:
    one, other = make_run("one", wan=[0.1, 0.2, 0.3]), make_run("two", reasondiff=[0.6, 0.7, 0.8])
    (run,) = read_runs([one, other], benchmark)
    assert list(run.titles) == ["wan", "reasondiff"]
    assert [run.video_of(row) is not None for row in run.rows] == [True] * 6
    with pytest.raises(InputError, match="Two runs have results of 'wan'; give one of them"):
        read_runs([one, make_run("three", wan=[0.1])], benchmark)
    (other / "evaluation.json").write_text('{"suite": "benchmark", "cases": 4}')
    (one / "evaluation.json").write_text('{"suite": "benchmark", "cases": 3}')
    with pytest.raises(InputError, match="are of other cases of 'benchmark'; report them apart"):
        read_runs([one, other], benchmark)


def test_two_suites_share_table_1_and_have_one_each(make_run: MakeRun, tmp_path: Path) -> None:
    unpaired = make_run("one", suite="unpaired", wan=[0.1, 0.2, 0.3], reasondiff=[0.4, 0.5, 0.6])
    paired = make_run("two", suite="paired", wan=[0.7, 0.7, 0.7], reasondiff=[0.6, 0.6, 0.6])
    write_report(read_runs([unpaired, paired]), tmp_path / "report", sheets=0)
    first = (tmp_path / "report" / "table1.md").read_text()
    assert first.startswith("unpaired\n") and "\npaired\n" in first
    assert "**0.500**" in (tmp_path / "report" / "table2.md").read_text()
    assert "**0.700**" in (tmp_path / "report" / "table3.md").read_text()
    assert (tmp_path / "report" / "unpaired" / "index.html").exists()


def test_methods_on_different_cases_are_refused(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(wan=[0.1, 0.2], reasondiff=[0.4, 0.5, 0.6])
    with pytest.raises(InputError, match=r"'wan' has no result of 1 of 3 cases, such as '0002'"):
        write_report(read_runs([folder]), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_scores_are_read_with_their_run(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(wan=[0.1, 0.2, 0.3])
    (folder / "scores").mkdir()
    for number in range(3):
        row = result("wan", number, 0.9)
        row.values["sharpness"] = 2.0  # type: ignore[index]
        append_row(folder / "scores" / "results.jsonl", row)
    (run,) = read_runs([folder])
    assert [row.values["clip_text"] for row in run.rows] == [0.1, 0.2, 0.3]  # the run's own, before encoding
    assert [row.values["sharpness"] for row in run.rows] == [2.0] * 3
    assert {column.name for column in run.columns} == {"story_success", "clip_text", "sharpness"}


def test_one_image_with_several_texts_is_a_sheet_and_strips_are_shown(
    make_run: MakeRun, benchmark: Path, tmp_path: Path
) -> None:
    folder = make_run(wan=[0.1, 0.2, 0.3], reasondiff=[0.6, 0.7, 0.8])
    rows = list(read_rows(folder / "results.jsonl").values())
    write_rows(folder / "results.jsonl", [replace(row, image_sha256="teal" * (row.case < "0002")) for row in rows])
    (folder / "attention").mkdir()
    Image.new("RGB", (600, 40)).save(folder / "attention" / "0000-vase.png")
    (run,) = read_runs([folder], benchmark)
    assert customisations(run, 6) == [("0000", ["0000", "0001"])] and customisations(run, 0) == []
    write_report([run], tmp_path / "report", sheets=1)
    text = (tmp_path / "report" / "report.md").read_text()
    assert "(customisation/0000.png)" in text and "(attention/0000-vase.png)" in text
    with Image.open(tmp_path / "report" / "customisation" / "0000.png") as sheet:
        assert sheet.height > 4 * 192, "two texts, two methods each"


def test_a_folder_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There are no results in"):
        read_runs([tmp_path])


def test_the_cases_that_are_drawn_do_not_depend_on_results(make_run: MakeRun) -> None:
    (run,) = read_runs([make_run(wan=[0.1, None, 0.3])])
    assert chosen_cases(run, 2) == ["0000", "0002"] and chosen_cases(run, 9) == ["0000", "0001", "0002"]
    assert chosen_cases(run, 0) == []
