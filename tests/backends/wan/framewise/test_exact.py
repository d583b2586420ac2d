"""Frame-wise attention computes what it says, to rounding, in every form."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.backends.wan.framewise import FrameContext, FramePlan
from reasondiff.backends.wan.framewise.context import _split
from reasondiff.errors import InputError
from tests import tiny
from tests.tiny.cross_attention import EMBEDDINGS, FRAMES, PER_FRAME, STOCK_LENGTH, TOLERANCE, gap, scene

STORY = FramePlan.from_texts("aba")


def first_cross_attention(world, context: FrameContext) -> torch.Tensor:
    """``[latent_frames, tokens, dim]`` out of the first block's cross-attention."""
    seen: list[torch.Tensor] = []
    hook = world.transformer.blocks[0].attn2.register_forward_hook(lambda module, args, out: seen.append(out))
    world.predict(context)
    hook.remove()
    return seen[0][0].unflatten(0, (FRAMES, PER_FRAME))


@pytest.mark.parametrize("image_tokens", [True, False])
@pytest.mark.parametrize("collapse", [True, False])
def test_one_description_for_all_frames_equals_stock(image_tokens: bool, collapse: bool) -> None:
    world = scene(image_tokens=image_tokens)
    stock = world.stock("a")
    context = world.context(FramePlan.single("a", FRAMES), text_length=STOCK_LENGTH, collapse=collapse)
    assert gap(world.predict(context), stock) <= (TOLERANCE if collapse else 0.0)
    assert stock.std() > 0.1


@pytest.mark.parametrize("image_tokens", [True, False])
def test_the_same_description_in_every_frame_by_the_framewise_path_equals_stock(image_tokens: bool) -> None:
    """Two segments that happen to hold equal rows: the batched form itself is compared, not its short cut."""
    world = scene(image_tokens=image_tokens)
    stock = world.stock("a")
    twins = EMBEDDINGS | {"a, again": EMBEDDINGS["a"]}
    plan = FramePlan.from_texts(["a", "a, again", "a"])
    context = FrameContext.build(plan, twins, text_length=STOCK_LENGTH, image=world.image)
    assert context.segment_of is not None
    assert gap(world.predict(context), stock) <= TOLERANCE


def test_first_and_last_frame_models_take_images_in_pairs() -> None:
    world = scene()
    world.transformer = tiny.transformer(pos_embed_seq_len=2 * tiny.IMAGE_TOKENS)
    with torch.no_grad():
        world.transformer.condition_embedder.image_embedder.pos_embed.normal_()
    with pytest.raises(InputError, match="1 images for 1 videos; this transformer takes 2"):
        world.predict(world.context(FramePlan.single("a", FRAMES)))
    world.install().uninstall()
    world.image = tiny.randn(2, tiny.IMAGE_TOKENS, tiny.IMAGE_DIM, seed=3)
    stock = world.stock("a")
    assert (
        gap(world.predict(world.context(FramePlan.single("a", FRAMES), text_length=STOCK_LENGTH)), stock) <= TOLERANCE
    )


@pytest.mark.parametrize("frame", range(FRAMES))
def test_a_changed_description_changes_its_own_frames_attention_and_the_whole_prediction(frame: int) -> None:
    world = scene()
    changed = FramePlan.from_texts(["d" if index == frame else text for index, text in enumerate("aba")])
    before, after = (first_cross_attention(world, world.context(plan)) for plan in (STORY, changed))
    moved = (before - after).abs().amax((1, 2))
    assert moved[frame] > 1e-3
    assert all(moved[other] <= TOLERANCE for other in range(FRAMES) if other != frame)
    prediction = [world.predict(world.context(plan)) for plan in (STORY, changed)]
    assert all((prediction[0] - prediction[1]).abs().amax((0, 1, 3, 4)) > 1e-5)


def test_a_frames_attention_equals_stock_attention_to_its_own_text() -> None:
    world = scene()
    own = first_cross_attention(world, world.context(STORY))
    alone = {text: first_cross_attention(world, world.context(FramePlan.single(text, FRAMES))) for text in "ab"}
    for frame, text in enumerate("aba"):
        assert gap(own[frame], alone[text][frame]) <= TOLERANCE


def test_the_negative_prompt_still_matters() -> None:
    world = scene()
    negatives = [world.predict(world.context(FramePlan.single(text, FRAMES))) for text in "cd"]
    assert gap(*negatives) > 1e-4


@pytest.mark.parametrize("image_tokens", [True, False])
def test_merged_padding_equals_padding(image_tokens: bool) -> None:
    world = scene(image_tokens=image_tokens)
    short, full = (world.context(STORY, text_length=STOCK_LENGTH, collapse=collapse) for collapse in (True, False))
    assert short.text.shape[1] == 2 * 16
    assert full.text.shape[1] == 2 * STOCK_LENGTH
    assert gap(world.predict(short), world.predict(full)) <= TOLERANCE


