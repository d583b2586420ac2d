"""By how much work grows with its input, counted, so that no busy machine changes it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

LINEAR = 4.6
"""What four times as much may take: four, and a little for threads that wait; its square would be 16."""

Measure = Callable[[Callable[[], object]], int]


def calls_of(work: Callable[[], object]) -> int:
    """Calls of Python's and C's functions that ``work`` makes, in this thread and those that it starts."""
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return counted


def instructions_of(work: Callable[[], object]) -> int:
    """Bytecode instructions that ``work`` runs in this thread, so the turns of a comprehension as well."""
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal counted
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        counted += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(before)
    return counted


def bytes_read_by(work: Callable[[], object]) -> int:
    """What this process reads from files, as Linux counts it."""

    def read() -> int:
        [line] = [line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("rchar")]
        return int(line.split()[1])

    before = read()
    work()
    return read() - before


def growth(work: Callable[[int], object], few: int, measure: Measure = calls_of) -> float:
    """By how much the measure grows from ``few`` to four times as many."""
    work(few)  # imports and caches
    less = measure(lambda: work(few))
    return measure(lambda: work(4 * few)) / less
