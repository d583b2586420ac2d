"""Finished parts as they are shipped: small, and without a trace of where they were made."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from torch import nn

from reasondiff.files import atomic_path

__all__ = ["atomic_components", "to_bf16", "without_local_paths"]


def to_bf16(module: nn.Module) -> Any:
    """A copy in bfloat16, half the size on disk, but for the parts that the class wants in float32."""
    module = copy.deepcopy(module)
    keep = set(getattr(module, "_keep_in_fp32_modules", None) or ())
    for name, parameter in module.named_parameters():
        if keep.isdisjoint(name.split(".")):
            parameter.data = parameter.data.to(torch.bfloat16)
    return without_local_paths(module) if isinstance(module, ConfigMixin) else module


@contextmanager
def atomic_components(model: Path) -> Iterator[Callable[[str], Path]]:
    """Yield a function that says where to write a component of ``model``, a folder or, with a suffix, a file.

    All are written before the first takes an old one's place; the one that was asked for first does so last.
    """
    model.mkdir(parents=True, exist_ok=True)
    with ExitStack() as components:
        yield lambda name: components.enter_context(atomic_path(model / name, folder=not Path(name).suffix))


def without_local_paths(component: Any) -> Any:
    """``component``, whose config forgets the folder that it was loaded from."""
    component.register_to_config(_name_or_path="")
    return component
