"""The same function over many items, in processes of this machine or on a Ray cluster; results in the items' order.

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

__all__ = ["check_workers", "over_processes", "over_ray"]

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


def over_ray(function: Callable[[Item], Result], items: Sequence[Item], address: str) -> Iterator[Result]:
    """``function`` of every item on the nodes of a Ray cluster, which must see the same files.

    What a node that dies was working on is given to another one. Files are written whole or not at all, so nothing is
    lost and nothing is there twice.

    Args:
        function: of a module; returns its errors as values.
        items: in order.
        address: of the cluster, or ``local`` for one on this machine.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
    """
    try:
        import ray
    except ImportError:
        raise InputError("--ray needs Ray; run pip install 'reasondiff[ray]'.") from None
    try:
        ray.init(address=address, logging_level="error", log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())
        raise InputError(f"No Ray cluster answers at {address!r} ({told}); check --ray.") from None
    try:
        task = ray.remote(max_retries=-1)(function)
        processors = max(1, int(ray.cluster_resources().get("CPU", 1)))
        under_way: deque[ray.ObjectRef] = deque()
        waiting = iter(items)
        while True:
            while len(under_way) < _AHEAD * processors and (item := next(waiting, None)) is not None:
                under_way.append(task.remote(item))
            if not under_way:
                return
            yield ray.get(under_way.popleft())
    finally:
        ray.shutdown()
