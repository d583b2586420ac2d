"""A base model of a few lines goes through all stages: what ``backends.base`` names is all that a model needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.base import (
    Abilities,
    Anchor,
    Contexts,
    Denoised,
    DenoisingOptions,
    TakesAdapter,
    VideoModel,
)
from reasondiff.backends.defaults import Defaults
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.narrative import Anchor as Place
from reasondiff.narrative import Narrative
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.pipeline.generate import generate, is_adapted, settings_of
from reasondiff.pipeline.story import prepare_story
from reasondiff.timeline import Timeline
from tests import tiny
from tests.tiny.pipelines import IMAGE, STORY, alignformer, pipeline

DIM = tiny.TEXT_DIM


class Copying:
    """A "model" whose latents are 8 times smaller frames in grey, and whose denoising is to copy the condition."""

    defaults = Defaults(num_frames=9, num_inference_steps=2, area=64 * 64, negative_prompt="")
    abilities = Abilities(anchors=1)
    pixels_per_token = 16
    longest_text = 32

    def __init__(self) -> None:
        self.calls: list[str] = []

    def timeline(self, num_frames: int) -> Timeline:
        return Timeline(num_frames, stride=8)

    def check_size(self, width: int, height: int, num_frames: int) -> None:
        pass

    def latent_shape(self, width: int, height: int, num_frames: int) -> tuple[int, ...]:
        return 1, self.timeline(num_frames).num_latent_frames, height // 8, width // 8

    def encode_texts(self, texts: Sequence[str], longest: int) -> dict[str, Tensor]:
        return {text: torch.full((min(longest, len(text) + 1), DIM), float(len(text))) for text in texts}

    def encode_anchors(self, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        (anchor,) = anchors
        condition = torch.zeros(1, 1, timeline.num_latent_frames, anchor.image.height // 8, anchor.image.width // 8)
        condition[:, :, timeline.latent_of(anchor.frame)] = 1.0
        return condition

    def contexts(
        self,
        plans: Sequence[FramePlan],
        negative_prompt: str | None,
        text_embeds: Mapping[str, Tensor],
        anchors: Sequence[Anchor],
        *,
        longest: int,
        videos_per_story: int,
        image_reach: int | None = None,
    ) -> Contexts[tuple[str, ...]]:
        assert all(prompt in text_embeds for plan in plans for prompt in plan.prompts)
        return Contexts(plans[0].prompts, None if negative_prompt is None else (negative_prompt,))

    def denoise(
        self, noise: Tensor, condition: Tensor, contexts: Contexts[tuple[str, ...]], options: DenoisingOptions
    ) -> Denoised:
        for _ in range(options.steps):
            self.calls.append(f"step of {'/'.join(contexts.positive)}")
            if options.stopped():
                return Denoised(noise, finished=False)
        return Denoised(condition)

    def decode(self, latents: Tensor, output_type: str) -> Any:
        return latents

    def identity(self) -> Iterator[Any]:
        yield "copying"

    def next_stage(self) -> None:
        self.calls.append("next stage")

    def finish(self) -> None:
        self.calls.append("finish")


def no_narrator() -> Any:
    raise InputError("There is no narrator.")


def test_a_model_of_its_own_kind_makes_a_video() -> None:
    model: VideoModel[Any] = Copying()
    stages: list[str] = []
    made = generate(model, no_narrator, IMAGE, "", STORY, on_stage=stages.append)
    assert stages == ["narrate", "encode", "align", "denoise", "decode"]
    assert made.frames.shape == (1, 1, 2, 8, 8)
    assert made.frames[0, 0].amax((1, 2)).tolist() == [0.0, 1.0]  # the anchor's frame 9 is in its second latent frame
    assert made.predicted is None
    told = "step of An intact vase/A broken vase"
    assert isinstance(model, Copying)
    assert model.calls == ["next stage"] * 4 + [told, told] + ["next stage", "finish"]


def test_it_can_be_stopped() -> None:
    model = Copying()
    generate(model, no_narrator, IMAGE, "", STORY, num_inference_steps=5, stopped=lambda: len(model.calls) >= 6)
    assert len([call for call in model.calls if call.startswith("step")]) == 2


def test_what_it_does_not_offer_is_refused() -> None:
    model = Copying()
    two = replace(STORY, anchors=(Place(0), Place(8)))
    with pytest.raises(UnsupportedError, match=r"^This model takes 1 images, not 2; give fewer\.$"):
        generate(model, no_narrator, IMAGE, "", two)
    with pytest.raises(InputError, match="second guidance scale is for models with two transformers"):
        generate(model, no_narrator, IMAGE, "", STORY, guidance_scale_2=3.0)
    with pytest.raises(InputError, match=r"^The anchor's strength is 1.5; give a number in 0..1\.$"):
        Anchor(IMAGE, 0, strength=1.5)


class Adapted(Copying):
    """The same with an AlignFormer."""

    def __init__(self) -> None:
        super().__init__()
        self.alignformer: AlignFormer | None = alignformer()

    def encode_adapter_anchor(self, anchor: Anchor) -> Tensor:
        return torch.ones(1, tiny.LATENT_CHANNELS, 2, anchor.image.height // 8, anchor.image.width // 8)

    def adapted_condition(self, enhanced: Tensor, anchors: Sequence[Anchor], timeline: Timeline) -> Tensor:
        return enhanced


def test_an_alignformer_predicts_the_condition_of_a_model_that_takes_one() -> None:
    assert not isinstance(Copying(), TakesAdapter)
    made = generate(Adapted(), no_narrator, IMAGE, "", STORY)
    assert made.predicted is not None
    assert torch.equal(made.frames, made.predicted)
    assert (made.predicted[:, :, 1] == 1).all() and not (made.predicted[:, :, 0] == 1).all()
    bare = Adapted()
    bare.alignformer = None
    assert generate(bare, no_narrator, IMAGE, "", STORY).predicted is None


def test_wan_is_such_a_model() -> None:
    pipe = pipeline(alignformer())
    model: VideoModel[Any] = pipe.model
    assert isinstance(pipe.model, TakesAdapter)
    settings = settings_of(model, IMAGE, STORY)
    assert is_adapted(model, settings)
    assert model.abilities == Abilities(anchors=None)
    story = prepare_story(IMAGE, "", STORY, settings, model.timeline(9), no_narrator)
    assert story.anchors == (Anchor(story.image, 8),)
    made = generate(model, no_narrator, IMAGE, "", STORY, output_type="latent")
    assert torch.equal(made.frames, pipe(IMAGE, narrative=STORY, output_type="latent").frames)


def test_a_narrative_of_one_clip_needs_no_narrator() -> None:
    story = Narrative.from_ends([(9, "A vase")], 0, 9)
    assert generate(Copying(), no_narrator, IMAGE, "", story).narrative == story
