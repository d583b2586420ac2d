"""The narrator's stage: what it is asked to learn, and that what it exports is an ordinary checkpoint."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoProcessor, LlavaForConditionalGeneration

from reasondiff.data.loader import draw_batch
from reasondiff.narrator import VisionNarrator, load_narrator, parse
from reasondiff.narrator.domain import DomainCheck
from reasondiff.recipes.storyworld_narrator import NARRATOR, NarratorRecipe
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES
from reasondiff.training.storyworld.narrator import NarratorStage, _kernel
from reasondiff.training.storyworld.narrator_examples import (
    MAX_PROMPT,
    augment_image,
    example,
    noise_image,
    nonsense_text,
    to_pixels,
)
from reasondiff.training.trainer import fit


def small() -> NarratorRecipe:
    """The recipe for five steps, three of them the tower's own."""
    optimization = replace(NARRATOR.optimization, steps=5, warmup_steps=1)
    sizes = {"batch": 2, "see_steps": 3, "looks": (300, 40), "vocabulary": 600, "vocabulary_takes": 150}
    return replace(NARRATOR, optimization=optimization, **sizes)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> NarratorStage:
    plan, folder = small(), tmp_path_factory.mktemp("cache")
    built = plan.build(folder, folder, "cpu")
    assert isinstance(built, NarratorStage)
    return built


def test_replies_and_prompts_survive_the_tokenizer(stage: NarratorStage) -> None:
    tokenizer = stage.processor.tokenizer
    takes = TakeSet("validation", hard=0.3)
    texts = [text for n in range(20) for text in example(takes[n], n, random.Random(n))]
    for text in [*texts, "Ein Zebra läuft 🎉, 猫 «3.5»\n\t{'a': 0042}"]:
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_every_frame_number_is_one_token(stage: NarratorStage) -> None:
    tokenizer = stage.processor.tokenizer
    assert len(set(stage.numbers)) == NUM_FRAMES
    for frame, token in enumerate(stage.numbers):
        ids = tokenizer(f'", "position": {frame + 1}, "style": "')["input_ids"]
        assert ids[-2] == token and ids[-3] in stage.dataset.mark_position


def test_every_reply_it_learns_is_one_that_the_parser_takes_as_it_is() -> None:
    takes = TakeSet("train", hard=0.4)
    for index in range(60):
        rng = random.Random(index)
        frame = rng.randrange(NUM_FRAMES)
        told = parse(example(takes[index], frame, rng)[1], NUM_FRAMES)
        assert told.recovered and told.narrative is not None
        assert told.narrative.anchor_frame in takes[index].same_moment(frame)


def test_the_reply_alone_is_a_target_and_its_numbers_weigh_more(stage: NarratorStage) -> None:
    inputs = draw_batch(stage.dataset, 4)
    tokenizer = stage.processor.tokenizer
    for tokens, weights, spread in zip(inputs.tokens, inputs.weights, inputs.spread, strict=True):
        reply = tokenizer.decode(tokens[weights > 0])
        told = parse(reply.removesuffix("</s>"), NUM_FRAMES)
        assert reply.endswith("</s>") and told.recovered and told.narrative is not None
        assert int(tokens[spread == 2]) == stage.numbers[told.narrative.anchor_frame]
        assert [stage.of_token[int(t)] + 1 for t in tokens[spread == 1]] == [c.end for c in told.narrative.clips]
        assert set(weights[spread == 2].tolist()) == {6.0} and set(weights[spread == 1].tolist()) == {2.0}
        count = stage.model.config.image_seq_length
        assert (tokens == stage.model.config.image_token_index).sum() == count


def test_targets_spread_over_neighbours_but_the_ends_of_the_clip_stay_certain() -> None:
    kernel = _kernel(3)
    torch.testing.assert_close(kernel.sum(1), torch.ones(NUM_FRAMES))
    assert torch.equal(kernel[0], torch.eye(NUM_FRAMES)[0]) and torch.equal(kernel[-1], torch.eye(NUM_FRAMES)[-1])
    torch.testing.assert_close(kernel[10, 7:14], torch.tensor([1.0, 2, 3, 4, 3, 2, 1]) / 16)
    assert (kernel.argmax(1) == torch.arange(NUM_FRAMES)).all()
    assert kernel[2, 0] == 0


