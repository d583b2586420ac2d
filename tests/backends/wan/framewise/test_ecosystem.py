"""What diffusers offers a stock Wan transformer keeps working."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from accelerate import cpu_offload
from diffusers import FirstBlockCacheConfig, LayerSkipConfig, MagCacheConfig
from diffusers.hooks import apply_layer_skip
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from peft import LoraConfig
from torch.utils._python_dispatch import TorchDispatchMode

from reasondiff.backends.wan.framewise import FrameContext, FramePlan, install
from reasondiff.backends.wan.framewise.controller import Framewise
from reasondiff.errors import UnsupportedError
from tests import tiny
from tests.tiny.cross_attention import EMBEDDINGS, FRAMES, TOLERANCE, Scene, gap, scene

STORY = FramePlan.from_texts("aba")
NEGATIVE = FramePlan.single("c", FRAMES)


def pair(world: Scene, times: tuple[int, ...] = (500, 300)) -> list[torch.Tensor]:
    """Both branches of guidance, step after step, as a denoising loop calls them."""
    contexts = {"cond": world.context(STORY), "uncond": world.context(NEGATIVE)}
    out = []
    with install(world.transformer).keep():
        for time in times:
            world.timestep = torch.tensor([time])
            for name, context in contexts.items():
                with world.transformer.cache_context(name):
                    out.append(world.predict(context))
    return out


def assert_same(world: Scene, expected: list[torch.Tensor], tolerance: float = 0.0) -> None:
    assert all(gap(one, other) <= tolerance for one, other in zip(pair(world), expected, strict=True))


def test_install_is_idempotent_and_can_be_undone() -> None:
    world = scene()
    stock = world.stock("a")
    framewise = world.install()
    assert install(world.transformer) is framewise
    world.predict(world.context(STORY))
    framewise.uninstall()
    assert all(isinstance(block.attn2.processor, WanAttnProcessor) for block in world.transformer.blocks)
    assert gap(world.stock("a"), stock) == 0.0
    assert install(world.transformer) is not framewise


def test_the_state_dict_and_config_stay_stock() -> None:
    world = scene()
    names, config = set(world.transformer.state_dict()), dict(world.transformer.config)
    world.install()
    world.predict(world.context(STORY))
    assert set(world.transformer.state_dict()) == names
    assert dict(world.transformer.config) == config


def test_patches_over_several_latent_frames_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="patches span 3 latent frames"):
        install(tiny.transformer(patch_size=(3, 2, 2)))


@pytest.mark.parametrize("before", [True, False])
def test_the_attention_backend_reaches_frame_wise_layers(before: bool) -> None:
    world = scene()
    if before:
        world.transformer.set_attention_backend("_native_math")
    framewise = world.install()
    if not before:
        world.transformer.set_attention_backend("_native_math")
    assert all(block.attn2.processor._attention_backend == "_native_math" for block in world.transformer.blocks)
    framewise.uninstall()
    assert all(block.attn2.processor._attention_backend == "_native_math" for block in world.transformer.blocks)


def test_fused_projections() -> None:
    world = scene()
    expected = pair(world)
    world.transformer.fuse_qkv_projections()
    assert_same(world, expected, TOLERANCE)
    context = world.context(STORY)
    fused = world.predict(context)
    with torch.no_grad():
        world.transformer.blocks[0].attn2.to_kv.weight.mul_(1.1)
    assert gap(world.predict(context), fused) > 1e-6  # kept tensors notice
    world.transformer.unfuse_qkv_projections()
    assert_same(world, expected)


def test_lora_before_and_after_fusing() -> None:
    world = scene()
    plain = pair(world)
    with tiny.seeded(1):
        config = LoraConfig(r=2, lora_alpha=2, target_modules=["to_k", "to_v", "to_q", "to_out.0", "add_k_proj"])
        world.transformer.add_adapter(config)
    assert_same(world, plain)  # a new adapter adds nothing
    with torch.no_grad():
        for name, parameter in world.transformer.named_parameters():
            if "lora_B" in name:
                parameter.copy_(tiny.randn(*parameter.shape, seed=1) * 0.1)
    tuned = pair(world)
    assert gap(tuned[0], plain[0]) > 1e-3
    world.transformer.fuse_lora()
    assert_same(world, tuned, TOLERANCE)


def test_training_reaches_lora_through_the_text() -> None:
    world = scene()
    with tiny.seeded(1):
        world.transformer.add_adapter(LoraConfig(r=2, target_modules=["to_k", "to_v"], init_lora_weights=False))
    world.forward(world.context(STORY)).square().sum().backward()
    trained = {name: p.grad for name, p in world.transformer.named_parameters() if "attn2" in name and "lora" in name}
    assert len(trained) == 2 * 2 * 2
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in trained.values())


@pytest.mark.parametrize("inside", [True, False])
def test_gradient_checkpointing(inside: bool) -> None:
    def gradients(checkpointing: bool) -> list[torch.Tensor]:
        world = scene()
        framewise = world.install()
        if checkpointing and inside:
            world.transformer.enable_gradient_checkpointing()
        elif checkpointing:
            world.transformer.enable_gradient_checkpointing(framewise.checkpoint)
        context = world.context(STORY, cache=False)
        with framewise.use(context):
            loss = world.transformer(world.noisy, world.timestep, context.text, context.image).sample.square().sum()
            if inside:
                loss.backward()
        if not inside:
            with framewise.use(world.context(NEGATIVE)):  # whatever is active by then
                loss.backward()
        return [parameter.grad for parameter in world.transformer.parameters() if parameter.grad is not None]

    for one, other in zip(gradients(True), gradients(False), strict=True):
        assert gap(one, other) <= TOLERANCE


def test_gradient_checkpointing_may_keep_what_attention_gives() -> None:
    """By the calls of attention's kernel in the forward and the backward pass together."""

    class Count(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.calls += func is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
            return func(*args, **(kwargs or {}))

    def told(checkpoint: Callable | None) -> tuple[int, list[torch.Tensor]]:
        world = scene()
        framewise = world.install()
        if checkpoint is not None:
            world.transformer.enable_gradient_checkpointing(partial(checkpoint, framewise))
        context = world.context(STORY, cache=False)
        with framewise.use(context), Count() as count:
            world.transformer(world.noisy, world.timestep, context.text, context.image).sample.square().sum().backward()
        return count.calls, [p.grad for p in world.transformer.parameters() if p.grad is not None]

    def keeping(framewise: Framewise, *args: object) -> object:
        return framewise.checkpoint(*args, keep_attention=True)

    (once, plain), (twice, again), (kept, same) = told(None), told(Framewise.checkpoint), told(keeping)
    assert once > 0 and twice == 2 * once and kept == once
    for expected, *others in zip(plain, again, same, strict=True):
        assert all(gap(other, expected) <= TOLERANCE for other in others)


@pytest.mark.parametrize("offload_type", ["block_level", "leaf_level"])
def test_group_offload(offload_type: str) -> None:
    world = scene()
    expected = pair(world)
    blocks = {"num_blocks_per_group": 1} if offload_type == "block_level" else {}
    world.transformer.enable_group_offload(
        onload_device=torch.device("cpu"), offload_device=torch.device("cpu"), offload_type=offload_type, **blocks
    )
    assert_same(world, expected)


def test_weights_that_are_elsewhere_between_calls() -> None:
    """As offload to another device leaves them: a layer then has its weights only while it runs."""
    world = scene()
    expected = pair(world)
    for block in world.transformer.blocks:
        parts = [(module, dict(module.named_parameters(recurse=False))) for module in block.modules()]

        def fetch(module, args, parts=parts) -> None:
            for part, weights in parts:
                part._parameters.update(weights)

        def release(module, args, out, parts=parts) -> None:
            for part, weights in parts:
                for name, weight in weights.items():
                    part._parameters[name] = torch.nn.Parameter(weight.to("meta"))

        block.register_forward_pre_hook(fetch)
        block.register_forward_hook(release)
        release(block, None, None)
    assert_same(world, expected)


def test_sequential_offload() -> None:
    world = scene()
    expected = pair(world)
    cpu_offload(world.transformer, execution_device=torch.device("cpu"))
    to_k = world.transformer.blocks[0].attn2.to_k
    assert to_k.weight.is_meta
    calls: list[object] = []
    to_k.register_forward_hook(lambda module, args, out: calls.append(args))
    assert_same(world, expected)
    assert len(calls) == 2  # one per branch: placeholders that come and go are not other weights


def test_layerwise_casting() -> None:
    world = scene(dtype=torch.bfloat16)
    low = {text: tokens.bfloat16() for text, tokens in EMBEDDINGS.items()}
    contexts = [FrameContext.build(STORY, low, text_length=40, image=world.image, cache=c) for c in (True, False)]
    world.transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16)
    assert world.transformer.blocks[0].attn2.to_k.weight.dtype == torch.float8_e4m3fn
    expected = world.predict(contexts[1])
    with world.install().keep():
        for _ in range(2):
            assert gap(world.predict(contexts[0]), expected) == 0.0


