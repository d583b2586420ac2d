"""The record of a word's attention equals the attention matrix's column, which it never builds whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reasondiff.backends.wan.framewise import AttentionRecord, FrameContext, FramePlan
from reasondiff.errors import InputError, UnsupportedError
from tests.tiny.cross_attention import FRAMES, PER_FRAME, Scene, gap, scene

WORDS = {"a": [2, 5], "b": [0]}


def watch(world: Scene, context: FrameContext, record: AttentionRecord) -> None:
    with torch.no_grad(), world.install().use(context, record=record):
        world.transformer(world.noisy, world.timestep, **context.inputs)


def by_hand(world: Scene, text: str, positions: list[int], length: int) -> torch.Tensor:
    """``[tokens]``: from the first block's full matrix of stock attention to one padded prompt."""
    seen: list[torch.Tensor] = []
    layer = world.transformer.blocks[0].attn2
    hook = layer.register_forward_hook(lambda module, args, out: seen.extend(args[:2]))
    world.predict(world.context(FramePlan.single(text, FRAMES), text_length=length, collapse=False))
    hook.remove()
    tokens, condition = seen[0], seen[1][:, -length:]
    with torch.no_grad():
        query = layer.norm_q(layer.to_q(tokens)).unflatten(2, (layer.heads, -1))
        key = layer.norm_k(layer.to_k(condition)).unflatten(2, (layer.heads, -1))
        logits = torch.einsum("bnhd,bkhd->bhnk", query, key) * query.shape[-1] ** -0.5
    return logits.softmax(-1)[0, :, :, positions].sum(-1).mean(0)


@pytest.mark.parametrize("collapse", [True, False])
def test_each_frame_attends_to_the_words_of_its_own_text(collapse: bool) -> None:
    world = scene()
    record = AttentionRecord(WORDS)
    watch(world, world.context(FramePlan.from_texts("aba"), collapse=collapse), record)
    assert record.recorded == (0, 1)
    heat = record.mean(0)
    assert heat.shape == (1, FRAMES, PER_FRAME)
    for frame, text in enumerate("aba"):
        expected = by_hand(world, text, WORDS[text], 40).unflatten(0, (FRAMES, PER_FRAME))[frame]
        assert gap(heat[0, frame], expected) <= 1e-6
    assert heat.min() > 0


def test_one_text_for_all_frames() -> None:
    world = scene()
    record = AttentionRecord(WORDS, layers=[0])
    watch(world, world.context(FramePlan.single("a", FRAMES)), record)
    assert record.recorded == (0,)
    assert gap(record.mean(0).flatten(), by_hand(world, "a", WORDS["a"], 40)) <= 1e-6
    with pytest.raises(InputError, match="Block 1 was not recorded"):
        record.mean(1)


@pytest.mark.parametrize("story", ["aba", "bbc"])
def test_concat_counts_a_words_every_copy(story: str) -> None:
    world = scene()
    plan = FramePlan.from_texts(story)
    plan = FramePlan(plan.prompts, plan.segments, plan.segment_of, "concat")
    records = [AttentionRecord(WORDS), AttentionRecord(WORDS)]
    for record, collapse in zip(records, (True, False), strict=True):
        watch(world, world.context(plan, collapse=collapse), record)
    assert gap(records[0].mean(0), records[1].mean(0)) <= 1e-6
    assert records[0].mean(0).max() > 0


def test_calls_are_averaged_and_unwatched_prompts_have_no_heat() -> None:
    world = scene(batch=2)
    plans = [FramePlan.from_texts("aba"), FramePlan.from_texts("cdc")]
    once, thrice = AttentionRecord(WORDS), AttentionRecord(WORDS)
    context = world.context(plans)
    watch(world, context, once)
    for _ in range(3):
        watch(world, context, thrice)
    assert gap(once.mean(1), thrice.mean(1)) <= 1e-6
    assert once.mean(0)[0].min() > 0
    assert once.mean(0)[1].abs().max() == 0


def test_watching_changes_nothing() -> None:
    world = scene()
    context = world.context(FramePlan.from_texts("aba"))
    expected = world.predict(context)
    with torch.no_grad(), world.install().use(context, record=AttentionRecord(WORDS)):
        watched = world.transformer(world.noisy, world.timestep, **context.inputs).sample
    assert gap(watched, expected) == 0.0


class Sizes(TorchDispatchMode):
    """Counts operations, and remembers the largest tensor that one of them made."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.largest = 0, 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        self.calls += 1
        self.largest = max(self.largest, made.numel() if isinstance(made, torch.Tensor) else 0)
        return made


def test_watching_costs_nothing_when_off_and_never_makes_the_whole_matrix() -> None:
    world = scene()
    context = world.context(FramePlan.from_texts("aba"), text_length=512, collapse=False, cache=False)
    keys = context.text.shape[1]

    def counted(record: AttentionRecord | None) -> Sizes:
        with torch.no_grad(), world.install().use(context, record=record), Sizes() as sizes:
            world.transformer(world.noisy, world.timestep, **context.inputs)
        return sizes

    never, off, on = counted(None), counted(AttentionRecord(WORDS, layers=[])), counted(AttentionRecord(WORDS))
    assert never.calls < on.calls
    assert never.calls == off.calls
    heads = world.transformer.config["num_attention_heads"]
    assert heads * FRAMES * PER_FRAME * keys > on.largest  # of every token and every key
    assert on.largest <= max(never.largest, heads * PER_FRAME * 512)


def test_recording_a_share_of_the_tokens_is_refused() -> None:
    world = scene()
    framewise = world.install()
    world.transformer.blocks[0].attn2.processor._parallel_config = "set"
    context = world.context(FramePlan.from_texts("aba"))
    with pytest.raises(UnsupportedError, match="context parallelism"), framewise.use(context, AttentionRecord(WORDS)):
        pass
