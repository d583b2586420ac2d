"""An anchor in VACE's control video and mask, by hand for every frame; and stock VACE, to the last digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FirstBlockCacheConfig, WanVACEPipeline
from torch import Tensor

from reasondiff.backends.base import Abilities, Known, TakesAdapter
from reasondiff.backends.wan.framewise import FrameContext, FramewiseAttnProcessor
from reasondiff.backends.wan.model import VaceModel
from reasondiff.backends.wan.vace import control_mask, control_video, encode_control, held_frames, is_vace
from reasondiff.errors import CheckpointError, InputError, UnsupportedError
from reasondiff.narrative import Anchor, Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.timeline import Timeline
from tests import tiny
from tests.tiny.pipelines import alignformer

PROMPT, NEGATIVE = "A cat plays in the room.", "blurred, still"
OPTIONS: dict[str, Any] = {"num_inference_steps": 3, "width": 48, "height": 64, "num_frames": 17}
TOLERANCE = {"atol": 1e-5, "rtol": 0.0}
TIMELINE = Timeline(17)
IMAGE = tiny.image(48, 64)


def ours(**parts: Any) -> ReasonDiffPipeline:
    """The same weights as ``tiny.vace_pipeline``, with parts of its own."""
    boundary = {"boundary_ratio": parts.pop("boundary_ratio", None)}
    pipe = ReasonDiffPipeline(**tiny.vace_pipeline(**parts).components, **boundary)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def one_description(*anchors: int, num_frames: int = 17) -> Narrative:
    story = Narrative.from_ends([(num_frames, PROMPT)], 0, num_frames)
    return replace(story, anchors=tuple(map(Anchor, anchors or (0,))))


def latents(pipe: ReasonDiffPipeline, narrative: Narrative, **options: Any) -> Tensor:
    return pipe(IMAGE, narrative=narrative, output_type="latent", **(OPTIONS | options)).frames


def stock_latents(pipe: WanVACEPipeline, held: range, **options: Any) -> Tensor:
    """Stock VACE with the image in the frames of ``held``, grey elsewhere."""
    pixels = pipe.video_processor.pil_to_numpy(IMAGE)[0]
    video = np.stack([pixels if frame in held else np.full_like(pixels, 0.5) for frame in range(17)])[None]
    mask = np.stack([np.full_like(pixels, frame not in held) for frame in range(17)])[None]
    return pipe(
        prompt=PROMPT, video=video, mask=mask, generator=torch.Generator().manual_seed(0), output_type="latent",
        max_sequence_length=512, **(OPTIONS | options),
    ).frames  # fmt: skip


def kept_by_stock(timeline: Timeline, held: range) -> list[bool]:
    """Which latent frames stock's nearest sampling of the mask's frames keeps (``nearest-exact``)."""
    frames, latent_frames = timeline.num_frames, timeline.num_latent_frames
    return [int((k + 0.5) * frames / latent_frames) in held for k in range(latent_frames)]


# -- by hand -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", range(17))
def test_every_frame_s_control_video_and_mask(frame: int) -> None:
    """Latent frame 0 holds frame 0, latent frame k the frames 4k-3 .. 4k: the image fills these, grey the others."""
    latent_frame = -(-frame // 4)
    held = {frame} if frame == 0 else set(range(4 * latent_frame - 3, 4 * latent_frame + 1))
    assert set(held_frames(TIMELINE, frame)) == held and frame in held
    image = tiny.randn(1, 3, 16, 8)
    video = control_video(image, [frame], TIMELINE)
    assert video.shape == (1, 3, 17, 16, 8)
    for each in range(17):
        assert torch.equal(video[0, :, each], image[0] if each in held else torch.zeros(3, 16, 8))
    mask = control_mask(TIMELINE, [frame], 2, 1, scale=8)
    assert mask.shape == (1, 64, 5, 2, 1)
    for each in range(5):
        assert (mask[:, :, each] == (0 if each == latent_frame else 1)).all()


def test_stock_loses_most_flags_of_one_frame_and_ours_loses_none() -> None:
    """Of 81 frames stock looks at 21; the images of the other 60 would be no anchors at all."""
    timeline = Timeline(81)
    lost = [frame for frame in range(81) if not any(kept_by_stock(timeline, range(frame, frame + 1)))]
    assert len(lost) == 60 and 0 in lost and 80 in lost
    assert all((control_mask(timeline, [frame], 1, 1, 8) == 0).any() for frame in range(81))


def test_several_anchors_have_a_latent_frame_each() -> None:
    images = tiny.randn(3, 3, 8, 8)
    video = control_video(images, [0, 8, 16], TIMELINE)
    assert torch.equal(video[0, :, 0], images[0])
    assert torch.equal(video[0, :, 5], images[1]) and torch.equal(video[0, :, 8], images[1])
    assert torch.equal(video[0, :, 13], images[2])
    assert control_mask(TIMELINE, [0, 8, 16], 1, 1, 8)[0, 0, :, 0, 0].tolist() == [0, 1, 0, 1, 0]
    with pytest.raises(InputError, match=r"positions 6 and 8 would share positions 6 to 9, where this model holds one"):
        control_video(images[:2], [7, 5], TIMELINE)
    with pytest.raises(InputError, match=r"Position 18 is outside 1\.\.17"):
        control_video(images[:1], [17], TIMELINE)


def test_the_control_is_what_is_kept_then_grey_then_the_mask() -> None:
    vae, image = tiny.vae(), tiny.randn(1, 3, 16, 16).clamp(-1, 1)
    control = encode_control(vae, image, [6], TIMELINE)
    assert control.shape == (1, 2 * 4 + 64, 5, 2, 2)
    from reasondiff.backends.wan.conditioning import encode_video

    assert torch.equal(control[:, 4:8], encode_video(vae, torch.zeros(1, 3, 17, 16, 16)))
    assert torch.equal(control[:, 8:], control_mask(TIMELINE, [6], 2, 2, 8))
    assert torch.equal(control[:, :4, :2], control[:, 4:8, :2])  # before the image both are grey
    assert not torch.allclose(control[:, :4, 2], control[:, 4:8, 2])


# -- stock -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [9, 12, 13, 16])
@pytest.mark.parametrize("guidance", [5.0, 1.0])
def test_one_description_equals_stock_vace_where_stock_keeps_the_mask(frame: int, guidance: float) -> None:
    held = held_frames(TIMELINE, frame)
    assert kept_by_stock(TIMELINE, held) == [k == TIMELINE.latent_of(frame) for k in range(5)]
    options = {"guidance_scale": guidance, "negative_prompt": NEGATIVE}
    expected = stock_latents(tiny.vace_pipeline(), held, **options)
    torch.testing.assert_close(latents(ours(), one_description(frame), **options), expected, **TOLERANCE)


@pytest.mark.parametrize("frame", [0, 2, 6])
def test_and_not_where_stock_loses_it(frame: int) -> None:
    held = held_frames(TIMELINE, frame)
    assert kept_by_stock(TIMELINE, held) != [k == TIMELINE.latent_of(frame) for k in range(5)]
    expected = stock_latents(tiny.vace_pipeline(), held, guidance_scale=1.0)
    assert not torch.allclose(latents(ours(), one_description(frame), guidance_scale=1.0), expected, **TOLERANCE)


def test_two_experts_share_the_denoising_as_in_stock() -> None:
    def parts() -> dict[str, Any]:
        return {"transformer_2": tiny.vace_transformer(seed=1), "boundary_ratio": 0.8}

    options = {"guidance_scale": 4.0, "guidance_scale_2": 2.0, "negative_prompt": NEGATIVE}
    expected = stock_latents(tiny.vace_pipeline(**parts()), held_frames(TIMELINE, 16), **options)
    torch.testing.assert_close(latents(ours(**parts()), one_description(16), **options), expected, **TOLERANCE)


# -- frame-wise text ---------------------------------------------------------------------------------------------------


def test_the_control_blocks_read_frame_wise_text_too() -> None:
    pipe = ours()
    story = Narrative.from_ends([(9, "An intact vase"), (17, "A broken vase")], 16, 17)
    options = {"guidance_scale": 1.0}
    told = latents(pipe, story, **options)
    blocks = [*pipe.transformer.blocks, *pipe.transformer.vace_blocks]
    assert [block.attn2.processor.layer for block in blocks] == [0, 1, 2, 3, 4]
    assert all(isinstance(block.attn2.processor, FramewiseAttnProcessor) for block in blocks)
    for block in pipe.transformer.blocks:  # with the control branch alone, other texts still make another video
        torch.nn.init.zeros_(block.attn2.to_out[0].weight)
    deaf = latents(pipe, story, **options)
    other = latents(
        pipe, replace(story, clips=(story.clips[0], replace(story.clips[1], description="A cat"))), **options
    )
    assert not torch.allclose(deaf, told, **TOLERANCE) and not torch.allclose(deaf, other, **TOLERANCE)


def test_a_latent_frame_reads_its_own_text_in_the_control_branch() -> None:
    """Without self-attention nothing passes between frames: a text changes its own latent frames only."""
    pipe = ours()
    for block in (*pipe.transformer.blocks, *pipe.transformer.vace_blocks):
        torch.nn.init.zeros_(block.attn1.to_out[0].weight)
        torch.nn.init.zeros_(block.attn1.to_out[0].bias)
    texts = {text: tiny.randn(5, tiny.TEXT_DIM, seed=len(text)) for text in ("a", "bb", "ccc")}

    def predicted(last: str) -> Tensor:
        from reasondiff.backends.wan.denoising import predict
        from reasondiff.narrative.frame_plan import FramePlan

        plan = FramePlan.from_texts(["a", "a", "bb", "bb", last])
        context = FrameContext.build(plan, texts, text_length=16)
        noisy, control = tiny.randn(1, 4, 5, 4, 4), tiny.randn(1, 72, 5, 4, 4, seed=1)
        with torch.no_grad():
            return predict(pipe.transformer, noisy, control, torch.tensor(500.0), context)

    same, other = predicted("bb"), predicted("ccc")
    torch.testing.assert_close(same[:, :, :4], other[:, :, :4], **TOLERANCE)
    assert not torch.allclose(same[:, :, 4], other[:, :, 4], **TOLERANCE)


# -- once, and whole ---------------------------------------------------------------------------------------------------


def test_the_control_is_encoded_once_for_all_steps_and_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, encoded = ours(), []
    encode = pipe.vae.encode
    monkeypatch.setattr(pipe.vae, "encode", lambda video: encoded.append(video.shape) or encode(video))
    latents(pipe, one_description(5), num_inference_steps=4, guidance_scale=3.0, negative_prompt=NEGATIVE)
    assert encoded == [(1, 3, 17, 64, 48)] * 2  # what is kept, and grey


def test_a_step_cache_is_refused() -> None:
    pipe = ours()
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.1))
    with pytest.raises(UnsupportedError, match="would use the hints of VACE's control branch again"):
        latents(pipe, one_description(5))


def test_a_folder_in_the_stock_layout_is_loaded_as_a_model_that_takes_no_adapter(tmp_path: Path) -> None:
    tiny.vace_pipeline().save_pretrained(tmp_path / "vace")
    pipe = ReasonDiffPipeline.from_pretrained(tmp_path / "vace")
    pipe.set_progress_bar_config(disable=True)
    assert isinstance(pipe.model, VaceModel) and is_vace(pipe.transformer)
    assert not isinstance(pipe.model, TakesAdapter)
    assert pipe.model.abilities == Abilities(anchors=None)
    assert pipe.defaults.interval == 1 / 16
    torch.testing.assert_close(latents(pipe, one_description(5)), latents(ours(), one_description(5)), **TOLERANCE)
    pipe.save_pretrained(tmp_path / "again")
    again = ReasonDiffPipeline.from_pretrained(tmp_path / "again")
    again.set_progress_bar_config(disable=True)
    assert torch.equal(latents(again, one_description(5)), latents(pipe, one_description(5)))


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        CheckpointError, match=r"reads 96 control channels, not the 72 of this VAE; use another model\."
    ):
        ours(transformer=tiny.vace_transformer(vace_in_channels=96))
    with pytest.raises(CheckpointError, match="VACE takes no AlignFormer; use an image-to-video model"):
        ReasonDiffPipeline(**tiny.vace_pipeline().components, alignformer=alignformer())


def test_a_part_that_is_kept_is_in_the_control_video_too() -> None:
    model, channels = VaceModel(ours()), tiny.LATENT_CHANNELS
    condition = torch.randn(1, 2 * channels + 64, 5, 8, 6)
    known = Known(torch.randn(1, channels, 5, 8, 6), held=(1, 4))
    told = model.knowing(condition, known)
    assert torch.equal(told[:, :channels, [1, 4]], known.latents[:, :, [1, 4]])
    assert not told[:, 2 * channels :, [1, 4]].any()
    assert torch.equal(told[:, channels : 2 * channels], condition[:, channels : 2 * channels])
    assert torch.equal(told[:, :, [0, 2, 3]], condition[:, :, [0, 2, 3]])
