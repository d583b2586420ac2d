"""The processes that make something for a training run together, as ``torch.distributed`` knows them.

One that is in no group is alone: it has everything to do, and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

__all__ = ["main_process_first", "rank_and_count", "wait_for_everyone"]


def rank_and_count() -> tuple[int, int]:
    """This process's number, from 0, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if _grouped() else (0, 1)


def wait_for_everyone() -> None:
    """Until all are here; every process must ask."""
    if _grouped():
        devices = [torch.cuda.current_device()] if dist.get_backend() == "nccl" else None
        dist.barrier(device_ids=devices)


@contextmanager
def main_process_first() -> Iterator[None]:
    """The first process does what is in the block before the others do it."""
    rank, _ = rank_and_count()
    if rank:
        wait_for_everyone()
    yield
    if not rank:
        wait_for_everyone()


def _grouped() -> bool:
    return dist.is_available() and dist.is_initialized()
