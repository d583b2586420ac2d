"""What a run asks of the machine, looked at before the long work begins."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from reasondiff.backends.precision import Precision, has_bf16, precision_on
from reasondiff.errors import InputError

__all__ = ["device", "numbers", "pushed", "told_of", "writable"]


def numbers(*, workers: int) -> None:
    """Raise ``InputError`` for a number of processes that no machine has."""
    if not 0 <= workers <= 256:
        raise InputError(f"{workers} worker processes cannot draw; give 0 to 256.")


def pushed(name: str | None, exports: Sequence[str]) -> None:
    """Raise ``InputError`` for what cannot be published, or under which name."""
    if name is None:
        return
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
        raise InputError(f"{name!r} is no name on the hub; give --push OWNER/NAME.")
    if "adapter.json" not in exports:
        raise InputError(f"This recipe makes {', '.join(exports)} and no adapter to publish; leave --push out.")


def device(name: str | None) -> str:
    """The device to train on; the best there is for None.

    Raises:
        InputError: this machine has none of that name.
    """
    import torch

    here = {"cpu": 1}
    if torch.accelerator.is_available() and (best := torch.accelerator.current_accelerator()) is not None:
        here[best.type] = torch.accelerator.device_count()
    if name is None:
        return "cuda" if "cuda" in here else "cpu"
    try:
        found = torch.device(name)
    except RuntimeError:
        found = None
    if found is None or (found.index or 0) >= here.get(found.type, 0):
        raise InputError(f"The device {name!r} is not in this machine; give {' or '.join(here)}.")
    return name


def writable(**folders: Path) -> None:
    """Raise ``InputError`` unless every folder, named as its option, can be written into or made."""
    for option, folder in folders.items():
        try:
            nearest = next(place for place in (folder, *folder.parents) if place.exists())
            fit = nearest.is_dir() and os.access(nearest, os.W_OK)
        except OSError:  # such as a name that is too long
            fit = False
        if not fit:
            raise InputError(f"--{option} {str(folder)!r} cannot be written into; choose another place.")


def told_of(device: str, asked: Precision) -> str:
    """What the forward pass computes in on ``device``, and why."""
    told = f"Computes in {precision_on(device, asked)} on {device}"
    if asked == "auto":
        return told + (", which has it." if has_bf16(device) else ", which has no bf16 of its own.")
    slow = asked == "bf16" and not has_bf16(device)
    return told + (" as was set, which has none of its own and takes many times as long." if slow else " as was set.")
