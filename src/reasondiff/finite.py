"""Weights that are no numbers: a model that holds one makes noise, or nothing, and says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from reasondiff.errors import CheckpointError

__all__ = ["check_finite", "is_finite"]


def is_finite(weight: Tensor) -> bool:
    """Whether a tensor holds neither NaN nor infinity.

    Its smallest and largest value tell, for both spread: a tenth of a second for a gigabyte, and nothing is copied.
    What is packed (8 bits and fewer), not there yet, or another library's own kind of tensor is taken as it is.
    """
    plain = type(weight) in (Tensor, nn.Parameter) and weight.is_floating_point() and weight.itemsize > 1
    if not plain or weight.device.type == "meta" or not weight.numel():
        return True
    return all(bool(end.isfinite()) for end in torch.aminmax(weight.detach()))


def check_finite(model: nn.Module, name: str, place: Path | None = None) -> None:
    """Raise unless every weight of a model that was loaded is a number.

    Args:
        model: whatever was loaded.
        name: what it is called, for the error.
        place: the folder of its files, in which the one that holds the weight is looked for.

    Raises:
        CheckpointError: names the weight, and the file where that is known.
    """
    weights: Mapping[str, Tensor] = model.state_dict(keep_vars=True)
    for key, weight in weights.items():
        if not is_finite(weight):
            file = _file_of(key, sorted(place.glob("*.safetensors"))) if place is not None else None
            where = f"{str(file)!r}" if file is not None else f"The {name}"
            raise CheckpointError(
                f"{where} holds values that are no numbers, in {key!r}; download or export it again, and do not load "
                "it in float16."
            )


def _file_of(key: str, files: Iterable[Path]) -> Path | None:
    files = list(files)
    for file in files:
        try:
            with safe_open(file, "pt") as opened:
                if key in opened.keys():  # noqa: SIM118 - it is no dict
                    return file
        except (OSError, SafetensorError):
            continue
    return files[0] if len(files) == 1 else None
