"""``reasondiff data``: a folder is looked at, becomes a set, and the set's clips are cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.videos import torture, video


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Here lies a folder of videos, good and bad."""
    monkeypatch.chdir(tmp_path)
    torture(tmp_path / "videos")
    (tmp_path / "videos" / "plain.txt").write_text("A cat plays.")
    return tmp_path


def test_looking_writes_nothing_and_says_every_reason(reasondiff: Callable, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    ran = reasondiff("data", "scan", "videos")
    assert ran.code == 0 and sorted(folder.rglob("*")) == before
    lines = ran.out.splitlines()
    assert lines[:3] == [
        "Read as videos with .txt captions beside them.",
        "9 videos can be used: 1 with one caption, 8 without a caption.",
        "7 cannot be used:",
    ]
    assert "  4, because it cannot be played:" in lines and "  1, because it is empty:" in lines
    for name in ("truncated.mp4", "header.mp4", "text.mp4", "sound.mp4", "empty.mp4", "one.mp4", "picture.mp4"):
        assert sum(line.startswith(f"    {name}") for line in lines) == 1, name


def test_from_a_folder_to_clips(reasondiff: Callable, folder: Path) -> None:
    ran = reasondiff("data", "scan", "videos", "-o", "set")
    assert ran.code == 0 and "Next: reasondiff data sample set" in ran.out
    assert len(Path("set/videos.jsonl").read_text().splitlines()) == 9
    assert len(Path("set/unusable.jsonl").read_text().splitlines()) == 7
    ran = reasondiff("data", "sample", "set", "--size", "32x32")
    assert ran.code == 0 and ran.out.splitlines()[-1] == "set: 9 clips of 33 frames, 0 of them made before."
    clips = [json.loads(line) for line in Path("set/clips.jsonl").read_text().splitlines()]
    assert all((Path("set") / clip["path"]).is_file() and clip["step"] == 0.2 for clip in clips)
    assert "9 of them made before" in reasondiff("data", "sample", "set", "--size", "32x32").out


def test_many_rows_of_one_reason_are_cut_only_where_a_file_has_them(reasondiff: Callable, folder: Path) -> None:
    rows = [f"gone{number}.mp4,A cat." for number in range(30)]
    Path("videos/metadata.csv").write_text("\n".join(["file_name,text", "plain.mp4,A cat.", *rows]))
    looked = reasondiff("data", "scan", "videos")
    assert looked.out.count("gone") == 30
    kept = reasondiff("data", "scan", "videos", "-o", "set")
    assert kept.out.count("gone") == 10 and "and 20 more, all in set/unusable.jsonl" in kept.out


def test_short_videos(reasondiff: Callable, folder: Path) -> None:
    video(folder / "short" / "a.mp4", 100)
    reasondiff("data", "scan", "short", "-o", "set")
    ran = reasondiff("data", "sample", "set", "--size", "32x32")
    assert ran.code == 2 and "4.00 s, and a clip needs more than 6.4 s" in ran.out and "give a smaller" in ran.err
    ran = reasondiff("data", "sample", "set", "--size", "32x32", "--min-step", 0.1)
    assert ran.code == 0 and "1 clips have a smaller step than 0.2 s" in ran.out


def test_bad_input(refused: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There is no 'none'" in refused("data", "scan", "none")
    Path("nothing").mkdir()
    assert "'set' is no set" in refused("data", "sample", "set")
    Path("file").touch()
    assert "'file' cannot be written" in refused("data", "scan", "videos", "-o", "file")
    Path("set").mkdir()
    Path("set/videos.jsonl").write_text("{}\n")
    assert "scan.json" in refused("data", "sample", "set")
    assert "The size '512' is not" in refused("data", "sample", "set", "--size", "512")
    assert "'fill' is unknown" in refused("data", "sample", "set", "--fit", "fill")
    for package in ("cv2", "scenedetect"):
        monkeypatch.setitem(__import__("sys").modules, package, None)
    assert "reasondiff[scenes]" in refused("data", "sample", "set", "--scenes")


def test_a_folder_without_a_video(reasondiff: Callable, folder: Path) -> None:
    Path("nothing").mkdir()
    ran = reasondiff("data", "scan", "nothing", "-o", "set")
    assert ran.code == 2 and "holds no video that can be used" in ran.err and not Path("set/videos.jsonl").exists()
