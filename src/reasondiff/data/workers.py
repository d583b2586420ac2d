"""The same function over many items: here, in processes of this machine, or on a Ray cluster.

Results come in the items' order, whoever made them, so a set is the same wherever it was made. Only a few items per
process are under way at a time, so memory does not grow with the set.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import BaseContext
from typing import Any, Generic, Protocol, TypeVar

from reasondiff.cluster import join_cluster
from reasondiff.errors import InputError, UnsupportedError

__all__ = ["Over", "check_workers", "here", "over", "over_processes", "over_ray"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Over(Protocol):
    """Where work is done."""

    def __call__(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """``function`` of every item, in order.

        Args:
            function: of a module, so that other processes find it; returns its errors as values.
            items: that can be sent there.
        """


def here(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """In this process, each when it is asked for; see ``Over``."""
    return map(function, items)


def over(workers: int = 1, ray: str | None = None, *, gpus: float = 0.0) -> Over:
    """In so many processes of this machine, or on the Ray cluster of that address.

    Args:
        workers: processes; 1 is this one.
        ray: an address, such as ``auto`` or ``10.0.0.1:6379``.
        gpus: that an item needs there.

    Raises:
        InputError: both are asked for, or a number of processes that no machine has.
    """
    check_workers(workers)
    if ray is None:
        return here if workers == 1 else partial(over_processes, workers=workers)
    if workers > 1:
        raise InputError(f"A Ray cluster has processes of its own; leave --workers {workers} out.")
    return partial(over_ray, address=ray, gpus=gpus)


_MOST_BLOCKS = 10_000
"""Of a Ray dataset; an item each, where they are not more."""
_AHEAD = 4
"""Items under way per process: one is worked on, and a slow one holds up no other process at once."""


def check_workers(workers: int) -> None:
    """Raise ``InputError`` for a number of processes that no machine has."""
    if not 1 <= workers <= 256:
        raise InputError(f"{workers} processes cannot work; give 1 to 256.")


def over_processes(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """In processes of this machine; see ``Over``.

    Raises:
        UnsupportedError: a process was killed, most often because memory ran out.
    """
    check_workers(workers)
    with ProcessPoolExecutor(workers, mp_context=_context(function.__module__)) as pool:
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


def _context(module: str) -> BaseContext:
    """How processes are made: not by a fork of this one, which would carry its threads and a GPU's context along, but
    where there is one by that of a fresh one that has imported the module, once for all of them.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])  # a second set, once the server runs, changes nothing
    return context


def over_ray(
    function: Callable[[Item], Result], items: Sequence[Item], address: str, *, gpus: float = 0.0
) -> Iterator[Result]:
    """On a Ray cluster, by Ray Data, which gives what a lost machine had to the others; see ``Over``.

    The set, the videos and the models lie where every machine sees them under the same names, and every machine has
    this package.

    Raises:
        InputError: Ray is not installed, or no cluster answers.
    """
    if not items:
        return
    join_cluster(address)
    import ray.data

    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False  # the command has its own
    rows = ray.data.from_items(
        [{"item": _Sealed(item)} for item in items], override_num_blocks=min(len(items), _MOST_BLOCKS)
    )
    done = rows.map(_OfRow(function), num_cpus=1, num_gpus=gpus or None)
    for row in done.iter_rows():
        yield row["result"].value


@dataclass(frozen=True)
class _Sealed(Generic[Item]):
    """A value that Ray carries as it is, and makes no column of."""

    value: Item


@dataclass(frozen=True)
class _OfRow(Generic[Item, Result]):
    """A function of items as one of Ray Data's rows."""

    function: Callable[[Item], Result]

    def __call__(self, row: Mapping[str, Any]) -> dict[str, _Sealed[Result]]:
        return {"result": _Sealed(self.function(row["item"].value))}
