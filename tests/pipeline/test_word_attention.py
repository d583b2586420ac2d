"""Attention to a word: the right tokens, the right frames, and a picture of it."""

from __future__ import annotations

import numpy as np
import pytest

from reasondiff.errors import InputError
from reasondiff.media.heat import heat_overlay
from reasondiff.pipeline.word_attention import watch_word, word_tokens
from tests import tiny
from tests.tiny.pipelines import IMAGE, STORY, pipeline


def read(prompt: str, word: str) -> str:
    """The characters behind the positions found; the tiny tokenizer has a token per character."""
    tokenizer = tiny.tokenizer()
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(prompt).input_ids)
    return "".join(tokens[position] for position in word_tokens(tokenizer, [prompt], word)[prompt]).replace("▁", "")


def test_a_words_tokens_are_its_own() -> None:
    assert read("A cat breaks it; cats scatter", "cat") == "cat"  # not those of 'cats' and 'scatter'
    assert read("A Cat and a cat", "cat") == "Catcat"
    assert read("A cat breaks it", "cat breaks") == "catbreaks"
    assert read("The scattered vase", "cat") == "cat"  # no whole word: parts


def test_only_the_descriptions_with_the_word_are_watched() -> None:
    found = word_tokens(tiny.tokenizer(), ["A cat", "A vase"], "vase")
    assert list(found) == ["A vase"]
    for word, message in (
        ("dog", "No description contains 'dog'; they are: A cat; A vase."),
        (" ", "The word is empty"),
    ):
        with pytest.raises(InputError) as caught:
            word_tokens(tiny.tokenizer(), ["A cat", "A vase"], word)
        assert message in str(caught.value)


def test_frames_whose_text_lacks_the_word_are_cold() -> None:
    pipe = pipeline()
    watched = watch_word(pipe, IMAGE, "", "broken", narrative=STORY, num_inference_steps=1)
    assert watched.block == 1
    assert watched.heat.shape == (9, 4, 4)
    warm = watched.heat.reshape(9, -1).any(1)
    assert warm.tolist() == [False] * 5 + [True] * 4  # latent frames hold frames 0, 1..4 and 5..8
    assert 0 < watched.heat.max() < 1
    assert watched.output.frames.shape == (1, 9, 64, 64, 3)
    with pytest.raises(InputError, match=r"There is no block 2; give one of 0\.\.1\."):
        watch_word(pipe, IMAGE, "", "broken", narrative=STORY, block=2)


def test_heat_is_on_one_scale_for_all_frames() -> None:
    frames = np.full((2, 8, 8, 3), 100, dtype=np.uint8)
    heat = np.zeros((2, 2, 2))
    heat[1, 0, 0] = 0.5
    over = heat_overlay(frames, heat, strength=1.0)
    assert (over[0] == (18, 16, 48)).all()  # the coldest colour
    assert (over[1, 0, 0] == (252, 245, 180)).all()  # the hottest
    assert np.array_equal(heat_overlay(frames, heat, strength=0.0), frames)
    assert (heat_overlay(frames, np.zeros((2, 2, 2))) == heat_overlay(frames, np.zeros((2, 2, 2)))[0, 0, 0]).all()
    with pytest.raises(InputError, match="2 frames and heat for 1; give one map per frame"):
        heat_overlay(frames, heat[:1])
