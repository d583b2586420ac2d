"""Context parallelism: a process's share of the tokens begins and ends within latent frames."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import ContextParallelConfig

from reasondiff.backends.wan.framewise import FramePlan, processor
from tests import gloo
from tests.tiny.cross_attention import FRAMES, PER_FRAME, TOLERANCE, gap, scene

STORIES = [FramePlan.from_texts(text) for text in ("abd", "cac")]


@pytest.mark.parametrize("processes", [2, 3, 4, 5, 7, 48])
def test_shares_of_any_size_make_up_the_whole(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One layer, share by share; the shares are cut as diffusers cuts them."""
    world = scene(batch=2)
    framewise = world.install()
    layer = world.transformer.blocks[0].attn2
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda module, args, out: seen.extend([*args[:2], out]))
    context = world.context(STORIES)
    world.predict(context)
    hook.remove()
    tokens, condition, whole = seen

    starts = iter([])
    monkeypatch.setattr(processor, "_start", lambda config, total: next(starts))
    shares = tokens.tensor_split(processes, dim=1)
    starts = iter(torch.tensor([0, *(share.shape[1] for share in shares)]).cumsum(0).tolist())
    layer.processor._parallel_config = "set"
    framewise.tokens_per_frame = PER_FRAME
    with torch.no_grad(), framewise.use(context):
        parts = [layer(share, condition) for share in shares]
    assert gap(torch.cat(parts, 1), whole) <= TOLERANCE


def compare() -> None:
    """In each process: alone, then with the other one; 48 tokens are 24 + 24, one and a half frames each."""
    world = scene(batch=2)
    contexts = [world.context(STORIES), world.context([FramePlan.single("c", FRAMES)] * 2)]
    alone = [world.predict(context) for context in contexts]
    shares: list[int] = []
    world.transformer.enable_parallelism(config=ContextParallelConfig(ulysses_degree=2))
    world.transformer.blocks[0].attn2.register_forward_hook(lambda module, args, out: shares.append(out.shape[1]))
    together = [world.predict(context) for context in contexts]
    assert shares == [24, 24]
    assert all(gap(one, other) <= TOLERANCE for one, other in zip(together, alone, strict=True))
    assert gap(*alone) > 1e-4


def test_two_processes_equal_one(tmp_path: Path) -> None:
    gloo.run(tmp_path, compare)
