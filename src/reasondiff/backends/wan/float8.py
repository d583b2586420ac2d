"""A frozen transformer in half the memory of bfloat16: e4m3 weights with a scale for each output.

Storage only: each layer's weights are brought back for its own product, so nothing else changes, and whatever trains
through it, such as a LoRA, trains as before.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Float8Linear", "store_in_float8"]

_LARGEST = torch.finfo(torch.float8_e4m3fn).max


class Float8Linear(nn.Linear):
    """A frozen linear layer.

    Args:
        layer: whose weights it takes over.
    """

    scale: Tensor

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=False, device="meta")
        weight = layer.weight.detach().float()
        scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / _LARGEST
        self.weight = nn.Parameter((weight / scale).to(torch.float8_e4m3fn), requires_grad=False)
        self.register_buffer("scale", scale)
        self.bias = layer.bias

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight.to(input.dtype) * self.scale.to(input.dtype), self.bias)


def store_in_float8(transformer: nn.Module) -> None:
    """Store the linear layers of the transformer's blocks, in place; LoRAs, embeddings and norms stay as they are."""
    blocks = transformer.get_submodule("blocks")
    for name, layer in list(blocks.named_modules()):
        if isinstance(layer, nn.Linear) and ".lora_" not in name:
            place, _, last = name.rpartition(".")
            setattr(blocks.get_submodule(place), last, Float8Linear(layer))
