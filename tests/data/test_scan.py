"""A folder becomes records: every good video, and every other row with its reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reasondiff.data.records import VideoRecord, read_lines, write_lines
from reasondiff.data.scan import Scan, scan
from reasondiff.errors import InputError
from tests.data.videos import torture, video


def names(found: Scan) -> list[str]:
    return [record.name for record in found.records]


def reasons(found: Scan) -> dict[str, str]:
    return {row.row: f"{row.reason}: {row.detail}" for row in found.unusable}


def test_odd_files_each_get_their_row(tmp_path: Path) -> None:
    expected = torture(tmp_path)
    found = scan(tmp_path)
    assert set(names(found)) == {name for name, reason in expected.items() if reason is None}
    told = reasons(found)
    assert told.keys() == {name for name, reason in expected.items() if reason is not None}
    for name, reason in expected.items():
        assert reason is None or reason in told[name], (name, told[name])


def test_caption_files_beside_the_videos(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4", "deep/d.mp4"):
        video(tmp_path / name, 5)
    (tmp_path / "a.txt").write_text("A cat plays.\n")
    (tmp_path / "b.txt").write_text("\ufeffA dog runs.\r\n\r\nA dog is running.\nA dog runs.\n", encoding="utf-8")
    (tmp_path / "lonely.txt").write_text("Nobody.")
    (tmp_path / "deep" / "d.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "readme.md").touch()
    found = scan(tmp_path)
    assert {record.path: record.captions for record in found.records} == {
        "a.mp4": ("A cat plays.",),
        "b.mp4": ("A dog runs.", "A dog is running."),
        "c.mp4": (),
    }
    assert any("1 videos have several caption lines" in note for note in found.notes)
    told = reasons(found)
    assert "without a video" in told["lonely.txt"] and "caption cannot be read" in told["deep/d.mp4"]
    assert found.unused == ("1 file that ends in '.md'",)


def test_ids_do_not_depend_on_the_place_of_the_set(tmp_path: Path) -> None:
    video(tmp_path / "one" / "deep" / "a.mp4", 5)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    first, second = (scan(tmp_path / name).records for name in ("one", "two"))
    assert first == second and len(first[0].id) == 16
    (tmp_path / "one" / "b.mp4").write_bytes((tmp_path / "one" / "deep" / "a.mp4").read_bytes())
    ids = [record.id for record in scan(tmp_path / "one").records]
    assert first[0].id in ids and len(set(ids)) == 2


def test_the_tables_own_folder_comes_first_and_a_second_fit_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    video(tmp_path / "a.mp4", 5)
    video(tmp_path / "set" / "a.mp4", 6)
    (tmp_path / "set" / "metadata.csv").write_text("file_name,text\na.mp4,A cat.\n")
    found = scan(tmp_path / "set")
    assert names(found) == ["a.mp4"]
    assert any("was taken" in note and "fits, too" in note for note in found.notes)
    (tmp_path / "set" / "a.mp4").unlink()
    assert names(scan(tmp_path / "set")) == [str(tmp_path / "a.mp4")]


def test_rows_that_name_no_file_here(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", 5)
    video(tmp_path / "extra.mp4", 5)
    rows = ["a.mp4,A cat.", "moved.mp4,Gone.", "https://a.example/b.mp4,Far.", f"{'x' * 300}.mp4,Long.", ",None."]
    (tmp_path / "metadata.csv").write_text("\n".join(["video,caption", *rows, "a.mp4,A cat.", "a.mp4,A tom."]))
    found = scan(tmp_path)
    assert [record.captions for record in found.records] == [("A cat.", "A tom.")]
    told = reasons(found)
    assert "no such file" in told["metadata.csv row 2"] and "'moved.mp4'" in told["metadata.csv row 2"]
    assert "an address" in told["metadata.csv row 3"]
    assert "name cannot be" in told["metadata.csv row 4"] or "no such file" in told["metadata.csv row 4"]
    assert "empty" in told["metadata.csv row 5"]
    assert told["metadata.csv row 6"] == "it repeats another row: metadata.csv row 1"
    assert told["extra.mp4"].startswith("no row names it")
    assert any("taken as an alternative" in note for note in found.notes)


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", 5)
    video(tmp_path / ".hidden" / "b.mp4", 5)
    (tmp_path / "link").symlink_to(tmp_path / ".hidden")
    (tmp_path / "metadata.csv").write_text("file_name,text\na.mp4,A cat.\n")
    (tmp_path / "shard.tar").touch()
    notes = " ".join(scan(tmp_path).notes)
    assert "'shard.tar' may name videos" in notes and "1 videos are hidden" in notes and "'link' is a link" in notes


def test_without_opening_only_the_name_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert names(scan(tmp_path, probe=False)) == ["a.mp4"]
    assert not scan(tmp_path).records


def test_records_survive_their_file(tmp_path: Path) -> None:
    records = [VideoRecord("1", "a|ü.mp4", None, ("A.", "B."), start=1.5, end=2.0), VideoRecord("2", "b\udcff.mp4")]
    write_lines(tmp_path / "videos.jsonl", records)
    assert read_lines(tmp_path / "videos.jsonl", VideoRecord) == records
    with (tmp_path / "videos.jsonl").open("a") as file:
        file.write(json.dumps({"id": "3", "place": "c.mp4"}))
    with pytest.raises(InputError, match=r"Line 3 .* \(unknown keys \['place'\]\)"):
        read_lines(tmp_path / "videos.jsonl", VideoRecord)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "There is no"),
        ("a.mp4", b"", "is one video"),
        ("a.doc", b"", "names no videos"),
        ("a.csv", b"id,words\n1,a\n", "no column that names a video"),
        ("a.csv", b"file_name,text\n\xff,a\n", "not UTF-8"),
        ("a.csv", b'file_name,text\n"a.mp4,A cat.\n', "is no CSV"),
        ("a.json", b'{"file_name": ', "is no JSON"),
        ("a.json", b'{"file_name": 1}', "no list of rows"),
        ("a.toml", b"datasets = [1]", "no [[datasets]]"),
        ("a.toml", b"[[datasets]]\nvideo_directory = 'none'", "which is not there"),
        ("a.toml", b"[[datasets]]\nvideo_directory = '.'\nsource_fps = 0", "source_fps"),
    ],
)
def test_bad_sources_are_one_sentence(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        scan(tmp_path / name)
    assert message in str(raised.value) and str(raised.value).endswith(".") and "\n" not in str(raised.value)
