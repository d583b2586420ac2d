"""Finished parts as they are shipped: small, and without a trace of where they were made."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from torch import nn

from reasondiff.files import atomic_path

__all__ = ["halved", "placeless", "save_part"]


def halved(module: nn.Module) -> Any:
    """A copy in bfloat16, half the size on disk, but for the parts that the class wants in float32."""
    module = copy.deepcopy(module)
    keep = set(getattr(module, "_keep_in_fp32_modules", None) or ())
    for name, parameter in module.named_parameters():
        if keep.isdisjoint(name.split(".")):
            parameter.data = parameter.data.to(torch.bfloat16)
    return placeless(module) if isinstance(module, ConfigMixin) else module


def save_part(part: Any, folder: Path) -> None:
    """``part.save_pretrained(folder)``, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder, folder=True) as whole:
        part.save_pretrained(whole)


def placeless(part: Any) -> Any:
    """``part``, whose config forgets the folder that it was loaded from."""
    part.register_to_config(_name_or_path="")
    return part
