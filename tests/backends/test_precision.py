"""A forward pass is in bfloat16 where the hardware has it, and in fp32 where that would be emulated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from reasondiff.backends import precision
from reasondiff.backends.precision import Precision, autocast, has_bf16, precision_on
from reasondiff.backends.wan.building import load_vae
from reasondiff.checkpoints import find_model
from reasondiff.data import latents
from reasondiff.errors import InputError
from reasondiff.recipes import recipe
from reasondiff.recipes.base import Recipe
from reasondiff.recipes.storyworld_narrator import NarratorRecipe
from reasondiff.recipes.wan import ClipRecipe, VaeRecipe
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.training.optimization import Optimization
from reasondiff.training.storyworld.clips import DrawnClips
from reasondiff.training.storyworld.vae_dataset import Phase
from reasondiff.training.trainer import fit
from tests.training.test_trainer import Points

BOTH = pytest.mark.parametrize("native", [True, False], ids=["native", "emulated"])


def pretend(monkeypatch: pytest.MonkeyPatch, native: bool) -> str:
    """A CPU of this kind; what ``auto`` is there."""
    monkeypatch.setattr(precision, "_cpu", lambda: {"avx2": True, "avx512_f": True, "avx512_bf16": native})
    return "bf16" if native else "fp32"


@pytest.mark.parametrize(
    ("flags", "native"),
    [
        ({"avx2": True}, False),
        ({"avx512_f": True, "avx512_bw": True, "avx512_vl": True, "avx512_dq": True, "avx512_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"amx_tile": True, "amx_bf16": True}, True),
        ({"neon": True, "fp16_arith": True, "bf16": False}, False),
        ({"neon": True, "bf16": True}, True),
        ({}, False),
    ],
)
def test_what_counts_as_native(monkeypatch: pytest.MonkeyPatch, flags: dict[str, bool], native: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert has_bf16("cpu") is native


def test_an_older_torch_cannot_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision_on("cpu") == "fp32"


def test_a_gpus_emulation_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    assert precision_on("cuda:0") == "fp32"


@BOTH
def test_what_is_asked_for_wins(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    auto = pretend(monkeypatch, native)
    asked: dict[Precision, str] = {"auto": auto, "bf16": "bf16", "fp32": "fp32"}
    for name, meant in asked.items():
        assert precision_on("cpu", name) == meant
        with autocast("cpu", name):
            product = torch.ones(2, 2) @ torch.ones(2, 2)
        assert product.dtype == (torch.bfloat16 if meant == "bf16" else torch.float32)
    with pytest.raises(InputError, match="'fp16' is unknown; give auto, bf16 or fp32"):
        precision_on("cpu", "fp16")  # type: ignore[arg-type]


class Product:
    """One weight; keeps the kind of number that its loss was computed in."""

    def __init__(self) -> None:
        self.net, self.seen = nn.Linear(2, 1), torch.float64
        self.dataset = Points()

    def trainable(self) -> dict[str, nn.Parameter]:
        return dict(self.net.named_parameters())

    def loss(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        product = self.net(inputs[:, :2])
        self.seen = product.dtype
        return {"loss": product.float().square().mean()}

    def validate(self, folder: Path) -> dict[str, float]:
        return {}

    def export(self, model: Path) -> None: ...


@BOTH
def test_the_trainer_and_the_encoding_of_clips_use_it(
    monkeypatch: pytest.MonkeyPatch, native: bool, tmp_path: Path
) -> None:
    meant = torch.bfloat16 if pretend(monkeypatch, native) == "bf16" else torch.float32
    stage = Product()
    fit(stage, Optimization(steps=1), tmp_path / "run")
    assert stage.seen == meant and stage.net.weight.dtype == torch.float32

    seen: list[bool] = []
    encode = latents._encode

    def watched(*arguments: Any) -> Any:
        seen.append(torch.is_autocast_enabled("cpu"))
        return encode(*arguments)

    monkeypatch.setattr(latents, "_encode", watched)
    vae = load_vae(Path(find_model("storyworld-tiny")))
    clips = latents.encode_clips(vae, DrawnClips(TakeSet("train")), 1, tmp_path / "cache", anchors=1)
    assert seen == [native] and clips.clean.dtype == torch.bfloat16


def small(name: str) -> Recipe:
    """A recipe for one step in fp32 on next to nothing."""
    plan: Any = recipe(name)
    plan = replace(plan, optimization=replace(plan.optimization, steps=1, warmup_steps=1, precision="fp32"))
    if isinstance(plan, ClipRecipe):
        return replace(plan, clips=2, flow=replace(plan.flow, batch=1))
    if isinstance(plan, VaeRecipe):
        return replace(plan, phases=(Phase(until=1.0, frames=(5,), batch=1, crop=32),))
    if isinstance(plan, NarratorRecipe):
        return replace(plan, batch=2, vocabulary=600, vocabulary_takes=150, see_steps=0)
    return plan


@pytest.mark.parametrize("name", ["vae", "refine", "base", "stage1", "stage2", "narrator", "oracle"])
def test_every_stage_trains_a_step_in_fp32(name: str, tmp_path: Path) -> None:
    plan = small(f"storyworld-tiny/{name}")
    stage = plan.build(Path(find_model("storyworld-tiny")), tmp_path / "cache", "cpu")
    stage.validate = lambda _: {}  # type: ignore[method-assign]
    loss, seen = stage.loss, []

    def watched(inputs: Any) -> Any:
        seen.append(torch.is_autocast_enabled("cpu"))
        return loss(inputs)

    stage.loss = watched  # type: ignore[method-assign]
    before = {key: parameter.detach().clone() for key, parameter in stage.trainable().items()}
    assert fit(stage, plan.optimization, tmp_path / "run") == 1 and seen == [False]
    assert any(not torch.equal(before[key], parameter) for key, parameter in stage.trainable().items())
