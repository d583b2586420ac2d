"""Keys and values are computed once per video, and never once too few."""

from __future__ import annotations

import copy
import gc
from collections import Counter

import pytest
import torch
from peft import LoraConfig

from reasondiff.backends.wan.framewise import FrameContext, FramePlan
from reasondiff.errors import InputError, UnsupportedError
from tests import tiny
from tests.tiny.cross_attention import FRAMES, Scene, gap, scene

STORY = FramePlan.from_texts("aba")
NEGATIVE = FramePlan.single("c", FRAMES)


def count_projections(world: Scene) -> Counter[str]:
    calls: Counter[str] = Counter()
    for name, module in world.transformer.named_modules():
        if name.endswith(("attn2.to_k", "attn2.to_v", "attn2.add_k_proj")):
            module.register_forward_hook(lambda *_, name=name: calls.update([name.rsplit(".", 1)[1]]))
    return calls


def test_kept_equals_computed_bit_for_bit() -> None:
    world = scene()
    kept, fresh = world.context(STORY), world.context(STORY, cache=False)
    expected = world.predict(fresh)
    with world.install().keep():
        for _ in range(3):
            assert gap(world.predict(kept), expected) == 0.0
    assert gap(world.predict(kept), expected) == 0.0


def test_each_layer_projects_a_prompt_once_and_the_image_once_for_both_branches() -> None:
    world = scene(layers=3)
    world.install()
    positive, negative = world.context(STORY), world.context(NEGATIVE)
    calls = count_projections(world)
    with world.install().keep():
        for _ in range(4):
            world.predict(positive)
            world.predict(negative)
    assert calls == {"to_k": 2 * 3, "to_v": 2 * 3, "add_k_proj": 3}


def test_without_a_cache_every_call_projects() -> None:
    world = scene(layers=3)
    context = world.context(STORY, cache=False)
    calls = count_projections(world)
    for _ in range(4):
        world.predict(context)
    assert calls == {"to_k": 12, "to_v": 12, "add_k_proj": 12}


def test_kept_branches_do_not_mix() -> None:
    world = scene()
    contexts = [world.context(STORY), world.context(NEGATIVE), world.context(FramePlan.from_texts("dab"))]
    expected = [world.predict(world.context(context.plans[0], cache=False)) for context in contexts]
    with world.install().keep():
        for _ in range(2):
            for context, prediction in zip(contexts, expected, strict=True):
                assert gap(world.predict(context), prediction) == 0.0


def test_kept_tensors_go_when_the_context_goes_and_when_the_run_ends() -> None:
    world = scene()
    framewise = world.install()
    context = world.context(STORY)
    with framewise.keep():
        world.predict(context)
        with framewise.keep():  # a run within a run is part of it
            assert len(framewise._kept) == 2  # text and image
        assert len(framewise._kept) == 2
        del context
        gc.collect()
        assert len(framewise._kept) == 1
    assert framewise._kept is None
    assert all(block.attn2.processor.text is None for block in world.transformer.blocks)


def lora(world: Scene, name: str, seed: int) -> None:
    with tiny.seeded(seed):
        config = LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_k", "to_v"], init_lora_weights=False)
        world.transformer.add_adapter(config, adapter_name=name)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")
def test_whatever_changes_the_weights_is_noticed() -> None:
    world = scene()
    with world.install().keep():
        check_changes(world)


def check_changes(world: Scene) -> None:
    context = world.context(STORY)
    seen = [world.predict(context)]

    def check() -> None:
        seen.append(world.predict(context))
        assert gap(seen[-1], world.predict(world.context(STORY, cache=False))) == 0.0
        assert gap(seen[-1], seen[-2]) > 1e-6

    transformer = world.transformer
    lora(world, "one", seed=1)
    check()
    lora(world, "two", seed=2)
    transformer.set_adapters(["two"])
    check()
    transformer.set_adapters(["one", "two"], weights=[1.0, 0.5])
    check()
    transformer.set_adapters(["one", "two"], weights=[1.0, 0.7])
    check()
    transformer.fuse_lora()
    transformer.disable_lora()
    with torch.no_grad():
        transformer.blocks[0].attn2.norm_k.weight.mul_(1.5)
    check()
    with torch.no_grad():
        transformer.condition_embedder.text_embedder.linear_1.weight.mul_(1.5)
    check()
    transformer.blocks[0].attn2.norm_k.eps = 0.5
    check()
    world.image.copy_(tiny.randn(*world.image.shape, seed=9))
    check()


