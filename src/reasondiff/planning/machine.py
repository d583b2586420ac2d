"""What this machine has, and whether a model can run on it; said before anything is downloaded or loaded."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from reasondiff.checkpoints import HUB
from reasondiff.errors import InputError
from reasondiff.planning.architecture import Architecture

__all__ = ["GIB", "Machine", "check_machine", "downloads", "this_machine"]

GIB = 2**30
"""Bytes of what everybody calls a gigabyte of memory: a card of "24 GB" has 24 of these."""

_CPU_FLOPS = 0.5e12
"""What a fast desktop CPU sustains in bf16 or fp32 products; an order of magnitude, for a sentence."""

_SMALL = 1e9
"""A model of fewer parameters runs on a CPU."""

_SPARE = 1.05
"""Files are unpacked beside what is there already; a disk that is full to the brim is of no use."""


@dataclass(frozen=True)
class Machine:
    """What matters of a machine.

    Args:
        gpu: the name of the GPU that torch can use; None without one.
        gpu_memory: its bytes in all.
        gpu_free: bytes that are free.
        float8_products: whether it multiplies in 8 bits (compute capability 8.9).
        memory: bytes of the CPU's memory in all.
        memory_free: bytes that can be had without swapping.
        cache: where models from the hub are kept.
        cache_free: bytes that are free there.
    """

    gpu: str | None
    gpu_memory: float
    gpu_free: float
    float8_products: bool
    memory: float
    memory_free: float
    cache: Path
    cache_free: float


def this_machine() -> Machine:
    """This one; imports torch."""
    import psutil
    import torch
    from huggingface_hub.constants import HF_HUB_CACHE

    gpu, total, free, eights = None, 0, 0, False
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_name()
        free, total = torch.cuda.mem_get_info()
        eights = torch.cuda.get_device_capability() >= (8, 9)
    memory = psutil.virtual_memory()
    cache = Path(HF_HUB_CACHE)
    return Machine(gpu, total, free, eights, memory.total, memory.available, cache, _free_disk(cache))


def _free_disk(folder: Path) -> float:
    """Of the disk that ``folder`` is on, or would be."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def downloads(model: Architecture, cache: Path) -> float:
    """Bytes of a hub model's weights that are not in the cache yet; 0 for a model in a folder."""
    repo = HUB.get(model.name.lower(), model.name)
    if Path(model.name).is_dir() or "/" not in repo:
        return 0.0
    blobs = cache / f"models--{repo.replace('/', '--')}" / "blobs"
    present = sum(file.stat().st_size for file in blobs.iterdir()) if blobs.is_dir() else 0
    return max(0.0, sum(model.disk.values()) - present)


def check_machine(model: Architecture, flops: float, machine: Machine, *, device: str | None = None) -> None:
    """Raise unless ``model`` can reasonably be downloaded to and run on ``machine``.

    Args:
        model: to be run.
        flops: of one video.
        machine: from ``this_machine``.
        device: as the user asked for it; "cpu" insists on a run without a GPU.

    Raises:
        InputError: names what is missing and what to do.
    """
    parameters = sum(model.parameters.values())
    if machine.gpu is None and device != "cpu" and parameters >= _SMALL:
        hours = flops / _CPU_FLOPS / 3600
        duration = f"{hours / 24:.0f} days" if hours >= 48 else f"{max(hours, 1):.0f} hours"
        raise InputError(
            f"{model.name!r} has {parameters / 1e9:.0f} billion parameters and this machine has no GPU that torch can "
            f"use: a video would take about {duration} on the CPU; see 'reasondiff doctor', use "
            "'storyworld-tiny', or give --device cpu to insist."
        )
    missing = downloads(model, machine.cache)
    if missing * _SPARE > machine.cache_free:
        raise InputError(
            f"{model.name!r} takes {missing / 1e9:.0f} GB of disk in {os.fspath(machine.cache)!r}, where "
            f"{machine.cache_free / 1e9:.0f} GB are free; set HF_HOME to a folder with room."
        )
