"""One run in several processes: each draws its own batch, and their gradients are averaged.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 --no-python reasondiff train --recipe storyworld-tiny/base --batch 8

``accelerate launch`` does as well. Every process has all of the weights; the first one keeps the run's files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Self

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # early: the defaults of its functions keep a group that is there before it
from accelerate import PartialState
from torch import nn

__all__ = ["Workers"]


_PATIENCE = timedelta(hours=12)
"""Others wait while the first process encodes clips or validates."""


class Workers:
    """The processes of this run; only this one unless a launcher has started more.

    A context: at its end this process leaves the group. One that ends as a member may abort, because the group's
    threads can outlive the interpreter.

    Args:
        device: ``cpu`` or ``cuda``; with CUDA each process has the GPU of its local rank.
    """

    def __init__(self, device: str = "cpu") -> None:
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        cpu = torch.device(device).type == "cpu"
        self._state = PartialState(cpu=cpu, timeout=_PATIENCE) if several else None
        self.device = device if self._state is None else str(self._state.device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._state is not None:
            self._state.destroy_process_group()

    @property
    def rank(self) -> int:
        return 0 if self._state is None else self._state.process_index

    @property
    def number(self) -> int:
        return 1 if self._state is None else self._state.num_processes

    @property
    def first(self) -> bool:
        """Whether this process logs, validates, saves and exports."""
        return self.rank == 0

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self._state is None:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.number
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, answer: bool) -> bool:
        """The first process's answer, in all of them."""
        if self._state is None:
            return answer
        told = torch.tensor(answer, dtype=torch.uint8, device=self.device)
        dist.broadcast(told, 0)
        return bool(told)

    def in_turn(self) -> AbstractContextManager[None]:
        """The first process goes through alone, then the others."""
        return nullcontext() if self._state is None else self._state.main_process_first()

    def wait(self) -> None:
        """Until every process is here."""
        if self._state is not None:
            self._state.wait_for_everyone()
