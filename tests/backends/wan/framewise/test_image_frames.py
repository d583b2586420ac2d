"""Image tokens that only the latent frames near the image read."""

from __future__ import annotations

from dataclasses import replace

import torch
from PIL import Image

from reasondiff.backends.base import Anchor
from reasondiff.backends.wan.framewise import FrameContext, FramePlan
from reasondiff.backends.wan.model import model_of
from tests import tiny
from tests.tiny.cross_attention import EMBEDDINGS, FRAMES, PER_FRAME, Scene, scene
from tests.tiny.pipelines import pipeline

STORY = FramePlan.from_texts("aba")
NONE, ALL = [False] * FRAMES, [True] * FRAMES


def first_cross_attention(world: Scene, image_frames: list[bool] | None) -> torch.Tensor:
    """``[latent_frames, tokens, dim]`` out of the first block's cross-attention."""
    seen: list[torch.Tensor] = []
    hook = world.transformer.blocks[0].attn2.register_forward_hook(lambda module, args, out: seen.append(out))
    frames = None if image_frames is None else torch.tensor([image_frames])
    world.predict(FrameContext.build(STORY, EMBEDDINGS, text_length=40, image=world.image, image_frames=frames))
    hook.remove()
    return seen[0][0].unflatten(0, (FRAMES, PER_FRAME))


def test_all_frames_are_what_no_mask_is() -> None:
    world = scene()
    assert torch.equal(first_cross_attention(world, ALL), first_cross_attention(world, None))


def test_each_frame_is_as_with_the_image_or_as_without_it() -> None:
    world = scene()
    with_image, without = first_cross_attention(world, ALL), first_cross_attention(world, NONE)
    assert not torch.allclose(with_image, without)
    some = first_cross_attention(world, [False, True, False])
    assert torch.equal(some[1], with_image[1])
    assert torch.equal(some[[0, 2]], without[[0, 2]])
    assert world.image is not None
    other = replace(world, image=tiny.randn(*world.image.shape, seed=99))
    assert torch.equal(first_cross_attention(other, NONE), without), "frames that do not read it see nothing of it"


def test_near_is_counted_in_latent_frames_from_the_images() -> None:
    model = model_of(pipeline())
    plans = [FramePlan.from_texts("aabbb"), FramePlan.from_texts("bbbaa")]
    anchors = [Anchor(Image.new("RGB", (64, 64)), frame) for frame in (0, 9)]  # latent frames 0 and 3
    texts = {text: EMBEDDINGS[text] for text in "ab"} | {"": EMBEDDINGS["c"]}
    told = {"longest": 40, "videos_per_story": 2}
    contexts = model.contexts(plans, "", texts, anchors, **told, image_reach=1)
    assert contexts.negative is not None and contexts.positive.image_frames is not None
    near = [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1]]
    assert contexts.positive.image_frames.int().tolist() == near
    assert torch.equal(contexts.positive.image_frames, contexts.negative.image_frames)
    assert model.contexts(plans, None, texts, anchors, **told).positive.image_frames is None
