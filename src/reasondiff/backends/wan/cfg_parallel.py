"""Classifier-free guidance over two processes: one computes the positive branch, the other the negative one.

    torchrun --nproc-per-node 2 script.py        # in it: pipe.enable_cfg_parallel()

Both processes run the same call and get the same video, in about half the time.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from reasondiff.errors import UnsupportedError

__all__ = ["CfgParallel"]


class CfgParallel:
    """The two processes.

    Args:
        group: of exactly two processes; all of them by default.

    Raises:
        UnsupportedError: there are not two processes.
    """

    def __init__(self, group: Any = None) -> None:
        if not dist.is_available() or not dist.is_initialized():
            raise UnsupportedError("There is one process; start two with torchrun and call init_process_group first.")
        if (count := dist.get_world_size(group)) != 2:
            raise UnsupportedError(f"Guidance has two branches and the group has {count} processes; give a group of 2.")
        self.group = group

    @property
    def positive(self) -> bool:
        """Whether this process computes the positive branch."""
        return dist.get_rank(self.group) == 0

    def exchange(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """The positive and the negative branch's prediction, of which this process has computed ``own``."""
        both = [torch.empty_like(own), torch.empty_like(own)]
        dist.all_gather(both, own.contiguous(), self.group)
        return both[0], both[1]
