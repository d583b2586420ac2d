"""Four times as long takes four times as much: counted in calls of functions, which no busy machine changes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from reasondiff.narrative import Narrative
from reasondiff.narrator.batch import read_rows, run_batch

LINEAR = 4.6
"""What four times as much may take: four, and a little for threads that wait; its square would be 16."""


def calls_of(work: Callable[[], object]) -> int:
    """Calls of Python's and C's functions that ``work`` makes, in this thread and those that it starts."""
    counted = [0]

    def count(frame: Any, event: str, argument: object) -> None:
        counted[0] += event in ("call", "c_call")

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return counted[0]


def growth(work: Callable[[int], object], few: int) -> float:
    """By how much the calls grow from ``few`` to four times as many."""
    work(few)  # imports and caches
    return calls_of(lambda: work(4 * few)) / calls_of(lambda: work(few))


def test_a_long_batch_is_told_and_continued_in_linear_time(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    class Told:
        def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
            return Narrative.from_ends([(4, "A vase."), (num_frames, prompt)], 6, num_frames, interval=interval)

    runs = 0

    def tell(count: int) -> None:
        nonlocal runs
        runs += 1
        (tmp_path / "rows.csv").write_text(
            "image,prompt\n" + "".join(f"a.png,Story {number}\n" for number in range(count))
        )
        rows, out = read_rows(tmp_path / "rows.csv", num_frames=9, interval=0.2), tmp_path / f"{runs}.jsonl"
        half = [row for number, row in enumerate(rows) if number % 2]
        assert len(list(run_batch(half, Told(), out, concurrency=1))) == count // 2
        assert len(list(run_batch(rows, Told(), out, concurrency=1))) == count - count // 2

    assert growth(tell, 20) < LINEAR
