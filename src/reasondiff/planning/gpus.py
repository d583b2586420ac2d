"""GPUs by name, with rates they sustain in practice and where the rates come from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GPUS", "SIZES", "USABLE", "Gpu"]

T, G = 1e12, 1e9


@dataclass(frozen=True)
class Gpu:
    """Sustained rates, not datasheet peaks.

    Args:
        name: as printed.
        memory: bytes that a program can use, a little less than the card's own.
        matmul: bf16 FLOP/s of large matrix products.
        matmul_float8: the same in 8 bits; None where the GPU has no such products.
        attention: FLOP/s of PyTorch's attention, head width 128, many thousand tokens, no mask.
        bandwidth: bytes/s of element-wise kernels, read and written.
        link: bytes/s from the CPU's pinned memory.
        source: of these numbers.
    """

    name: str
    memory: float
    matmul: float
    matmul_float8: float | None
    attention: float
    bandwidth: float
    link: float
    source: str

    @property
    def size(self) -> int:
        """Of the card, in the gigabytes that it is sold by: 8, 12, 16, 24, 32, 80, 141."""
        return min(SIZES, key=lambda size: abs(size * 2**30 - self.memory))


SIZES = (6, 8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 80, 96, 141, 180)
"""Cards that are sold, in gigabytes of 2^30 bytes."""

USABLE = 0.97
"""Share of a card's memory that a program can use; the driver and a screen take the rest."""

_SHARE = "bandwidth 90 % of the datasheet's"

GPUS: tuple[Gpu, ...] = (
    Gpu(
        "H200", 150 * G, 790 * T, 1450 * T, 595 * T, 4.3 * T, 50 * G,
        "matmul and copy measured on one H200 (769-798 TFLOP/s, 4.3 TB/s); float8 1453: MAMF table of "
        "stas00/ml-engineering; attention: cuDNN on H100, FlashAttention-3 paper",
    ),
    Gpu(
        "H100 80GB", 85 * G, 790 * T, 1400 * T, 595 * T, 3.0 * T, 50 * G,
        f"matmul 794, float8 1403: MAMF table; attention: cuDNN, FlashAttention-3 paper; {_SHARE} 3.35 TB/s",
    ),
    Gpu(
        "A100 80GB", 85 * G, 270 * T, None, 200 * T, 1.8 * T, 25 * G,
        f"matmul 271: MAMF table; attention: FlashAttention-2, 199 on A800, SageAttention issue 57; {_SHARE} 2.04 TB/s",
    ),
    Gpu(
        "RTX 5090", 34 * G, 190 * T, 375 * T, 190 * T, 1.6 * T, 50 * G,
        f"90 % of the datasheet's 209 (bf16) and 419 (float8) TFLOP/s with fp32 sums, not measured; {_SHARE} 1.79 TB/s",
    ),
    Gpu(
        "RTX 4090", 25 * G, 150 * T, 300 * T, 150 * T, 0.9 * T, 25 * G,
        f"90 % of the datasheet's 165 (bf16) and 330 (float8) TFLOP/s with fp32 sums, not measured; {_SHARE} 1.01 TB/s",
    ),
    Gpu(
        "RTX 3090", 25 * G, 64 * T, None, 64 * T, 0.84 * T, 25 * G,
        f"90 % of the datasheet's 71 (bf16) TFLOP/s with fp32 sums, not measured; {_SHARE} 0.94 TB/s",
    ),
    Gpu(
        "RTX 4060 Ti", 16.7 * G, 39 * T, 79 * T, 39 * T, 0.26 * T, 12 * G,
        f"90 % of the datasheet's 44 (bf16) and 88 (float8) TFLOP/s with fp32 sums, not measured; {_SHARE} 0.29 TB/s",
    ),
    Gpu(
        "RTX 3060", 12.5 * G, 22 * T, None, 22 * T, 0.32 * T, 25 * G,
        f"90 % of the datasheet's 25 (bf16) TFLOP/s with fp32 sums, not measured; {_SHARE} 0.36 TB/s",
    ),
    Gpu(
        "RTX 4060", 8.3 * G, 27 * T, 54 * T, 27 * T, 0.24 * T, 12 * G,
        f"90 % of the datasheet's 30 (bf16) and 60 (float8) TFLOP/s with fp32 sums, not measured; {_SHARE} 0.27 TB/s",
    ),
)  # fmt: skip
"""Largest first."""
