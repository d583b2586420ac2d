"""``benchmarks.threads``: contestants take turns, alone and beside a busy process, and nothing is left running."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks import threads


def test_the_ratio_is_to_two_sleeping_threads_in_the_same_surroundings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[subprocess.Popen] = []
    begin = subprocess.Popen

    def popen(*arguments: object, **options: object) -> subprocess.Popen:
        started.append(begin(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    def measured(number: int, first: str, steps: int) -> tuple[float, float]:
        slow = 4.0 if started and started[0].poll() is None else 1.0
        return slow * {(1, "reasondiff"): 3.0, (2, "torch"): 5.0, (2, "reasondiff"): 2.0}[number, first], 1.0

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(threads, "measured", measured)
    monkeypatch.setattr("sys.argv", ["threads", "--rounds", "2"])
    threads.main()
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()[1:]]
    assert told == [
        "alone 1 thread: 3.00 s wall, 1.00 s of CPU, 1.50x",
        "alone 2, spinning: 5.00 s wall, 1.00 s of CPU, 2.50x",
        "alone 2, sleeping: 2.00 s wall, 1.00 s of CPU, 1.00x",
        "beside a busy process 1 thread: 12.00 s wall, 1.00 s of CPU, 1.50x",
        "beside a busy process 2, spinning: 20.00 s wall, 1.00 s of CPU, 2.50x",
        "beside a busy process 2, sleeping: 8.00 s wall, 1.00 s of CPU, 1.00x",
    ]
    assert len(started) == 1 and started[0].poll() is not None
