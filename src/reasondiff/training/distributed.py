"""One run in several processes, by accelerate: each draws its own batch, and DDP averages their gradients.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 --no-python reasondiff train --recipe storyworld-tiny/base ...

``accelerate launch`` does as well. Every process has all of the weights; the main one keeps the run's files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed.nn.functional  # early: the defaults of its functions keep a group that is there before it
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs, broadcast

__all__ = ["accelerator_on", "main_process_says"]

_PATIENCE = timedelta(hours=12)
"""Who is done waits for those that still encode clips, and all for the main process while it validates."""


@contextmanager
def accelerator_on(device: str = "cpu") -> Iterator[Accelerator]:
    """Yield accelerate's view of the processes that a launcher has started, or of this one alone.

    At the end this process leaves the group. One that ends as a member may abort, because the group's threads can
    outlive the interpreter.

    Args:
        device: ``cpu`` or ``cuda``; with CUDA each process has the GPU of its local rank.
    """
    accelerator = Accelerator(
        cpu=torch.device(device).type == "cpu",
        device_placement=False,  # a recipe builds its stage where it belongs
        mixed_precision="no",  # said by the recipe: ``Optimization.precision``
        kwargs_handlers=[
            InitProcessGroupKwargs(timeout=_PATIENCE),
            DistributedDataParallelKwargs(find_unused_parameters=True),  # a step may leave a branch of a model out
        ],
    )
    try:
        yield accelerator
    finally:
        accelerator.end_training()


def main_process_says(answer: bool, accelerator: Accelerator) -> bool:
    """The main process's answer, in all of them."""
    if accelerator.num_processes == 1:
        return answer
    told = torch.tensor(answer, dtype=torch.uint8, device=accelerator.device)
    return bool(broadcast(told, from_process=0))