@pytest.mark.parametrize(
    "config",
    [
        FirstBlockCacheConfig(threshold=0.0),
        MagCacheConfig(threshold=0.0, num_inference_steps=4, mag_ratios=[2.0] * 4, max_skip_steps=1),
    ],
)
def test_step_caches_that_skip_nothing_change_nothing(config) -> None:
    world = scene(layers=3)
    expected = pair(world)
    world.transformer.enable_cache(config)
    assert_same(world, expected)


def test_first_block_cache_skips_per_branch() -> None:
    """With a threshold that always skips, the second step repeats each branch's own residual."""
    world = scene(layers=3)
    world.transformer.enable_cache(FirstBlockCacheConfig(threshold=1e9))
    first_cond, first_uncond, cond, uncond = pair(world, times=(500, 500))
    assert gap(cond, first_cond) <= TOLERANCE
    assert gap(uncond, first_uncond) <= TOLERANCE
    assert gap(cond, uncond) > 1e-4


def test_layer_skip_passes_self_attention_by_and_leaves_frame_wise_attention() -> None:
    world = scene()
    full = pair(world)
    apply_layer_skip(world.transformer, LayerSkipConfig(indices=[1], fqn="blocks", skip_attention=True, skip_ff=False))
    seen: list[torch.Tensor] = []
    world.transformer.blocks[1].attn1.register_forward_hook(lambda module, args, out: seen.extend([args[0], out]))
    skipped = pair(world)
    assert torch.equal(seen[0], seen[1])
    assert gap(skipped[0], full[0]) > 1e-3
    assert gap(skipped[0], skipped[1]) > 1e-4


def test_blocks_compile_once_for_all_layers_and_steps() -> None:
    world = scene(layers=3)
    expected = pair(world)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    world.transformer.compile_repeated_blocks(fullgraph=True, backend="aot_eager")
    assert_same(world, expected, TOLERANCE)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 2  # framewise, and one text for all
    torch._dynamo.reset()


def test_compiled_blocks_serve_other_stories_too() -> None:
    """Other texts, segments and lengths: nothing is compiled anew once both sizes are known to vary."""
    plans = [FramePlan.from_texts(texts) for texts in ("aba", "dcd", "abc", "bbd", "ccb")]
    world, compiled = scene(), scene()
    torch._dynamo.reset()
    compiled.transformer.compile_repeated_blocks(fullgraph=True, backend="aot_eager")
    graphs = []
    for plan in plans:
        expected = world.predict(world.context(plan))
        assert gap(compiled.predict(compiled.context(plan, cache=False)), expected) < TOLERANCE
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert graphs[2:] == [graphs[2]] * 3
    torch._dynamo.reset()
