"""FSDP2 on two gloo processes: the weights are shared out, and training with them is training with all of them."""

from __future__ import annotations

import os
from pathlib import Path

import torch
import torch.distributed as dist
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor

from reasondiff.training.sharding import shard, whole
from tests import gloo, tiny


def transformer() -> torch.nn.Module:
    model = tiny.transformer(image_tokens=False)
    model.requires_grad_(False)
    with tiny.seeded(1):
        model.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    return model


def trained(model: torch.nn.Module, clips: slice, steps: int = 10) -> dict[str, Tensor]:
    """LoRA weights after ten steps of AdamW on some of four clips."""
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(parameters.values(), lr=1e-3)
    channels = model.config["in_channels"]
    for step in range(steps):
        noisy = tiny.randn(4, channels, 3, 8, 8, seed=step)[clips]
        texts = tiny.randn(4, 6, tiny.TEXT_DIM, seed=step + 100)[clips]
        timestep = torch.full((len(noisy),), 500.0)
        predicted = model(noisy, timestep=timestep, encoder_hidden_states=texts, return_dict=False)[0]
        predicted.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name: whole(p.detach()) for name, p in parameters.items()}


def work(rank: int, folder: str) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    model = transformer()
    before = sum(p.numel() for p in model.parameters())
    shard(model, model.blocks, init_device_mesh("cpu", (2,)))
    parameters = list(model.parameters())
    assert all(isinstance(parameter, DTensor) for parameter in parameters)
    own = sum(parameter.to_local().numel() for parameter in parameters)
    assert own < 0.6 * before  # half, and what does not divide
    weights = trained(model, slice(2 * rank, 2 * rank + 2))
    if rank == 0:
        save_file(weights, f"{folder}/weights.safetensors")
    dist.barrier()
    os._exit(0)  # the sharded model keeps its group, whose threads may abort an interpreter that ends


def test_two_processes_with_half_of_the_weights_each_equal_one(tmp_path: Path) -> None:
    gloo.start(work, str(tmp_path))
    sharded = load_file(tmp_path / "weights.safetensors")
    start = {name: p.detach().clone() for name, p in transformer().named_parameters()}
    alone = trained(transformer(), slice(0, 4))
    assert sharded.keys() == alone.keys()
    for name, expected in alone.items():
        assert not torch.equal(start[name], expected), name
        assert float((sharded[name] - expected).norm() / expected.norm()) <= 1e-5, name
