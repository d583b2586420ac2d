"""Two processes of a test that make up a group."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn.functional

__all__ = ["free_port", "run", "start", "threads"]

multiprocessing.set_forkserver_preload(["torch", "accelerate", "diffusers", "peft", "transformers", "reasondiff"])


def start(work: Callable[..., None], *args: Any) -> None:
    """``work(rank, *args)`` in two processes; what either raises is raised here.

    Both are forked from one process that has imported the libraries and done nothing else: no thread and no lock of
    the tests' own process comes along, and the seconds that the imports take are paid once.
    """
    torch.multiprocessing.start_processes(work, args=args, nprocs=2, start_method="forkserver")


def run(folder: Path, work: Callable[..., None], *args: Any) -> None:
    """``work(*args)`` in two processes that are a group, which meets in ``folder``; what either raises is raised."""
    start(_member, str(folder / "rendezvous"), work, args)


def free_port() -> int:
    """Where the processes of a group may meet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


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
