"""Timing contestants side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

__all__ = ["fastest"]


def fastest(calls: Mapping[str, Callable[[], Any]], rounds: int, *, device: str = "cpu") -> dict[str, float]:
    """The least seconds that each call took, over rounds in which they take turns; one round before does not count.

    On the CPU these are seconds of processor time, which other processes disturb less; on a GPU they are its own.
    """
    clock = _gpu if device == "cuda" else _cpu
    best = dict.fromkeys(calls, float("inf"))
    for round_ in range(rounds + 1):
        for name, call in calls.items():
            seconds = clock(call)
            if round_:
                best[name] = min(best[name], seconds)
    return best


def _cpu(call: Callable[[], Any]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def _gpu(call: Callable[[], Any]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    call()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3
