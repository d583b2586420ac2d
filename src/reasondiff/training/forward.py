"""One forward pass of a stage: its loss as a module, and how a CPU computes it soonest."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

__all__ = ["LossModule", "cheapest_attention"]


class LossModule(nn.Module):
    """A stage's loss as one module's forward pass, which DDP can wrap.

    Args:
        loss: the stage's method.
        parameters: the trainable ones, which are the module's.
    """

    def __init__(self, loss: Callable[[Any], dict[str, Tensor]], parameters: Mapping[str, nn.Parameter]) -> None:
        super().__init__()
        self.trainable = nn.ParameterList(parameters.values())
        self.loss = loss

    def forward(self, inputs: Any) -> dict[str, Tensor]:
        with _quiet():
            losses = self.loss(inputs)
        logged = {name: value.detach() for name, value in losses.items()}
        return {**logged, "loss": losses["loss"]}


@contextmanager
def cheapest_attention(device: str) -> Iterator[None]:
    """Over the few tokens that fit a CPU, attention written out takes less time than its flash kernel's backward."""
    if device != "cpu":
        yield
        return
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)  # the name says CUDA; it holds for CPUs as well
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without two remarks of torch's: its fused norm wants weights in the inputs' precision, and ours are fp32 on
    purpose; what a transformer with shared weights returns is a view, and nobody writes into it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mismatch dtype between input and weight", UserWarning)
        warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor", UserWarning)
        yield
