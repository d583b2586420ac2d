"""AdamW is torch's; Muon's updates are orthogonal, of AdamW's size, and only those of layers' weights."""

from __future__ import annotations

import copy
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from reasondiff.errors import InputError
from reasondiff.training.optimizer import Optimizer

RATE = 0.01


def net() -> nn.Sequential:
    """A convolution, a norm whose gain has trailing axes of one as Wan's has, and a linear layer."""
    torch.manual_seed(0)
    gain = nn.Module()
    gain.gamma = nn.Parameter(torch.ones(6, 1, 1, 1))
    return nn.Sequential(nn.Conv3d(4, 6, 3), gain, nn.Linear(12, 5))


def optimizer(model: nn.Module, **options: object) -> Optimizer:
    return Optimizer(dict(model.named_parameters()), **{"weight_decay": 0.0, "betas": (0.9, 0.95), **options})


def put_gradients(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_without_muon_it_is_adamw() -> None:
    model, own = net(), optimizer(net(), weight_decay=0.1)
    model.load_state_dict({name: p.detach() for name, p in own.parameters.items()})
    theirs = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    for seed in range(3):
        put_gradients(model, seed)
        for name, parameter in model.named_parameters():
            own.parameters[name].grad = parameter.grad.clone()
        theirs.step()
        own.step(RATE)
        assert all(p.grad is None for p in own.parameters.values())
    for name, parameter in model.named_parameters():
        assert torch.equal(own.parameters[name], parameter), name


@pytest.mark.parametrize(("name", "shape"), [("0.weight", (6, 108)), ("2.weight", (5, 12))])
def test_muon_moves_a_layer_equally_in_every_direction(name: str, shape: tuple[int, int]) -> None:
    model = net()
    before = model.get_parameter(name).detach().clone()
    put_gradients(model, 0)
    optimizer(model, muon=True).step(RATE)
    update = (model.get_parameter(name).detach() - before).reshape(shape) / RATE
    singular = torch.linalg.svdvals(update) / (0.2 * max(shape) ** 0.5)
    assert singular.min() > 0.6 and singular.max() < 1.3  # Newton and Schulz are stopped after five steps
    assert update.square().mean().sqrt() == pytest.approx(0.2, rel=0.25)  # about the size of AdamW's updates


def test_muon_leaves_gains_and_biases_to_adamw() -> None:
    with_muon, without = net(), net()
    for model, muon in ((with_muon, True), (without, False)):
        put_gradients(model, 0)
        optimizer(model, muon=muon).step(RATE)
    alike = {n for n, p in with_muon.named_parameters() if torch.equal(p, without.get_parameter(n))}
    assert alike == {"0.bias", "1.gamma", "2.bias"}


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="bitsandbytes is here")
def test_without_bitsandbytes_one_sentence_names_the_extra() -> None:
    with pytest.raises(InputError, match=r"AdamW in 8 bits needs bitsandbytes; run pip install 'reasondiff\[8bit\]'\."):
        optimizer(net(), eight_bit=True)


def test_eight_bits_hold_the_moments_and_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    model, whole = (nn.Linear(128, 64) for _ in range(2))
    whole.load_state_dict(model.state_dict())
    first, theirs = optimizer(model, eight_bit=True), optimizer(whole)
    for seed in range(3):
        for each, its in ((model, first), (whole, theirs)):
            put_gradients(each, seed)
            its.step(RATE)
    assert first.state()["weight/state1"].dtype == torch.uint8  # 8,192 numbers; the bias has fewer than 4,096
    assert first.state()["bias/state1"].dtype == torch.float32
    assert (model.weight - whole.weight).norm() < 0.05 * (3 * RATE) * 128  # of three steps of about the rate
    save_file({name: tensor.clone() for name, tensor in first.state().items()}, tmp_path / "optimizer.safetensors")
    resumed = copy.deepcopy(model)
    second = optimizer(resumed, eight_bit=True)
    second.restore(load_file(tmp_path / "optimizer.safetensors"))
    for each, its in ((model, first), (resumed, second)):
        put_gradients(each, 3)
        its.step(RATE)
    assert all(torch.equal(p, resumed.get_parameter(name)) for name, p in model.named_parameters())


@pytest.mark.parametrize("muon", [False, True])
def test_it_goes_on_from_its_state(muon: bool) -> None:
    model = net()
    first = optimizer(model, muon=muon)
    put_gradients(model, 0)
    first.step(RATE)
    resumed = copy.deepcopy(model)
    second = optimizer(resumed, muon=muon)
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    for this, its in ((model, first), (resumed, second)):
        put_gradients(this, 1)
        its.step(RATE)
    assert first.state().keys() == second.state().keys()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, resumed.get_parameter(name)), name
