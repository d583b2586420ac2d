"""Work: what a computation costs before anyone runs it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Work"]


@dataclass(frozen=True, slots=True)
class Work:
    """Multiply-adds counted as two operations, by the kernels that do them, and what goes through memory beside them.

    Args:
        matmul: FLOPs of linear layers and convolutions.
        attention: FLOPs of softmax(Q K^T) V, both products.
        moved: bytes that element-wise kernels read and write when each runs by itself.
    """

    matmul: float = 0.0
    attention: float = 0.0
    moved: float = 0.0

    @property
    def flops(self) -> float:
        return self.matmul + self.attention

    def __add__(self, other: Work) -> Work:
        return Work(self.matmul + other.matmul, self.attention + other.attention, self.moved + other.moved)

    def __mul__(self, times: float) -> Work:
        return Work(self.matmul * times, self.attention * times, self.moved * times)

    __rmul__ = __mul__
