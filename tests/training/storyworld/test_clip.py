"""Captions that are wrong in one thing, and the network that is trained to tell them from right ones."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from reasondiff.data.loader import SampleKey
from reasondiff.evaluation.networks.storyworld import StoryWorldClipNetwork
from reasondiff.recipes.storyworld_clip import CLIP
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import SPLITS, TakeSet
from reasondiff.storyworld.stories import NUM_FRAMES, PAIRS, Take
from reasondiff.training.storyworld.clip import WRONG, ClipStage
from reasondiff.training.storyworld.wrong_captions import (
    other_colour,
    other_moment,
    other_species,
    other_state,
    species_of,
    what_is_seen,
)


@pytest.fixture(scope="module")
def stage() -> ClipStage:
    torch.manual_seed(0)
    built = CLIP.build(Path("model"), Path("cache"), "cpu")
    assert isinstance(built, ClipStage)
    built.batch = 6
    return built


def some_takes() -> list[tuple[Take, tuple[str, ...]]]:
    takes = TakeSet("clip", pairs=PAIRS)
    return [(takes[n], captions.frame_captions(takes[n], takes.rng(n, "captions"))) for n in range(60)]


def test_its_clips_are_nobody_elses() -> None:
    assert "clip" in SPLITS
    mine = [TakeSet("clip", pairs=PAIRS)[n] for n in range(200)]
    for split in ("train", "validation", "test"):
        theirs = TakeSet(split, pairs=PAIRS)
        assert not any(theirs[n] in mine for n in range(200))


def test_another_species_does_it_in_its_own_way() -> None:
    for take, told in some_takes():
        named = f"{take.agent_colour} {take.story.agent}"
        for agent in species_of(take):
            for text in told:
                wrong = other_species(take, text, agent)
                assert (wrong is None) == (named not in text)
                if wrong is not None:
                    assert f"{take.agent_colour} {agent}" in wrong and named not in wrong
                    assert not any(
                        act in wrong for act in set(captions.ACTS[take.story.agent]) - {*captions.ACTS[agent]}
                    )


def test_another_state_is_that_of_the_other_half_of_the_story() -> None:
    seen = 0
    for take, told in some_takes():
        for frame, text in enumerate(told):
            wrong = other_state(take, frame, text)
            if wrong is None:
                continue
            seen += 1
            states = {name for thing, name in captions.STATES if thing == take.story.object}
            (other,) = states - {take.object_state(frame)}
            phrases = [phrase.format(c=take.object_colour) for phrase in captions.STATES[take.story.object, other]]
            assert wrong != text and any(phrase in wrong for phrase in phrases)
            assert " a i" not in wrong and " an b" not in wrong  # the article goes with the word
    assert seen > 500


def test_colours_and_moments_are_wrong_too() -> None:
    rng = random.Random(0)
    for take, told in some_takes():
        for frame in range(0, NUM_FRAMES, 5):
            colour = other_colour(take, frame, told[frame], rng)
            assert colour is None or colour != told[frame]
            moment = other_moment(take, frame, told, rng)
            assert moment is None or what_is_seen(take, told.index(moment)) != what_is_seen(take, frame)


def test_the_first_loss_is_that_of_a_guess_and_falls(stage: ClipStage) -> None:
    batch = stage.collate([stage.draw(SampleKey(0, 0, sample)) for sample in range(stage.batch)])
    assert batch.frames.shape == (6, 3, 64, 64) and batch.is_wrong.shape == (6, WRONG)
    assert len(batch.tokens) == 6 * (1 + WRONG) and batch.same.diagonal().all()
    optimizer = torch.optim.AdamW(stage.trainable().values(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = stage.loss(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(np.log(6), abs=1.0) and losses[-1] < 0.85 * losses[0]


def test_what_is_written_is_read_again_and_is_small(stage: ClipStage, tmp_path: Path) -> None:
    stage.export(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == set(CLIP.exports)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1.5e6
    network = StoryWorldClipNetwork(tmp_path)
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), np.uint8)
    seen, read = network.encode_images(frames), network.encode_texts(["A cat.", "A dog enters from the left."])
    assert np.linalg.norm(seen, axis=1) == pytest.approx([1] * 3, abs=1e-5)
    stage.net.eval()
    with torch.no_grad():
        exact = stage.net.image_features(torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1)
    assert np.abs(seen - exact.numpy()).max() < 0.01  # half precision on disk
    assert read.shape == (2, 128) and network.origin.name == "StoryWorld-CLIP"
    large = network.encode_images(frames.repeat(2, axis=1).repeat(2, axis=2))
    assert np.abs(seen - large).max() < 0.1
