"""``reasondiff score`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.media import write_video


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    folder = tmp_path / "benchmark"
    folder.mkdir()
    Image.new("RGB", (32, 32), "white").save(folder / "white.png")
    rows = [{"id": name, "image": "white.png", "prompt": "It gets white.", "seed": 0} for name in ("a", "b")]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def brightening(path: Path, frames: int, fps: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.linspace(0, 255, frames).round().astype(np.uint8)
    write_video(path, levels[:, None, None, None].repeat(32, 1).repeat(32, 2).repeat(3, 3), fps)


def test_any_folder_is_scored_and_what_was_done_is_written_down(
    reasondiff: Callable, benchmark: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    brightening(run / "wan" / "a.mp4", 81, 16)
    brightening(run / "wan" / "b.mp4", 81, 16)
    brightening(run / "crafter" / "a.mp4", 16, 8)
    ran = reasondiff("score", run, "--benchmark", benchmark, "--metric", "best_frame_psnr", "--metric", "sharpness")
    assert ran.code == 0, ran
    assert "crafter: no video of 1 of 2 cases, which count as failures; case b: There is no video of case b." in ran.out
    assert "wan: 2 of 81 frames at 16 fps, 32x32, h264." in ran.out
    table = (run / "scores" / "table.md").read_text()
    assert table.startswith("| method | crafter | wan |\n| --- | --- | --- |\n| best frame's PSNR | ")
    rows = [json.loads(line) for line in (run / "scores" / "results.jsonl").read_text().splitlines()]
    assert [(row["system"], row["case"], row["video"].get("frames")) for row in rows] == [
        ("crafter", "a", 16), ("crafter", "b", None), ("wan", "a", 81), ("wan", "b", 81)
    ]  # fmt: skip
    assert {row["version"] for row in rows} and all(row["image_sha256"] for row in rows)
    about = json.loads((run / "scores" / "metrics.json").read_text())
    assert about["sharpness"]["unit"] == "of the image's"
    again = reasondiff("score", run, "--benchmark", benchmark, "--metric", "best_frame_psnr", "--metric", "sharpness")
    assert again.code == 0 and len((run / "scores" / "results.jsonl").read_text().splitlines()) == 4


def test_what_cannot_be_scored_is_one_sentence(refused: Callable, benchmark: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert "There is no folder" in refused("score", run, "--benchmark", benchmark)
    brightening(run / "wan" / "c.mp4", 3, 8)
    assert "belongs to no case" in refused("score", run, "--benchmark", benchmark)
    assert "give a benchmark's folder" in refused("score", run, "--benchmark", tmp_path / "none")
    (run / "wan" / "c.mp4").rename(run / "wan" / "a.mp4")
    assert "There is no metric 'beauty'" in refused("score", run, "--benchmark", benchmark, "--metric", "beauty")
    assert "give their file as --ranks" in refused("score", run, "--benchmark", benchmark, "--metric", "user_rank")