@pytest.mark.parametrize("text_length", [20, 21, 22, 23, 24, 25, 30])
def test_merging_is_exact_however_little_padding_there_is(text_length: int) -> None:
    world = scene(image_tokens=False)
    plan = FramePlan.from_texts("adc")
    short, full = (world.context(plan, text_length=text_length, collapse=collapse) for collapse in (True, False))
    assert gap(world.predict(short), world.predict(full)) <= TOLERANCE


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")
@pytest.mark.parametrize("kernel", ["_native_math", "flex"])
def test_other_kernels_with_bias(kernel: str) -> None:
    world = scene()
    expected = world.predict(world.context(STORY))
    for block in world.transformer.blocks:
        block.attn2.set_attention_backend(kernel)
    assert gap(world.predict(world.context(STORY)), expected) <= TOLERANCE


@pytest.mark.parametrize("plan", [STORY, FramePlan.single("a", FRAMES)])
def test_kernels_without_bias_merge_two_attentions(plan: FramePlan) -> None:
    world = scene()
    world.install()
    by_bias = world.predict(world.context(plan, text_length=STOCK_LENGTH))
    world.transformer.set_attention_backend("_native_flash")  # raises when it is given a mask
    assert gap(world.predict(world.context(plan, text_length=STOCK_LENGTH)), by_bias) <= TOLERANCE