def test_an_adapter_is_part_of_what_is_kept() -> None:
    world = scene()
    lora(world, "one", seed=1)
    context = world.context(STORY)
    with world.install().keep():
        with_lora = world.predict(context)
        world.transformer.disable_lora()
        assert gap(world.predict(context), with_lora) > 1e-4
        world.transformer.enable_lora()
        assert gap(world.predict(context), with_lora) == 0.0


def test_another_device_is_noticed() -> None:
    world = scene()
    context = world.context(STORY)
    with world.install().keep():
        expected = world.predict(context)
        for layers in (kept[1] for kept in world.install()._kept.values()):
            layers[:] = [tuple(tensor.to("meta") for tensor in both) for both in layers]
        assert gap(world.predict(context), expected) == 0.0


def test_gradients_never_come_from_kept_tensors() -> None:
    world = scene()
    context = world.context(STORY)
    framewise = world.install()
    gradients = []
    with framewise.keep():
        world.predict(context)  # fills the cache, without gradients
        for each in (context, world.context(STORY, cache=False)):
            world.transformer.zero_grad()
            world.forward(each).square().sum().backward()
            gradients.append(world.transformer.blocks[0].attn2.to_k.weight.grad)
        world.predict(context)
        assert not any(tensor.requires_grad for kept in framewise._kept.values() for tensor in kept[1][0])
    assert gradients[1].abs().max() > 0
    assert gap(*gradients) == 0.0


def test_other_tokens_than_the_kept_ones_are_refused() -> None:
    world = scene()
    framewise = world.install()
    context = world.context(STORY)
    with torch.no_grad(), framewise.use(context), pytest.raises(InputError, match="other tokens than the context's"):
        world.transformer(world.noisy, world.timestep, context.text.clone(), world.image)


def test_a_scale_for_one_call_is_refused_with_kept_tensors_and_works_without() -> None:
    world = scene()
    lora(world, "one", seed=1)
    framewise = world.install()

    def scaled(context: FrameContext) -> torch.Tensor:
        call = {"hidden_states": world.noisy, "timestep": world.timestep, **context.inputs}
        with torch.no_grad(), framewise.use(context):
            return world.transformer(**call, attention_kwargs={"scale": 0.5}).sample

    with pytest.raises(UnsupportedError, match=r"LoRA scale of 0\.5"):
        scaled(world.context(STORY))
    half = scaled(world.context(STORY, cache=False))
    world.transformer.set_adapters(["one"], weights=[0.5])
    assert gap(world.predict(world.context(STORY)), half) <= 1e-6


def test_without_an_active_context_nothing_is_guessed() -> None:
    world = scene()
    framewise = world.install()
    padded = torch.zeros(1, 512, tiny.TEXT_DIM)
    with pytest.raises(UnsupportedError, match=r"inside 'framewise\.use"):
        world.transformer(world.noisy, world.timestep, padded, world.image)
    framewise.uninstall()
    world.transformer(world.noisy, world.timestep, padded, world.image)


def test_contexts_nest() -> None:
    world = scene()
    framewise = world.install()
    outer, inner = world.context(STORY), world.context(NEGATIVE)
    expected = world.predict(outer)
    with torch.no_grad(), framewise.use(outer):
        with framewise.use(inner):
            world.transformer(world.noisy, world.timestep, inner.text, inner.image)
        again = world.transformer(world.noisy, world.timestep, outer.text, outer.image).sample
    assert gap(again, expected) == 0.0


def test_a_copy_has_processors_of_its_own() -> None:
    world = scene()
    framewise = world.install()
    expected = world.predict(world.context(STORY))
    twin = copy.deepcopy(world)
    assert twin.install() is not framewise
    with torch.no_grad():
        for parameter in twin.transformer.parameters():
            parameter.mul_(1.1)
    assert gap(twin.predict(twin.context(STORY)), expected) > 1e-3
    assert gap(world.predict(world.context(STORY)), expected) == 0.0
