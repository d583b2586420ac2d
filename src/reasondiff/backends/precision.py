"""What a forward pass computes in: bfloat16 where the hardware has it, else fp32.

A CPU without it computes bfloat16 all the same, by conversions, in many times the time that fp32 takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast, get_args

import torch

from reasondiff.errors import InputError

__all__ = ["Precision", "as_precision", "autocast", "has_bf16", "precision_on"]

Precision = Literal["auto", "bf16", "fp32"]

_CPU_FLAGS = ("avx512_bf16", "amx_bf16", "avx10_2", "bf16", "sve_bf16")
"""Any of them means products of bfloat16 in hardware, on x86 (the first three) or ARM."""


def as_precision(name: str) -> Precision:
    """``name``, typed.

    Raises:
        InputError: it is none of ``auto``, ``bf16`` and ``fp32``.
    """
    if name not in get_args(Precision):
        raise InputError(f"The precision {name!r} is unknown; give auto, bf16 or fp32.")
    return cast(Precision, name)


def precision_on(device: str, asked: Precision = "auto") -> Literal["bf16", "fp32"]:
    """What ``asked`` means on a device, such as ``cpu`` or ``cuda:0``; see ``as_precision`` for what it raises."""
    as_precision(asked)
    if asked == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    return asked


def autocast(device: str, asked: Precision = "auto") -> torch.autocast:
    """A block whose matrix products are in ``precision_on(device, asked)``."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=precision_on(device, asked) == "bf16")


def has_bf16(device: str) -> bool:
    """Whether a device computes in bfloat16 natively; False where that is not known."""
    kind = torch.device(device).type
    if kind == "cpu":
        return any(_cpu().get(flag, False) for flag in _CPU_FLAGS)
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return False


def _cpu() -> Mapping[str, object]:
    """This CPU's features by name; none where torch is too old to say."""
    # Not torch.ops.mkldnn._is_mkldnn_bf16_supported: it is true of every AVX-512, which only emulates.
    told = getattr(torch.cpu, "get_capabilities", None)
    return told() if told is not None else {}
