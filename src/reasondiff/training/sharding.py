"""FSDP2: a transformer whose blocks' weights are shared out among the processes, each gathered while it works.

For a base that is larger than a card. A block is a unit: its weights are gathered before its forward pass, again before
its backward pass, and given up after each. What is trained and what is frozen may be mixed in a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

__all__ = ["Shardable", "gather", "shard", "share", "whole", "whole_weights"]


@runtime_checkable
class Shardable(Protocol):
    """A stage whose weights can be shared out."""

    def shard(self, mesh: DeviceMesh) -> None:
        """Share out what it trains and what that is trained through; before its parameters are asked for."""

    def gather(self) -> None:
        """Give every process all of what was trained, to be exported; every process must ask."""


def shard(
    model: nn.Module, blocks: Iterable[nn.Module], mesh: DeviceMesh, *, computed_in: torch.dtype | None = None
) -> None:
    """Share out the weights of ``model``, in place, in all processes alike.

    Args:
        model: with the same weights in every process.
        blocks: parts of it that work one after the other, such as a transformer's ``blocks``.
        mesh: of the processes; one dimension.
        computed_in: what the gathered weights are cast to, and gradients are summed in fp32; None leaves both alone.
    """
    policy = MixedPrecisionPolicy(param_dtype=computed_in, reduce_dtype=torch.float32 if computed_in else None)
    for block in blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)


def whole(tensor: Tensor) -> Tensor:
    """All of a weight or a gradient, whether this process has all of it or a share; every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same for many, on the CPU."""
    return {name: whole(weight.detach()).cpu() for name, weight in weights.items()}


def share(tensor: Tensor, like: Tensor) -> Tensor:
    """This process's share of a whole tensor, as ``like`` is shared out; the tensor itself where that is whole.

    Args:
        tensor: the same in every process.
        like: of the same shape.
    """
    if not isinstance(like, DTensor):
        return tensor
    # every process has all of it: nobody has to be told by the first
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def gather(model: nn.Module, names: Iterable[str]) -> None:
    """Put whole weights in the place of shares, in all processes alike; the model can be saved then, not run.

    Args:
        model: that was shared out.
        names: of its parameters.
    """
    parameters = dict(model.named_parameters())
    for name in names:
        place, _, last = name.rpartition(".")
        weight = nn.Parameter(whole(parameters[name].detach()), requires_grad=parameters[name].requires_grad)
        setattr(model.get_submodule(place), last, weight)