@pytest.mark.parametrize("kernel", [AttentionBackendName.FLASH, AttentionBackendName._FLASH_VARLEN_3])
@pytest.mark.parametrize("how", ["majority", "concat"])
def test_kernels_that_are_not_here(kernel: AttentionBackendName, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins with the signatures of kernels that need a GPU: with a log-sum-exp, and without one."""
    calls = []

    def flash(query, key, value, attn_mask=None, return_lse=False):
        assert attn_mask is None
        calls.append(return_lse)
        logits = torch.einsum("bnhd,bkhd->bhnk", query, key) * query.shape[-1] ** -0.5
        out = torch.einsum("bhnk,bkhd->bnhd", logits.softmax(-1), value)
        return (out, logits.logsumexp(-1)) if return_lse else out

    world = scene()
    world.install()
    plan = FramePlan(STORY.prompts, STORY.segments, STORY.segment_of, how)  # type: ignore[arg-type]
    by_bias = world.predict(world.context(plan))
    monkeypatch.setitem(_AttentionBackendRegistry._backends, kernel, flash)
    monkeypatch.setitem(
        _AttentionBackendRegistry._supported_arg_names, kernel, {"query", "key", "value", "attn_mask", "return_lse"}
    )
    for block in world.transformer.blocks:
        block.attn2.set_attention_backend(kernel)
    assert gap(world.predict(world.context(plan)), by_bias) <= TOLERANCE
    assert any(calls) == (kernel == AttentionBackendName.FLASH and how == "majority")


def test_kernels_without_bias_keep_their_gradient() -> None:
    gradients = []
    for backend in ("native", "_native_flash"):
        world = scene()
        world.install()
        world.transformer.set_attention_backend(backend)
        world.noisy.requires_grad_()
        world.forward(world.context(STORY, cache=False)).square().sum().backward()
        gradients.append(world.noisy.grad)
    assert gap(*gradients) <= TOLERANCE


def concat(text: str) -> FramePlan:
    plan = FramePlan.from_texts(text)
    return FramePlan(plan.prompts, plan.segments, plan.segment_of, "concat")


@pytest.mark.parametrize("text", ["aba", "aaa", "abc"])
def test_concat_without_duplicates_equals_concat(text: str) -> None:
    world = scene()
    short, plain = (world.context(concat(text), text_length=64, collapse=collapse) for collapse in (True, False))
    assert plain.text.shape[1] == FRAMES * 64
    assert short.text.shape[1] == len(set(text)) * short.text_tokens < plain.text.shape[1]
    assert gap(world.predict(short), world.predict(plain)) <= TOLERANCE


def test_concat_is_an_unordered_bag_and_framewise_is_not() -> None:
    world = scene()
    bags = [world.predict(world.context(concat(text))) for text in ("aab", "baa")]
    assert gap(*bags) <= TOLERANCE
    ordered = [world.predict(world.context(FramePlan.from_texts(text))) for text in ("aab", "baa")]
    assert gap(*ordered) > 1e-4


def test_concat_of_one_text_equals_stock() -> None:
    """Every key is there three times, which the softmax does not notice."""
    world = scene()
    stock = world.stock("a")
    assert gap(world.predict(world.context(concat("aaa"), text_length=STOCK_LENGTH)), stock) <= TOLERANCE


@pytest.mark.parametrize("make", [FramePlan.from_texts, concat])
@pytest.mark.parametrize("collapse", [True, False])
def test_a_batch_of_different_stories_equals_one_after_the_other(make, collapse: bool) -> None:
    world = scene(batch=3)
    stories = ["aba", "ccc", "dca"]
    together = world.predict(world.context([make(text) for text in stories], collapse=collapse))
    for index, text in enumerate(stories):
        alone = scene()
        alone.noisy, alone.image = world.noisy[[index]], world.image[[index]]
        assert gap(together[[index]], alone.predict(alone.context(make(text), collapse=collapse))) <= TOLERANCE


def test_mean_reads_the_average_embedding() -> None:
    world = scene()
    average = torch.zeros(14, tiny.TEXT_DIM)
    average[:9] += 0.75 * EMBEDDINGS["a"]
    average += 0.25 * EMBEDDINGS["b"]
    mixed = FramePlan(("a", "b"), (((0, 1.0),), ((0, 0.75), (1, 0.25))), (0, 1, 0), "mean")
    by_hand = FrameContext.build(
        FramePlan.from_texts(["a", "mixture", "a"]),
        EMBEDDINGS | {"mixture": average},
        text_length=40,
        image=world.image,
    )
    assert gap(world.predict(world.context(mixed)), world.predict(by_hand)) <= TOLERANCE


@pytest.mark.parametrize("how", ["majority", "concat"])
def test_in_bfloat16_merging_adds_no_error_of_its_own(how: str) -> None:
    exact, world = scene(), scene(dtype=torch.bfloat16)
    plan = FramePlan(STORY.prompts, STORY.segments, STORY.segment_of, how)  # type: ignore[arg-type]
    reference = exact.predict(exact.context(plan, text_length=STOCK_LENGTH))
    low = {text: tokens.bfloat16() for text, tokens in EMBEDDINGS.items()}

    def error(collapse: bool) -> float:
        context = FrameContext.build(plan, low, text_length=STOCK_LENGTH, image=world.image, collapse=collapse)
        return ((world.predict(context).float() - reference).norm() / reference.norm()).item()

    assert error(collapse=True) <= 1e-2
    assert error(collapse=True) <= 1.2 * error(collapse=False)


@given(st.integers(1, 20_000), st.integers(2, 9), st.sampled_from([torch.float32, torch.bfloat16, torch.float16]))
def test_logarithms_of_few_rows_add_up_to_the_count(count: int, rows: int, dtype: torch.dtype) -> None:
    logs = torch.tensor(_split(count, rows, dtype), dtype=dtype)
    assert logs.double().exp().sum().item() == pytest.approx(count, rel=1e-6 if dtype == torch.float32 else 2e-3)


@pytest.mark.parametrize("tokens", range(1, 25))
def test_every_padding_key_is_accounted_for_even_in_bfloat16(tokens: int) -> None:
    embeddings = {"a": torch.ones(tokens, 1, dtype=torch.bfloat16)}
    context = FrameContext.build(FramePlan.single("a", FRAMES), embeddings, text_length=STOCK_LENGTH)
    keys = context.bias.double().exp().flatten()
    assert keys[:tokens].tolist() == [1.0] * tokens
    assert keys.sum().item() == pytest.approx(STOCK_LENGTH, rel=2e-3)
    assert context.text[0, tokens:].abs().max() == 0


def test_gradients_reach_the_texts_and_stay_in_their_frames() -> None:
    world = scene()
    world.install()
    leaves = {text: tokens.clone().requires_grad_() for text, tokens in EMBEDDINGS.items()}
    context = FrameContext.build(FramePlan.from_texts("aba"), leaves, text_length=40, image=world.image)
    seen: list[torch.Tensor] = []
    hook = world.transformer.blocks[0].attn2.register_forward_hook(lambda module, args, out: seen.append(out))
    world.forward(context)
    hook.remove()
    seen[0].unflatten(1, (FRAMES, PER_FRAME))[:, 1].square().sum().backward()  # the frame that reads "b"
    assert leaves["b"].grad.abs().max() > 0
    assert leaves["a"].grad.abs().max() == 0
    assert leaves["c"].grad is None


@pytest.mark.parametrize("image_tokens", [True, False])
@pytest.mark.parametrize("difference", [-1, 1, 64])
def test_a_context_of_the_wrong_length_is_refused(image_tokens: bool, difference: int) -> None:
    world = scene(image_tokens=image_tokens)
    framewise = world.install()
    context = world.context(STORY, cache=False)
    wrong = torch.zeros(1, context.text.shape[1] + difference, tiny.TEXT_DIM)
    with torch.no_grad(), framewise.use(context), pytest.raises(InputError, match="condition tokens instead of"):
        world.transformer(world.noisy, world.timestep, wrong, world.image)


def test_what_does_not_fit_together_is_refused() -> None:
    world = scene()
    with pytest.raises(InputError, match="no embedding"):
        world.context(FramePlan.single("unheard of", FRAMES))
    with pytest.raises(InputError, match="'d' has 20 tokens; cut it to 16"):
        world.context(FramePlan.single("d", FRAMES), text_length=16)
    with pytest.raises(InputError, match="cover 3 and 4 latent frames"):
        world.context([FramePlan.single("a", 3), FramePlan.single("a", 4)])
    with pytest.raises(InputError, match="separate batches"):
        world.context([FramePlan.single("a", 3), concat("aba")])
    with pytest.raises(InputError, match="1 videos of 3 latent frames and the context is for 1 of 4"):
        world.predict(world.context(FramePlan.single("a", 4)))
    with pytest.raises(InputError, match="1 images for 2 videos"):
        world.predict(world.context([STORY, STORY]))
    bare = scene(image_tokens=False)
    with pytest.raises(InputError, match="takes no image tokens"):
        bare.predict(world.context(STORY))
