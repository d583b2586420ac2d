"""FSDP2: a transformer whose blocks' weights are shared out among the processes, each gathered while it works.

For a base that is larger than a card. A block is a unit: its weights are gathered before its forward pass, again before
its backward pass, and given up after each. What is trained and what is frozen may be mixed in a block.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

__all__ = ["shard", "whole"]


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
