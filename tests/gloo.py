"""Two processes of a test that make up a group."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn.functional

__all__ = ["run", "threads"]


def run(folder: Path, work: Callable[..., None], *args: Any) -> None:
    """``work(*args)`` in two processes, which meet in ``folder``; what either raises is raised here."""
    torch.multiprocessing.spawn(_member, args=(str(folder / "rendezvous"), work, args), nprocs=2)


def _member(rank: int, rendezvous: str, work: Callable[..., None], args: tuple[Any, ...]) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    torch.accelerator.device_count = lambda: 1  # diffusers divides by it
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    work(*args)
    dist.destroy_process_group()
    gc.collect()  # the meshes of parallel models are parts of cycles
    assert not threads()  # one that goes on may abort the process at its end


def threads() -> list[str]:
    """The names of this process's gloo threads; none where the system does not list threads as files."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]
