"""ReasonDiff switched off is stock diffusers, to the last digits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanImageToVideoPipeline
from torch import Tensor

from reasondiff.narrative import Anchor, Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny
from tests.tiny.pipelines import add_lora, alignformer

PROMPT, NEGATIVE = "A cat plays in the room.", "blurred, still"
OPTIONS: dict[str, Any] = {"num_inference_steps": 3, "width": 48, "height": 64, "num_frames": 17}
TOLERANCE = {"atol": 1e-5, "rtol": 0.0}


def ours(**parts: Any) -> ReasonDiffPipeline:
    """The same weights as ``tiny.pipeline``, with parts of its own: frame-wise attention is installed in them."""
    pipe = ReasonDiffPipeline(**tiny.pipeline(**parts).components)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def stock_latents(pipe: WanImageToVideoPipeline, seed: int = 0, **options: Any) -> Tensor:
    return pipe(
        image=tiny.image(48, 64),
        prompt=PROMPT,
        generator=torch.Generator().manual_seed(seed),
        output_type="latent",
        max_sequence_length=512,
        **(OPTIONS | options),
    ).frames


def one_description(*anchors: int, num_frames: int = 17) -> Narrative:
    """The prompt for all frames, and the image at these frames (0-based)."""
    story = Narrative.from_ends([(num_frames, PROMPT)], 0, num_frames)
    return replace(story, anchors=tuple(map(Anchor, anchors or (0,))))


@pytest.mark.parametrize("image_tokens", [True, False], ids=["image tokens", "no image tokens"])
@pytest.mark.parametrize("guidance", [5.0, 1.0])
def test_position_1_and_one_description_equal_stock_image_to_video(image_tokens: bool, guidance: float) -> None:
    options = {"guidance_scale": guidance, "negative_prompt": NEGATIVE}
    expected = stock_latents(tiny.pipeline(image_tokens=image_tokens), **options)
    result = ours(image_tokens=image_tokens)(
        tiny.image(48, 64), narrative=one_description(), output_type="latent", **(OPTIONS | options)
    )
    torch.testing.assert_close(result.frames, expected, **TOLERANCE)


def test_the_users_text_alone_needs_no_narrator_and_equals_stock() -> None:
    expected = stock_latents(tiny.pipeline(), guidance_scale=5.0, negative_prompt=NEGATIVE)
    result = ours()(
        tiny.image(48, 64), PROMPT, text_mode="single", anchor="first", use_adapter=False, output_type="latent",
        guidance_scale=5.0, negative_prompt=NEGATIVE, **OPTIONS,
    )  # fmt: skip
    torch.testing.assert_close(result.frames, expected, **TOLERANCE)


def test_a_trained_model_without_its_alignformer_and_lora_equals_stock() -> None:
    pipe = ours()
    pipe.register_modules(alignformer=alignformer())
    add_lora(pipe)
    options = {"guidance_scale": 5.0, "negative_prompt": NEGATIVE, **OPTIONS}
    expected = stock_latents(tiny.pipeline(), **options)
    options |= {"narrative": one_description(), "output_type": "latent"}
    torch.testing.assert_close(pipe(tiny.image(48, 64), use_adapter=False, **options).frames, expected, **TOLERANCE)
    assert not torch.allclose(pipe(tiny.image(48, 64), **options).frames, expected, **TOLERANCE)


def test_latents_are_decoded_as_stock_decodes_them() -> None:
    options = OPTIONS | {"num_inference_steps": 1, "guidance_scale": 1.0, "image": tiny.image(48, 64), "prompt": PROMPT}
    latents, frames = (
        tiny.pipeline()(generator=torch.Generator().manual_seed(3), output_type=kind, **options).frames
        for kind in ("latent", "np")
    )
    decoded = ours().model.decode(latents)
    assert decoded.shape == (1, 17, 64, 48, 3)
    assert np.array_equal(decoded, frames)


def test_an_anchor_at_both_ends_equals_stock_first_and_last_frame_to_video() -> None:
    expected = stock_latents(tiny.pipeline(image_tokens=False), last_image=tiny.image(48, 64), guidance_scale=1.0)
    narrative = one_description(0, 16)
    result = ours(image_tokens=False)(
        tiny.image(48, 64), narrative=narrative, output_type="latent", guidance_scale=1.0, **OPTIONS
    )
    torch.testing.assert_close(result.frames, expected, **TOLERANCE)


def test_a_first_and_last_frame_transformer_is_given_the_anchor_twice() -> None:
    pair = tiny.transformer(pos_embed_seq_len=2 * tiny.IMAGE_TOKENS)
    torch.nn.init.normal_(pair.condition_embedder.image_embedder.pos_embed, generator=torch.Generator().manual_seed(0))
    expected = stock_latents(tiny.pipeline(transformer=pair), last_image=tiny.image(48, 64), guidance_scale=1.0)
    narrative = one_description(0, 16)
    result = ours(transformer=pair)(
        tiny.image(48, 64), narrative=narrative, output_type="latent", guidance_scale=1.0, **OPTIONS
    )
    torch.testing.assert_close(result.frames, expected, **TOLERANCE)


def test_two_experts_share_the_denoising_as_in_stock_wan22() -> None:
    def parts() -> dict[str, Any]:
        return tiny.pipeline(image_tokens=False, transformer_2=tiny.transformer(image_tokens=False, seed=1)).components

    options = {"guidance_scale": 4.0, "guidance_scale_2": 2.0, "negative_prompt": NEGATIVE}
    stock = WanImageToVideoPipeline(**parts(), boundary_ratio=0.8)
    stock.set_progress_bar_config(disable=True)
    expected = stock_latents(stock, **options)
    pipe = ReasonDiffPipeline(**parts(), boundary_ratio=0.8)
    pipe.set_progress_bar_config(disable=True)
    result = pipe(tiny.image(48, 64), narrative=one_description(), output_type="latent", **(OPTIONS | options))
    torch.testing.assert_close(result.frames, expected, **TOLERANCE)


def test_given_latents_and_generators_are_read_as_in_diffusers() -> None:
    noise = torch.randn(1, 4, 5, 8, 6, generator=torch.Generator().manual_seed(7))
    pipe, options = ours(), OPTIONS | {"guidance_scale": 1.0, "output_type": "latent"}
    expected = stock_latents(tiny.pipeline(), seed=7, guidance_scale=1.0)
    for given in ({"latents": noise}, {"generator": torch.Generator().manual_seed(7)}, {"seed": 7}):
        result = pipe(tiny.image(48, 64), narrative=one_description(), **options, **given)
        torch.testing.assert_close(result.frames, expected, **TOLERANCE)


def test_guidance_that_stops_equals_stock_whose_callback_ends_it() -> None:
    def end(pipe: Any, step: int, timestep: Tensor, given: dict[str, Any]) -> dict[str, Any]:
        if step == 1:
            pipe._guidance_scale = 1.0  # how diffusers' guides end it
        return given

    options = {"guidance_scale": 5.0, "negative_prompt": NEGATIVE, "num_inference_steps": 4}
    expected = stock_latents(tiny.pipeline(), callback_on_step_end=end, **options)
    options |= {"narrative": one_description(), "output_type": "latent"}
    half, whole = (ours()(tiny.image(48, 64), guidance_stop=stop, **(OPTIONS | options)).frames for stop in (0.5, 1.0))
    torch.testing.assert_close(half, expected, **TOLERANCE)
    assert not torch.allclose(whole, expected, **TOLERANCE)


@pytest.mark.parametrize("kind", ["unipc", "euler"])
def test_both_schedulers(kind: str) -> None:
    expected = stock_latents(tiny.pipeline(scheduler=tiny.scheduler(kind)), guidance_scale=1.0)
    result = ours(scheduler=tiny.scheduler(kind))(
        tiny.image(48, 64), narrative=one_description(), output_type="latent", guidance_scale=1.0, **OPTIONS
    )
    torch.testing.assert_close(result.frames, expected, **TOLERANCE)
