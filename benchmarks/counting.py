"""Counting instead of timing: FLOPs, bytes moved and bytes held, on the meta device, where nothing is computed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

__all__ = ["Count", "count", "fused_attention"]


@dataclass(frozen=True)
class Count:
    """What a function does.

    Args:
        flops: of matrix products, convolutions and attention.
        attention: of these, the FLOPs of attention.
        moved: bytes that all other kernels read and write.
        kernels: how many kernels run, views left out.
        peak: the most bytes held at once beside what was there before.
    """

    flops: float
    attention: float
    moved: float
    kernels: float
    peak: float

    def times(self, number: float) -> Count:
        """So many times one after the other."""
        return Count(
            self.flops * number, self.attention * number, self.moved * number, self.kernels * number, self.peak
        )

    def more(self, one_less: Count, times: int) -> Count:
        """With ``times`` more layers than this model has, given the count of a model with one layer less."""

        def grown(name: str) -> float:
            mine = getattr(self, name)
            return mine + times * (mine - getattr(one_less, name))

        return Count(*(grown(name) for name in ("flops", "attention", "moved", "kernels", "peak")))


def count(function: Callable[[], Any]) -> Count:
    """Run ``function`` on meta tensors and count, with attention as one kernel, as on a GPU."""
    with FlopCounterMode(display=False) as flops, _Traffic() as traffic, fused_attention():
        function()
    by_kernel = flops.get_flop_counts().get("Global", {})
    attention = sum(number for kernel, number in by_kernel.items() if "attention" in str(kernel))
    return Count(flops.get_total_flops(), attention, traffic.moved, traffic.kernels, traffic.peak)


@contextmanager
def fused_attention() -> Iterator[None]:
    """Lets meta tensors take the attention kernels of a GPU; the meta device's own form makes the whole matrix."""
    with patch.object(F, "scaled_dot_product_attention", _attention):
        yield


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    *args: Any,
    **kwargs: Any,
) -> torch.Tensor:
    if query.device.type != "meta":
        return _real(query, key, value, attn_mask, *args, **kwargs)
    if attn_mask is None:
        return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[0]
    bias = attn_mask.to(query.dtype).expand(*query.shape[:3], key.shape[2])
    wants_gradient = torch.is_grad_enabled()
    return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, bias, wants_gradient)[0]


_real = F.scaled_dot_product_attention


class _Traffic(TorchDispatchMode):
    """Adds up what kernels read and write, and follows how many bytes are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = self.kernels = self.peak = 0.0
        self._held = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        for tensor in given:
            self._know(tensor, counts=False)
        before = {_storage(tensor) for tensor in given}
        out = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        for tensor in made:
            self._know(tensor, counts=True)
        in_place = str(func).partition(".")[2].partition(".")[0].endswith("_")
        if in_place or any(_storage(tensor) not in before for tensor in made):
            self.kernels += 1
            if func._overloadpacket not in flop_registry:
                self.moved += sum(tensor.numel() * tensor.element_size() for tensor in [*given, *made])
        return out

    def _know(self, tensor: torch.Tensor, *, counts: bool) -> None:
        storage = tensor.untyped_storage()
        if (key := storage._cdata) in self._known:
            return
        self._known.add(key)
        size = storage.nbytes() if counts else 0
        self._held += size
        self.peak = max(self.peak, self._held)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._held -= size


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata
