"""The command itself: version, help, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import reasondiff as package
from reasondiff.errors import NarrationError


def test_version_and_help(reasondiff: Callable) -> None:
    assert reasondiff("--version").out == f"reasondiff {package.__version__}\n"
    shown = reasondiff("--help").out
    for verb in ("generate", "replay", "cases", "narrate", "caption", "train", "storyworld"):
        assert verb in shown


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("generate",), ("generate", "--image"), ("replay", "a.mp4", "-o", "b.mp4", "--seed", "x")],
)
def test_usage_errors_end_with_2(reasondiff: Callable, arguments: tuple[str, ...]) -> None:
    assert reasondiff(*arguments).code == 2


def test_an_error_is_one_line_even_if_it_quotes_several(
    reasondiff: Callable, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise NarrationError("The narrator gave\nno story.", "line one\nline two")

    monkeypatch.setattr("reasondiff.narrative.formats.read_narrative", fail)
    ran = reasondiff("narrate", "show", "story.json")
    assert (ran.code, ran.err) == (2, "The narrator gave no story. It replied: 'line one\\nline two'\n")


def test_interrupts_end_with_130(reasondiff: Callable, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reasondiff.narrative.formats.read_narrative", interrupt)
    assert reasondiff("narrate", "show", "story.json").code == 130


SLOW_WRITER = """
import sys, time, numpy as np
import av
from reasondiff import cli
from reasondiff.media import write_video
from_ndarray = av.VideoFrame.from_ndarray
def slowly(*arguments, **options):
    print("writing", flush=True)
    time.sleep(0.2)
    return from_ndarray(*arguments, **options)
av.VideoFrame.from_ndarray = slowly
cli.app = lambda **_: write_video("out.mp4", np.zeros((99, 64, 64, 3), np.uint8), 5)
cli.main()
"""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_writing_leaves_nothing_half_written(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        # A shell's background jobs, and all that they start, ignore Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        process.send_signal(sent)
        assert process.wait(timeout=30) == code
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"old"


def test_a_reader_that_goes_away_is_no_error(here: Path) -> None:
    code = "import sys\nsys.argv[1:] = ['narrate', 'show', 'story.json']\nfrom reasondiff.cli import main\nmain()"
    reading, writing = os.pipe()
    os.close(reading)  # as with '| head' after its last line
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60
        )
    finally:
        os.close(writing)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1)