def test_an_image_that_many_frames_look_like_is_named_by_the_clips_first_or_last() -> None:
    takes = TakeSet("train")
    for index in range(30):
        take = takes[index]
        assert take.canonical_frame(take.phases["before"][-1]) == 0
        assert take.canonical_frame(take.phases["after"][0]) == (NUM_FRAMES - 1 if take.story.changes else 0)
        middle = take.phases["enter"][1]
        assert take.canonical_frame(middle) == middle


def test_training_sees_pixels_as_the_processor_makes_them(stage: NarratorStage) -> None:
    image = draw_frame(TakeSet("train")[3], 9)
    processed = stage.processor(images=[image], text="<image>", return_tensors="pt")["pixel_values"][0]
    torch.testing.assert_close(to_pixels(image), processed, atol=1e-5, rtol=0)
    assert all(augment_image(image, random.Random(n)).size == image.size for n in range(8))


def test_nonsense_has_no_classes_and_the_answer_keeps_its_form(stage: NarratorStage) -> None:
    assert all(noise_image(random.Random(n)).size == (64, 64) for n in range(20))
    assert {0 < len(nonsense_text("A cat plays.", random.Random(n))) <= MAX_PROMPT for n in range(200)} == {True}
    strange = copy.copy(stage)
    strange.dataset = copy.copy(stage.dataset)
    strange.dataset.strange = 1.0
    inputs = draw_batch(strange.dataset, 4)
    assert (inputs.seen[:2] == -1).all() and (inputs.seen[2:] >= 0).all()
    inputs = replace(inputs, pixels=inputs.pixels[:2], seen=inputs.seen[:2])
    losses = strange.loss(inputs)
    assert torch.equal(losses["see"], torch.zeros(())) and torch.isfinite(losses["loss"])
    for tokens, weights in zip(inputs.tokens, inputs.weights, strict=True):
        assert parse(stage.processor.tokenizer.decode(tokens[weights > 0]).removesuffix("</s>"), NUM_FRAMES).recovered


def test_a_step_draws_the_same_whenever_it_is_reached(stage: NarratorStage) -> None:
    one, again, other = (draw_batch(stage.dataset, step) for step in (4, 4, 5))
    assert torch.equal(one.pixels, again.pixels) and torch.equal(one.tokens, again.tokens)
    assert not torch.equal(one.pixels, other.pixels)


def test_five_steps_learn_resume_and_export_a_checkpoint_that_narrates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = small()
    built = plan.build(tmp_path, tmp_path, "cpu")
    built.validate = lambda _: {}
    run, before = tmp_path / "run", {name: p.detach().clone() for name, p in built.trainable().items()}
    shorter = replace(plan.optimization, steps=4)
    assert fit(built, shorter, run, log_every=1) == 4
    changed = replace(plan, vocabulary=500, vocabulary_takes=50)
    again = changed.build(tmp_path, tmp_path, "cpu")
    assert again.numbers == built.numbers  # the run keeps its tokens
    again.validate = lambda _: {}
    assert fit(again, plan.optimization, run, log_every=1) == 5
    same = {name for name, p in again.trainable().items() if torch.equal(p, before[name])}
    assert all("post_layernorm" in name for name in same)  # CLIP applies it to its pooled output alone
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4, 5]
    assert "words" not in rows[2] and rows[-2]["position"] > 0

    again.export(tmp_path / "model")
    folder = tmp_path / "model" / "narrator"
    assert not [*folder.rglob("*.bin"), *folder.rglob("*.pt"), *folder.rglob("*.py")]
    assert isinstance(again.model, LlavaForConditionalGeneration)
    assert AutoProcessor.from_pretrained(folder).chat_template
    assert capsys.readouterr().err.count("torchvision") == 0
    told = load_narrator(f"transformers:{folder}", constrained=False)
    assert isinstance(told, VisionNarrator) and told.frames == NUM_FRAMES and told.reasks == 0
    assert told.max_prompt == MAX_PROMPT
    ask = told.instruction.messages(draw_frame(TakeSet("test")[0], 0), "A cat plays.", told.form, NUM_FRAMES, 0.2)
    reply = told.provider.complete(ask, max_tokens=8)
    assert reply.tokens_out == 8 and reply.cut
    (knowledge,) = told.checks
    assert (
        isinstance(knowledge, DomainCheck)
        and {"cat", "plays", "a"} <= knowledge.words
        and "zebra" not in knowledge.words
    )
