"""No call reads what another run, another thread or another block has left."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from reasondiff.backends.wan.framewise import FrameContext, FramePlan
from reasondiff.errors import InputError, UnsupportedError
from tests import tiny
from tests.tiny.cross_attention import FRAMES, Scene, gap, scene

STORY = FramePlan.from_texts("aba")
NEGATIVE = FramePlan.single("c", FRAMES)


def halve_and_back(world: Scene) -> None:
    world.transformer.to(torch.bfloat16).to(torch.float32)


def write_weight_data(world: Scene) -> None:
    world.transformer.blocks[0].attn2.to_k.weight.data.mul_(1.5)


def swap_weight_data(world: Scene) -> None:
    weight = world.transformer.blocks[1].attn2.to_v.weight
    weight.data = weight.data * 1.5  # as a moving average is swapped in


def replace_weight(world: Scene) -> None:
    layer = world.transformer.blocks[0].attn2.to_k
    changed = layer.weight.detach() * 1.5
    del layer.weight
    layer.weight = nn.Parameter(changed)


def change_eps(world: Scene) -> None:
    world.transformer.blocks[0].attn2.norm_k.eps = 0.5


def write_one_number(world: Scene) -> None:
    world.transformer.blocks[0].attn2.to_v.weight.data[3, 5] += 1.0


@pytest.mark.parametrize(
    "change",
    [halve_and_back, write_weight_data, swap_weight_data, replace_weight, change_eps, write_one_number],
)
def test_another_run_sees_every_change_of_the_weights(change: Callable[[Scene], None]) -> None:
    world = scene()
    context, framewise = world.context(STORY), world.install()
    with framewise.keep():
        before = world.predict(context)
    change(world)
    expected = world.predict(world.context(STORY, cache=False))
    assert gap(expected, before) > 1e-6
    with framewise.keep():
        assert gap(world.predict(context), expected) == 0.0
    assert gap(world.predict(context), expected) == 0.0


def test_another_run_sees_another_text_in_the_same_tensor() -> None:
    world = scene()
    context, other, framewise = world.context(STORY), world.context(FramePlan.from_texts("bab")), world.install()
    expected = world.predict(other)
    with framewise.keep():
        world.predict(context)
    context.text.data.copy_(other.text)
    with framewise.keep():
        assert gap(world.predict(context), expected) == 0.0


@pytest.mark.parametrize("kept", [False, True], ids=["by block", "by run"])
def test_threads_on_one_transformer_take_turns(kept: bool) -> None:
    world = scene()
    framewise = world.install()
    contexts = [world.context(STORY), world.context(NEGATIVE), world.context(FramePlan.from_texts("dab"))]
    alone = [world.predict(context) for context in contexts]
    start = threading.Barrier(len(contexts))

    def predict(context: FrameContext) -> list[Tensor]:
        start.wait()
        if not kept:
            return [world.predict(context) for _ in range(10)]
        with framewise.keep():
            return [world.predict(context) for _ in range(10)]

    with ThreadPoolExecutor(len(contexts)) as threads:
        found = list(threads.map(predict, contexts))
    for own, expected in zip(found, alone, strict=True):
        assert all(gap(each, expected) == 0.0 for each in own)
    assert all(gap(world.predict(each), expected) == 0.0 for each, expected in zip(contexts, alone, strict=True))


def test_a_thread_does_not_read_the_context_of_another() -> None:
    world = scene()
    context = world.context(STORY, cache=False)

    def call() -> None:
        with torch.no_grad():
            world.transformer(world.noisy, world.timestep, context.text, context.image)

    with world.install().use(context), ThreadPoolExecutor(1) as threads:
        with pytest.raises(UnsupportedError, match=r"inside 'framewise\.use"):
            threads.submit(call).result()
        call()


def test_blocks_may_be_left_in_any_order() -> None:
    world = scene()
    framewise, contexts = world.install(), [world.context(STORY), world.context(NEGATIVE)]
    expected = world.predict(contexts[1])
    first, second = (framewise.use(context) for context in contexts)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with torch.no_grad():
        inner = contexts[1]
        assert gap(world.transformer(world.noisy, world.timestep, inner.text, inner.image).sample, expected) == 0.0
    second.__exit__(None, None, None)
    assert framewise.context is None
    with pytest.raises(UnsupportedError, match=r"inside 'framewise\.use"):
        world.transformer(world.noisy, world.timestep, inner.text, inner.image)


def test_a_whole_transformer_can_be_saved_and_read() -> None:
    world = scene()
    context, framewise = world.context(STORY), world.install()
    expected, file = world.predict(context), io.BytesIO()
    with framewise.keep(), framewise.use(context):
        torch.save(world.transformer, file)
    file.seek(0)
    read = Scene(torch.load(file, weights_only=False), world.noisy, world.timestep, world.image)
    assert read.install() is not framewise and read.install().context is None
    assert gap(read.predict(context), expected) == 0.0


def test_another_dtype_than_the_transformers_is_one_sentence() -> None:
    world = scene(dtype=torch.bfloat16)
    wrong = FrameContext.build(STORY, {text: tiny.randn(9, tiny.TEXT_DIM) for text in "ab"}, text_length=40)
    with (
        pytest.raises(InputError, match=r"^The context is in float32 and the transformer in bfloat16; bring the text"),
        world.install().use(wrong),
    ):
        pass
    with torch.autocast("cpu", torch.bfloat16), world.install().use(wrong):
        pass
