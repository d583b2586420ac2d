"""The EMA of the weights: an exponential moving average, which is what a finished run exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from reasondiff.training.sharding import share

__all__ = ["Ema", "copy_weights"]


class Ema:
    """An exponential moving average of parameters.

    Args:
        parameters: what is averaged, by name.
        decay: share of the average that a step leaves; 0 keeps no average.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.parameters = parameters
        self.decay = decay
        self.weights: dict[str, Tensor] = {}
        if decay:
            self.weights = {name: p.detach().clone() for name, p in parameters.items()}

    def update(self, step: int) -> None:
        """Take in the weights after ``step``, 0-based; the first steps count for more, or the average would start late.

        The ramp (step + 1) / (step + 10) is that of TensorFlow's ``num_updates`` and of diffusers' ``EMAModel``.
        """
        if not self.weights:
            return
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(list(self.weights.values()), list(self.parameters.values()), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside the block the parameters are the average, if there is one; then what they were."""
        current = {name: self.parameters[name].detach().clone() for name in self.weights}
        copy_weights(self.weights, self.parameters)
        try:
            yield
        finally:
            copy_weights(current, self.parameters)


@torch.no_grad()
def copy_weights(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Write every tensor of ``source`` into the one of that name in ``target``, or its share of it."""
    for name, tensor in source.items():
        target[name].copy_(tensor if isinstance(tensor, DTensor) else share(tensor, target[name]))
