"""The verifier of the bundled model: true clips come out, and what is told wrongly does not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.request import VideoRequest
from reasondiff.jobs.storyworld_verifier import StoryWorldVerifier, wrong_descriptions
from reasondiff.jobs.verify import verifier_for
from reasondiff.media import load_image
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw


def test_what_else_might_be_told() -> None:
    wrong = wrong_descriptions("An orange cat comes from the left towards an intact blue vase.")
    assert "An orange dog comes from the left towards an intact blue vase." in wrong
    assert "An orange cat comes from the left towards a broken blue vase." in wrong
    assert len(wrong) == 6  # five other agents, one other state
    assert wrong_descriptions("Nobody is there.") == []


def test_a_true_clip_scores_more_than_another_storys() -> None:
    takes = TakeSet("test")
    one = takes[0]
    other = next(take for take in map(takes.__getitem__, range(1, 50)) if take.story.object != one.story.object)
    story = captions.narrative(one, 16, random.Random(0))
    verifier = StoryWorldVerifier()
    true, wrong = verifier.verify(draw(one), story, ""), verifier.verify(draw(other), story, "")
    assert len(true.clips) == len(story.clips)
    assert true.score > wrong.score and wrong.failed


class Session:
    """What ``verifier_for`` asks of a session."""

    def __init__(self, request: VideoRequest) -> None:
        self.request = request


def test_the_bundled_model_has_one() -> None:
    asked = VideoRequest(image=Path("vase.png"))
    inputs = Inputs(load_image, "", None)  # type: ignore[arg-type]
    assert isinstance(verifier_for(Session(asked), inputs), StoryWorldVerifier)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):  # anybody else's narrator is asked
        verifier_for(Session(VideoRequest(image=Path("vase.png"), model="wan2.1-vace-1.3b")), inputs)  # type: ignore[arg-type]
