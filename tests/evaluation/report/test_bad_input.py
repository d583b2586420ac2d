"""What is wrong with a run is named in one sentence, and nothing is averaged over other cases in silence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reasondiff.errors import InputError
from reasondiff.evaluation.report.runs import read_runs
from reasondiff.evaluation.report.writer import write_report
from reasondiff.evaluation.rows import append_row, read_rows
from reasondiff.evaluation.suites.benchmark_folder import BenchmarkFolder
from tests.evaluation.report.conftest import MakeRun, result


def test_a_half_written_run_names_the_case_that_is_missing(make_run: MakeRun, tmp_path: Path) -> None:
    log = make_run(wan=[0.1, 0.2, 0.3], reasondiff=[0.4, 0.5, 0.6]) / "results.jsonl"
    log.write_text(log.read_text()[:-40])  # the kill came while the last line was written
    with pytest.raises(InputError, match=r"'reasondiff' has no result of 1 of 3 cases, such as '0002'"):
        write_report(read_runs([log.parent]), tmp_path / "report")


def test_two_results_of_one_case_are_the_later_one(make_run: MakeRun) -> None:
    folder = make_run(wan=[0.1, 0.2, 0.3])
    append_row(folder / "results.jsonl", result("wan", 1, 0.9))
    (run,) = read_runs([folder])
    assert [row.values["clip_text"] for row in run.rows] == [0.1, 0.9, 0.3]


def test_videos_that_are_gone_or_damaged_are_named_in_their_place(
    make_run: MakeRun, benchmark: Path, tmp_path: Path
) -> None:
    folder = make_run(wan=[0.1, 0.2, 0.3])
    (folder / "videos" / "wan" / "0000.mp4").unlink()
    write_report(read_runs([folder], benchmark), tmp_path / "report", sheets=1)
    data = (tmp_path / "report" / "index.html").read_text().split('type="application/json">')[1].split("</script>")[0]
    assert json.loads(data)["cases"][0]["videos"]["wan"]["failure"] == "the video is gone"
    (folder / "videos" / "wan" / "0000.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"0000.mp4' .*"):
        write_report(read_runs([folder], benchmark), tmp_path / "report", sheets=1)


def test_videos_of_other_lengths_sizes_and_rates_are_said(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(wan=[0.1, 0.2, 0.3])
    rows = list(read_rows(folder / "results.jsonl").values())
    for number, changed in enumerate(({"frames": 81}, {"fps": 16.0}, {"width": 32, "height": 32})):
        (folder / "results.jsonl").unlink()
        for row in rows:
            video = {**row.video, **changed} if row.case == "0001" else row.video
            append_row(folder / "results.jsonl", replace(row, video=video))
        report = write_report(read_runs([folder]), tmp_path / str(number), sheets=0)
        assert any(note.startswith("Videos differ in length, rate or size") for note in report.notes), changed


def test_a_metric_that_some_videos_lack_says_of_how_many_it_is(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(wan=[0.1, 0.2, 0.3])
    row = result("wan", 2, 0.3)
    without = replace(row, values={"story_success": 0.0}, missing={"clip_text": "the case has no captions"})
    append_row(folder / "results.jsonl", without)
    report = write_report(read_runs([folder]), tmp_path / "report", sheets=0)
    assert "CLIP text (a stub 1, MIT) of 2 of 3 cases; the case has no captions." in " ".join(report.notes)
    assert "**0.150** ± 0.050 of 2" in report.table.markdown()


def test_a_benchmark_of_another_version_is_refused(make_run: MakeRun, benchmark: Path) -> None:
    folder = make_run(wan=[0.1, 0.2, 0.3])
    (folder / "evaluation.json").write_text(json.dumps({"suite": "benchmark", "cases.jsonl": "of a year ago"}))
    with pytest.raises(InputError, match=r"is of another version of the benchmark .*, whose cases.jsonl has changed"):
        read_runs([folder], benchmark)
    (benchmark / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="is a benchmark of format 99, and this program reads 1; build it again"):
        BenchmarkFolder(benchmark).cases()


def test_judgements_of_two_oracles_are_never_mixed(make_run: MakeRun) -> None:
    one, other = make_run("one", wan=[0.1, 0.2, 0.3]), make_run("two", reasondiff=[0.6, 0.7, 0.8])
    for folder, judge in ((one, "today's"), (other, "yesterday's")):
        (folder / "evaluation.json").write_text(json.dumps({"suite": "benchmark", "judged_by": {"oracle": judge}}))
    with pytest.raises(InputError, match="were judged by different oracles; have both judged by 'reasondiff score'"):
        read_runs([one, other])
    scores = other / "scores"
    scores.mkdir()
    (scores / "evaluation.json").write_text((one / "evaluation.json").read_text())
    for number in range(3):
        row = replace(result("reasondiff", number, 0.1), verdict="the dog is a blob")
        append_row(scores / "results.jsonl", replace(row, values={"story_success": 0.0}))
    (run,) = read_runs([one, other])
    judged = [row for row in run.rows if row.system == "reasondiff"]
    assert [row.values["story_success"] for row in judged] == [0.0] * 3, "judged anew"
    assert [row.values["clip_text"] for row in judged] == [0.6, 0.7, 0.8], "measured before encoding"
    assert {row.verdict for row in judged} == {"the dog is a blob"}
    (scores / "results.jsonl").write_text((scores / "results.jsonl").read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="was judged anew, but not its case '0001' of 'reasondiff'; score it again"):
        read_runs([one, other])
