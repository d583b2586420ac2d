"""Training and generation make the same calls: the same tokens, embeddings, predicted latents and predictions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from reasondiff.backends.wan.conditioning import anchor_mask, encode_anchor_latents, timeline_of
from reasondiff.backends.wan.framewise import FramePlan
from reasondiff.backends.wan.text_encoding import clean_text
from reasondiff.data.texts import Texts
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.training.stages.flow import FlowOptions, Inputs
from reasondiff.training.stages.reason import ReasonStage
from tests import tiny
from tests.tiny.pipelines import IMAGE, STORY, alignformer, pipeline

TEXTS = ["The dog &amp; the  cat\nplay.", "", " A vase stands. ", "A much longer text: the vase falls, and breaks."]
ANCHOR = 6


@pytest.fixture(scope="module")
def pipe() -> ReasonDiffPipeline:
    return pipeline(alignformer(), image_tokens=False)


@pytest.fixture(scope="module")
def stage(pipe: ReasonDiffPipeline) -> ReasonStage:
    return ReasonStage(pipe, None, FlowOptions(), adapters={}, beta=0.0, per_frame=0.5, validation=lambda *_: {})


def tokens_of(pipe: ReasonDiffPipeline, encode: Any) -> list[list[int]]:
    """The tokens that the text encoder reads while ``encode`` runs, without padding, text by text."""
    read: list[list[int]] = []

    def remember(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        for row, mask in zip(ids, kwargs["attention_mask"], strict=True):
            read.append(row[mask.bool()].tolist())

    handle = pipe.text_encoder.register_forward_pre_hook(remember, with_kwargs=True)
    try:
        encode()
    finally:
        handle.remove()
    return read


def test_texts_become_the_same_tokens_and_embeddings(pipe: ReasonDiffPipeline) -> None:
    texts, settings = Texts(pipe.tokenizer, pipe.text_encoder), pipe.settings(IMAGE)
    training = tokens_of(pipe, lambda: texts(TEXTS))
    generation = tokens_of(pipe, lambda: pipe.model.encode_texts(TEXTS, settings.max_sequence_length))
    assert training == generation
    assert training[0] == pipe.tokenizer("The dog & the cat play.").input_ids
    with torch.no_grad():
        batched = texts(TEXTS)
    alone = pipe.model.encode_texts(TEXTS, settings.max_sequence_length)
    assert batched.keys() == alone.keys() == set(TEXTS)
    for text in TEXTS:
        torch.testing.assert_close(batched[text], alone[text], atol=1e-5, rtol=0)


def test_texts_are_cut_at_the_same_length(pipe: ReasonDiffPipeline, caplog: pytest.LogCaptureFixture) -> None:
    endless = "so " * 400
    training = Texts(pipe.tokenizer, pipe.text_encoder)([endless])[endless]
    assert len(training) == len(pipe.model.encode_texts([endless], 512)[endless]) == 512
    assert caplog.text.count("is cut to 512") == 2


def test_a_narrative_becomes_the_same_prompt(pipe: ReasonDiffPipeline) -> None:
    repeated = Narrative.from_ends([(3, "A vase stands."), (6, "A cat passes."), (9, "A vase stands.")], 8, 9)
    told = "A vase stands. A cat passes. A vase stands."
    assert repeated.as_one_prompt() == told
    generation = pipe(IMAGE, narrative=repeated, text_mode="joined", num_inference_steps=1, output_type="latent")
    assert generation.stories[0].texts.prompts == (told,)


def test_the_same_anchor_and_story_give_the_same_latents(pipe: ReasonDiffPipeline, stage: ReasonStage) -> None:
    story = STORY.with_anchor(ANCHOR)
    generation = pipe(IMAGE, narrative=story, num_inference_steps=1, output_type="latent").predicted
    assert generation is not None
    with torch.no_grad():
        inputs = inputs_of(pipe, story, torch.zeros_like(generation), torch.ones(1))
        _, text_embeds = stage.texts.context(inputs.plans, trained=False)
        training = stage.enhance(inputs, text_embeds)
    torch.testing.assert_close(training, generation, atol=1e-5, rtol=0)


def test_the_same_noise_and_story_give_the_same_prediction(pipe: ReasonDiffPipeline, stage: ReasonStage) -> None:
    story = STORY.with_anchor(ANCHOR)
    seen: list[tuple[dict[str, Any], Tensor]] = []
    handle = pipe.transformer.register_forward_hook(
        lambda module, args, kwargs, output: seen.append((kwargs, output[0])), with_kwargs=True
    )
    options = {"num_inference_steps": 1, "guidance_scale": 1.0, "output_type": "latent"}
    try:
        enhanced = pipe(IMAGE, narrative=story, **options).predicted
    finally:
        handle.remove()
    (call, generation) = seen[0]
    noisy, sigma = call["hidden_states"][:, : tiny.LATENT_CHANNELS], call["timestep"] / 1000
    with torch.no_grad():
        inputs = inputs_of(pipe, story, noisy / sigma, sigma)
        context, _ = stage.texts.context(inputs.plans, trained=False)
        training = stage.predicted_velocity(inputs, enhanced, context)
    torch.testing.assert_close(training, generation, atol=1e-5, rtol=0)


def test_cleaning_is_idempotent() -> None:
    for text in TEXTS:
        assert clean_text(clean_text(text)) == clean_text(text)


def inputs_of(pipe: ReasonDiffPipeline, story: Narrative, noise: Tensor, sigma: Tensor) -> Inputs:
    """A training step's draws for one clip that is all zeros."""
    timeline = timeline_of(pipe.vae, story.num_frames)
    anchors = encode_anchor_latents(pipe.vae, pipe.video_processor.preprocess(IMAGE))
    return Inputs(
        clean=torch.zeros_like(noise),
        noise=noise,
        sigma=sigma,
        mask=anchor_mask(timeline, [ANCHOR], *noise.shape[-2:]),
        plans=(FramePlan.from_narrative(story, timeline),),
        anchors=anchors,
        anchor_latent_frame=torch.tensor([timeline.latent_of(ANCHOR)]),
    )
