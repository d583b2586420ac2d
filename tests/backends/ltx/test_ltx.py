"""LTX-Video: where an image's tokens are in time, which text they read, and the same latents as diffusers' pipeline."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.ltx import pipeline_ltx_condition as stock
from torch import Tensor

from reasondiff.backends.base import Anchor
from reasondiff.backends.ltx.components import LtxComponents
from reasondiff.backends.ltx.denoising import DISTILLED_TIMESTEPS
from reasondiff.backends.ltx.keyframes import Keyframes, coordinates, times_of
from reasondiff.backends.ltx.model import LtxModel
from reasondiff.backends.ltx.text import NEVER, FrameText
from reasondiff.errors import CheckpointError, InputError, UnsupportedError
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import Narrative
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.narrative.place import Place
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from reasondiff.pipeline.generate import generate
from reasondiff.pipeline.kept_video import KeptVideo
from reasondiff.timeline import Timeline
from tests import tiny
from tests.tiny import ltx

FRAMES, FPS = 17, 24  # three latent frames: 1, 2..9, 10..17
IMAGE, OTHER = tiny.image(64, 64), tiny.image(64, 64, seed=5)
OPTIONS: dict[str, Any] = {
    "num_frames": FRAMES, "width": 64, "height": 64, "num_inference_steps": 2, "guidance_scale": 3.0,
    "negative_prompt": "blurred", "shortest_clip": 0.0, "output_type": "latent",
}  # fmt: skip
TWO = Narrative.from_ends([(9, "A cat plays."), (FRAMES, "A dog sleeps.")], 3, FRAMES, interval=1 / FPS)


def told(position: int, text: str = "A cat plays.") -> Narrative:
    """One description, the image at ``position``, counted from 1."""
    return Narrative.from_ends([(FRAMES, text)], position - 1, FRAMES, interval=1 / FPS)


@pytest.fixture(scope="module")
def components() -> LtxComponents:
    pipe = LtxComponents(**ltx.pipeline().components)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def model(components: LtxComponents) -> LtxModel:
    return LtxModel(components)


def latents(model: LtxModel, narrative: Narrative, **options: Any) -> Tensor:
    image = None if "frame_images" in options else IMAGE
    return generate(model, lambda: pytest.fail("nobody is asked"), image, "", narrative, **(OPTIONS | options)).frames


def stock_latents(
    monkeypatch: pytest.MonkeyPatch, pipe: LtxComponents, conditions: list[Any], **options: Any
) -> Tensor:
    """Of diffusers' pipeline, which draws from the VAE's distribution where we take its middle, and draws keyframes'
    noise where we take that of their latent frame."""
    noise = torch.randn(1, ltx.LATENT_CHANNELS, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    timeline, drawn = Timeline(FRAMES, 8), [noise]
    for each in conditions:
        if each.frame_index:
            drawn.append(noise[:, :, timeline.latent_of(each.frame_index)][:, :, None])
    monkeypatch.setattr(stock, "retrieve_latents", lambda output, *args, **kwargs: output.latent_dist.mode())
    monkeypatch.setattr(stock, "randn_tensor", lambda *args, **kwargs: drawn.pop(0).clone())
    given = {
        "prompt": "A cat plays.", "negative_prompt": "blurred", "height": 64, "width": 64, "num_frames": FRAMES,
        "frame_rate": FPS, "num_inference_steps": 2, "guidance_scale": 3.0, "image_cond_noise_scale": 0.0,
    }  # fmt: skip
    pipeline = stock.LTXConditionPipeline(**pipe.components)
    pipeline.set_progress_bar_config(disable=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it makes an array of a list of tensors
        made: Tensor = pipeline(conditions=conditions, output_type="latent", **(given | options)).frames
    return made


def condition(position: int, strength: float = 1.0, image: Any = IMAGE) -> Any:
    return stock.LTXVideoCondition(image=image, frame_index=position - 1, strength=strength)


# Places


@pytest.mark.parametrize("position", range(1, FRAMES + 1))
def test_the_time_of_every_position_is_its_own_frames(position: int) -> None:
    times = times_of(Timeline(FRAMES, 8), [position - 1] if position > 1 else [])
    assert times == ([position - 1] if position > 1 else []) + [0, 1, 9]  # latent frames: 1, 2..9, 10..17


def test_coordinates_by_hand() -> None:
    # Frame 11 as a keyframe and two latent frames, of 1x2 latents at 32 pixels each, 24 frames per second.
    found = coordinates([11, 0, 1], 1, 2, scale=32, fps=24)
    assert found.shape == (1, 3, 6)
    assert torch.allclose(found[0, 0], torch.tensor([11, 11, 0, 0, 1, 1]) / 24)
    assert found[0, 1].tolist() == [0] * 6
    assert found[0, 2].tolist() == [0, 32] * 3


def test_a_condition_holds_frames_strengths_and_latents_exactly() -> None:
    keyframes = Keyframes(torch.tensor([[5, 2047]]), torch.tensor([[1.0, 0.25]]), tiny.randn(1, 8, 2, 2, 3))
    again = Keyframes.of(keyframes.condition)
    assert again.frames.tolist() == [[5, 2047]] and again.strength.tolist() == [[1.0, 0.25]]
    assert torch.equal(again.latents, keyframes.latents)


# Texts


def test_each_latent_frame_reads_its_own_text() -> None:
    plan = FramePlan.from_narrative(TWO, Timeline(FRAMES, 8))
    embeds = {"A cat plays.": tiny.randn(3, 4), "A dog sleeps.": tiny.randn(2, 4, seed=1)}
    text = FrameText.build(plan, embeds)
    assert text.tokens.shape == (1, 5, 4)
    cat, dog = [0.0] * 3 + [NEVER] * 2, [NEVER] * 3 + [0.0] * 2
    assert text.bias is not None and text.bias.tolist() == [cat, cat, dog]
    # A keyframe in the last latent frame reads what that reads; two tokens of each frame.
    assert text.mask([2, 0, 1, 2], 2)[0].tolist() == [dog] * 2 + [cat] * 4 + [dog] * 2


def test_one_text_is_read_by_all() -> None:
    text = FrameText.build(FramePlan.single("A cat plays.", 3), {"A cat plays.": tiny.randn(3, 4)})
    assert text.bias is None and text.mask([0, 1], 7).tolist() == [[1, 1, 1]]


def test_soft_and_concat() -> None:
    embeds = {"A cat plays.": tiny.randn(3, 4), "A dog sleeps.": tiny.randn(2, 4, seed=1)}
    soft = FramePlan.from_narrative(TWO, Timeline(FRAMES, 8), "soft")
    bias = FrameText.build(soft, embeds).bias
    assert bias is not None
    assert torch.allclose(bias[:, 0], -torch.tensor(soft.penalties)[:, 0].clamp(max=-NEVER))
    both = FrameText.build(FramePlan.from_narrative(TWO, Timeline(FRAMES, 8), "concat"), embeds).bias
    assert both is not None  # the cat is read in two latent frames of the three, the dog in one
    assert torch.allclose(both, torch.tensor([2.0, 2, 2, 1, 1]).log().expand(3, -1))


# Latents


@pytest.mark.parametrize("position", [1, 12, 17])
def test_equal_to_diffusers_with_one_description(
    model: LtxModel, components: LtxComponents, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = latents(model, told(position))
    assert torch.allclose(ours, stock_latents(monkeypatch, components, [condition(position)]), atol=1e-5)


@pytest.mark.parametrize("position", [1, 12])
def test_equal_to_diffusers_with_less_strength(
    model: LtxModel, components: LtxComponents, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = latents(model, told(position), anchor_strength=0.6)
    expected = stock_latents(monkeypatch, components, [condition(position, 0.6)])
    assert torch.allclose(ours, expected, atol=1e-5)
    assert not torch.allclose(ours, latents(model, told(position)), atol=1e-3)


def test_guidance_that_stops_at_once_is_none_and_half_of_it_is_neither(model: LtxModel) -> None:
    none, stopped, half, whole = (
        latents(model, told(12), **options)
        for options in ({"guidance_scale": 1.0}, {"guidance_stop": 0.0}, {"guidance_stop": 0.5}, {})
    )
    assert torch.equal(stopped, none)
    assert not torch.allclose(half, none, atol=1e-4) and not torch.allclose(half, whole, atol=1e-4)


def test_equal_to_diffusers_with_three_images(
    model: LtxModel, components: LtxComponents, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = (12, 1, 13)  # in any order, two of them in one latent frame
    shown = zip((IMAGE, OTHER, IMAGE), places, strict=True)
    images = [FrameImage(image, Place("frame_index", place - 1)) for image, place in shown]
    ours = latents(model, told(12), frame_images=images)
    conditions = [condition(1, image=OTHER), condition(12), condition(13)]
    assert torch.allclose(ours, stock_latents(monkeypatch, components, conditions), atol=1e-5)


def test_an_image_at_the_first_frame_is_there_exactly(model: LtxModel) -> None:
    encoded = Keyframes.of(model.encode_anchors([Anchor(IMAGE, 0)], Timeline(FRAMES, 8))).latents
    assert torch.equal(latents(model, told(1))[:, :, :1], encoded)


def test_a_distilled_schedule(components: LtxComponents, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = LtxComponents(**components.components, distilled=True)
    pipe.set_progress_bar_config(disable=True)
    model = LtxModel(pipe)
    assert (model.defaults.num_inference_steps, model.defaults.guidance_scale) == (8, 1.0)
    ours = latents(model, told(12), num_inference_steps=None, guidance_scale=None)
    expected = stock_latents(
        monkeypatch, components, [condition(12)], timesteps=list(DISTILLED_TIMESTEPS), guidance_scale=1.0
    )
    assert torch.allclose(ours, expected, atol=1e-5)
    with pytest.raises(
        InputError, match=r"^This model was distilled for 8 denoising steps, and 2 are asked for; leave"
    ):
        latents(model, told(12))


def test_two_descriptions_are_told_apart_and_a_batch_changes_nothing(model: LtxModel) -> None:
    alone = [latents(model, TWO, seed=seed) for seed in (0, 1)]
    together = latents(model, TWO, num_videos_per_prompt=2)
    assert torch.allclose(torch.cat(alone), together, atol=1e-6)
    assert not torch.allclose(alone[0], latents(model, told(4)), atol=1e-3)
    # Stories of one batch may have their images at the first frame and elsewhere.
    both = generate(model, lambda: None, [IMAGE, IMAGE], "", [TWO, told(1)], seed=[0, 0], **OPTIONS).frames  # type: ignore[arg-type, return-value]
    assert torch.allclose(both, torch.cat([alone[0], latents(model, told(1))]), atol=1e-6)


def test_what_is_drawn_in_a_step_follows_from_the_seed(components: LtxComponents) -> None:
    parts = components.components | {"scheduler": FlowMatchEulerDiscreteScheduler(stochastic_sampling=True)}
    pipe = LtxComponents(**parts)
    pipe.set_progress_bar_config(disable=True)
    drawn = LtxModel(pipe)
    assert torch.equal(latents(drawn, told(4)), latents(drawn, told(4)))
    assert not torch.equal(latents(drawn, told(4)), latents(LtxModel(components), told(4)))


def test_a_stopped_run_goes_on_where_it_was(model: LtxModel, tmp_path: Path) -> None:
    options = {"anchor_strength": 0.6}
    whole = latents(model, TWO, **options)
    asked: list[bool] = []

    def stopped() -> bool:
        asked.append(True)
        return len(asked) == 1

    latents(model, TWO, progress=DenoisingCheckpoint(tmp_path / "run"), stopped=stopped, **options)
    steps: list[int] = []

    def on_step(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        steps.append(step)
        return {}

    again = latents(model, TWO, progress=DenoisingCheckpoint(tmp_path / "run"), callback_on_step_end=on_step, **options)
    assert steps == [1] and torch.equal(again, whole)
    assert not (tmp_path / "run").exists()


def test_kept_latent_frames_are_held_bit_by_bit(model: LtxModel) -> None:
    before = latents(model, TWO)
    made = latents(model, told(12), keeping=KeptVideo(before, (0, 1)), seed=7)
    assert torch.equal(made[:, :, :2], before[:, :, :2])
    assert not torch.allclose(made[:, :, 2], before[:, :, 2], atol=1e-3)


def test_a_video_is_decoded_with_the_same_noise_every_time(model: LtxModel) -> None:
    made = latents(model, told(4))
    video = model.decode(torch.cat([made, made]), "uint8")
    assert video.shape == (2, FRAMES, 64, 64, 3) and (video[0] == video[1]).all()
    assert model.encode_video(video[0]).shape == made.shape


# What it cannot do


def test_refusals(model: LtxModel) -> None:
    with pytest.raises(UnsupportedError, match="Attention is recorded on models of Wan's kind"):
        latents(model, told(4), record=object())
    with pytest.raises(InputError, match="reads no image encoder's tokens; leave out image_reach"):
        latents(model, told(4), image_reach=1)
    with pytest.raises(InputError, match=r"16 frames do not fit this VAE, which takes 8k\+1; give 9 or 17\."):
        latents(model, told(4), num_frames=16)


def test_an_older_model_is_refused() -> None:
    older = ltx.vae(
        block_out_channels=(4, 8, 8, 16), down_block_types=("LTXVideoDownBlock3D",) * 4, downsample_type=("conv",) * 4,
        spatio_temporal_scaling=(True, True, True, False),
    )  # fmt: skip
    with pytest.raises(CheckpointError, match=r"^This LTX-Video is older than 0\.9\.5"):
        LtxComponents(**(ltx.pipeline().components | {"vae": older}))
