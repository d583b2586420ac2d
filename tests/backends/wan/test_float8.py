"""Weights in e4m3: near what they were, in half of bfloat16's memory, and a LoRA trains through them."""

from __future__ import annotations

import torch
from peft import LoraConfig
from torch import nn

from reasondiff.backends.wan.float8 import Float8Linear, store_in_float8
from tests import tiny


def test_a_layer_keeps_three_bits_of_every_weight() -> None:
    layer = nn.Linear(32, 8, bias=False)
    with torch.no_grad():
        layer.weight.copy_(tiny.randn(8, 32) * torch.logspace(-6, 6, 8)[:, None])
        layer.weight[3] = 0
    stored = Float8Linear(layer)
    assert stored.weight.dtype == torch.float8_e4m3fn and stored.weight.nbytes == layer.weight.nbytes // 4
    back = stored(torch.eye(32)).detach()
    largest = layer.weight.abs().amax(dim=1)
    error = (back.T - layer.weight).abs()
    assert (error <= layer.weight.abs() / 16 + largest[:, None] * 2**-17).all()  # half a step, and the smallest number
    assert torch.equal(back.T[3], torch.zeros(32))


def test_a_lora_trains_through_a_stored_transformer() -> None:
    def trained(store: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor], int]:
        model = tiny.transformer(image_tokens=False).requires_grad_(False)
        with tiny.seeded(1):
            model.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v", "net.2"], init_lora_weights=False))
        if store:
            store_in_float8(model)
        model.enable_gradient_checkpointing()
        noisy, texts = tiny.randn(1, model.config["in_channels"], 3, 8, 8), tiny.randn(1, 6, tiny.TEXT_DIM)
        found = model(noisy, timestep=torch.tensor([500.0]), encoder_hidden_states=texts, return_dict=False)[0]
        found.square().mean().backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        size = sum(p.nbytes for name, p in model.blocks.named_parameters() if name.endswith("weight"))
        return found.detach(), gradients, size

    (plain, gradients, size), (stored, others, small) = trained(False), trained(True)
    assert 0 < (stored - plain).norm() / plain.norm() < 0.05
    assert gradients.keys() == others.keys() and all("lora" in name for name in others)
    assert small < 0.45 * size
    for name, gradient in gradients.items():
        assert torch.cosine_similarity(gradient.flatten(), others[name].flatten(), dim=0) > 0.95, name
