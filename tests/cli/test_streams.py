"""What is printed never undoes what was done: pipes, encodings and names of every kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reasondiff.media import read_video
from reasondiff.narrative import Narrative
from tests.cli.test_generate import given


def run(*arguments: object, encoding: str = "utf-8", **options: object) -> subprocess.CompletedProcess[bytes]:
    code = "from reasondiff.cli import main\nmain()"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(words, env=environment, timeout=120, **({"capture_output": True} | options))  # type: ignore[call-overload]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_a_terminal_that_knows_few_characters(encoding: str, here: Path) -> None:
    name = os.fsdecode("猫 ".encode() + b"\xff.json")
    Narrative.from_ends([(9, "一只猫 → 😀")], 6, 9).save(name)
    done = run("narrate", "show", name, encoding=encoding)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done
    assert b"\\u732b" in done.stdout and list(here.glob("*-timeline.png"))
    failed = run("narrate", "show", "猫" + os.fsdecode(b"\xff"), encoding=encoding)
    assert failed.returncode == 2 and failed.stderr.startswith(b"There is no") and failed.stderr.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_the_output_is_told(here: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = run("narrate", "show", "story.json", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2
    assert done.stderr == b"A file cannot be used: No space left on device; make room.\n"


@pytest.mark.parametrize("what", ["closed", "full", "none"])
def test_remarks_that_cannot_be_printed_stop_nothing(what: str, here: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    if what == "full":
        writing = os.open("/dev/full", os.O_WRONLY)
    closing = (lambda: os.close(2)) if what == "none" else None
    Path("rows.jsonl").write_text('{"image": "vase.png", "prompt": "A cat plays."}\n')
    asked = ("narrate", "--batch", "rows.jsonl", "--narrator", "file:story.json", "--num-frames", 9, "-o", "told.jsonl")
    done = run(*asked, capture_output=False, stdout=subprocess.PIPE, stderr=writing, preexec_fn=closing)
    os.close(writing)
    assert done.returncode == 0 and b"1 of 1 rows told" in done.stdout
    assert len(Path("told.jsonl").read_text().splitlines()) == 1


def test_a_finished_video_is_kept_where_its_place_has_gone(
    reasondiff: Callable, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reasondiff.jobs.session import VideoSession

    folder = Path("results")
    folder.mkdir()
    generate = VideoSession.generate

    def removed_meanwhile(self: VideoSession, *arguments: object, **options: object) -> object:
        video = generate(self, *arguments, **options)  # type: ignore[arg-type]
        shutil.rmtree(folder)
        return video

    monkeypatch.setattr(VideoSession, "generate", removed_meanwhile)
    ran = reasondiff(*given(model, size="32x32", output="results/out.mp4"))
    assert ran.code == 2
    sentence = ran.err.strip().splitlines()[-1]
    assert sentence.startswith("'results/out.mp4' cannot be written: No such file or directory; what was made is kept")
    kept = read_video(here / "out.mp4")
    assert str(here / "out.mp4") in sentence and np.shape(kept.frames)[0] == 9
