"""The same function over many items, in processes of this machine; results in the items' order.

Only a few items per process are under way at a time, so memory does not grow with the set.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from reasondiff.errors import InputError, UnsupportedError

__all__ = ["check_workers", "over_processes"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 4
"""Items under way per process: one is worked on, and a slow one holds up no other process at once."""


def check_workers(workers: int) -> None:
    """Raise ``InputError`` for a number of processes that no machine has."""
    if not 1 <= workers <= 256:
        raise InputError(f"{workers} processes cannot work; give 1 to 256.")


def over_processes(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """``function`` of every item.

    Args:
        function: of a module, so that other processes find it; returns its errors as values.
        items: in order.
        workers: processes; 1 works in this one.

    Raises:
        UnsupportedError: a process was killed, most often because memory ran out.
    """
    check_workers(workers)
    if workers == 1:
        yield from map(function, items)
        return
    # A fork would carry this process's threads and a GPU's context along.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        under_way: deque[Future[Result]] = deque()
        waiting = iter(items)
        try:
            while True:
                while len(under_way) < _AHEAD * workers and (item := next(waiting, None)) is not None:
                    under_way.append(pool.submit(function, item))
                if not under_way:
                    return
                yield under_way.popleft().result()
        except BrokenProcessPool:
            raise UnsupportedError(
                "A worker process was killed, perhaps because memory ran out; give fewer --workers. The same command "
                "goes on."
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
