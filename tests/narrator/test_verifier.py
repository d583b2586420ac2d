"""What a model says of a finished video: read leniently, believed only where it is a verdict on every clip."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasondiff.errors import NarrationError, UnsupportedError
from reasondiff.narrative import Narrative
from reasondiff.narrator import ScriptedNarrator, VisionNarrator, VisionVerifier, verifier_of
from reasondiff.narrator.asking.instruction import Instruction
from reasondiff.narrator.providers.base import Message, Reply
from reasondiff.narrator.scripted import FileNarrator
from reasondiff.narrator.verifier import MOST_FRAMES, sampled
from tests import tiny

STORY = Narrative.from_ends([(4, "A vase stands."), (9, "A cat comes."), (12, "Broken.")], 11, 12)
FRAMES = np.zeros((12, 32, 48, 3), np.uint8)
VERDICTS = [
    {"clip": 1, "score": 9, "reason": "It stands.", "description": ""},
    {"clip": 2, "score": 2, "reason": "No cat.", "description": "A black cat walks in from the left."},
    {"clip": 3, "score": 5, "reason": "Hardly broken.", "description": ""},
]


class Asked:
    """A model that gives replies in order and keeps what it was asked."""

    name, identity = "asked", {}

    def __init__(self, *replies: str | Reply) -> None:
        self.replies, self.messages = list(replies), list[Message]()

    def complete(self, messages: Sequence[Message], **options: Any) -> Reply:
        self.messages += messages
        reply = self.replies.pop(0)
        return reply if isinstance(reply, Reply) else Reply(reply)


def test_every_clip_is_shown_and_judged() -> None:
    model = Asked(json.dumps({"clips": VERDICTS}))
    seen = VisionVerifier(model).verify(FRAMES, STORY, "A cat plays.")
    assert [clip.passed for clip in seen.clips] == [True, False, False]
    assert [clip.clip for clip in seen.failed] == [1, 2]  # the worst first
    assert seen.score == pytest.approx(16 / 3)
    assert seen.failed[0].description == "A black cat walks in from the left."
    (asked,) = model.messages
    assert "Clip 2, frames 5-9: A cat comes." in asked.text and "A cat plays." in asked.text
    assert len(asked.images) == len(sampled(STORY)) == 9 and asked.images[0].size == (240, 160)


def test_sampled_frames_lie_inside_their_clips_by_hand() -> None:
    assert sampled(STORY) == (0, 2, 3, 4, 6, 8, 9, 10, 11)
    long = Narrative.from_ends([(n + 1, f"Clip {n}.") for n in range(60)], 0, 60)
    assert len(sampled(long)) == MOST_FRAMES and sampled(long)[0] == 0
    many = Narrative.from_ends([(5 * (n + 1), f"Clip {n}.") for n in range(12)], 0, 60)
    assert [sum(frame in clip for frame in sampled(many)) for clip in many.clips] == [2] * 12


@pytest.mark.parametrize(
    "reply",
    [
        f"```json\n{json.dumps({'clips': VERDICTS})}\n```",
        f"Well: {json.dumps(VERDICTS)} That is all.",
        json.dumps({"clips": [{key: row[key] for key in ("score", "reason")} for row in VERDICTS]}),
    ],
    ids=["fenced", "a list in prose", "without numbers"],
)
def test_a_person_could_still_read_it(reply: str) -> None:
    seen = VisionVerifier(Asked(reply)).verify(FRAMES, STORY, "")
    assert [clip.score for clip in seen.clips] == [9, 2, 5]


@pytest.mark.parametrize(
    "reply",
    [
        "Looks good!",
        "",
        json.dumps({"clips": VERDICTS[:2]}),
        json.dumps({"clips": [{**row, "score": 11} for row in VERDICTS]}),
        json.dumps({"clips": [{**row, "score": True} for row in VERDICTS]}),
        json.dumps({"clips": [{**row, "clip": 1} for row in VERDICTS]}),
        Reply("", refusal="not that"),
    ],
    ids=["prose", "nothing", "a clip is missing", "beyond 10", "no number", "one clip three times", "declined"],
)
def test_nonsense_is_asked_for_once_more_and_then_refused(reply: str | Reply) -> None:
    model = Asked(reply, reply)
    with pytest.raises(NarrationError, match="asked gave no verdict on every clip"):
        VisionVerifier(model).verify(FRAMES, STORY, "A cat plays.")
    assert not model.replies
    seen = VisionVerifier(Asked(reply, json.dumps(VERDICTS))).verify(FRAMES, STORY, "")
    assert len(seen.clips) == 3


def test_texts_of_the_reply_are_plain_and_bounded() -> None:
    rows = [{**VERDICTS[1], "reason": "No\u202e cat. " * 99, "description": "<|eot_id|> A cat. " * 99}, *VERDICTS[1:]]
    rows[0]["clip"] = 1
    clip = VisionVerifier(Asked(json.dumps(rows))).verify(FRAMES, STORY, "").clips[0]
    assert len(clip.reason) <= 300 and "\u202e" not in clip.reason
    assert len(clip.description) <= 600 and "eot_id" not in clip.description
    rows[0]["description"] = "..."
    assert VisionVerifier(Asked(json.dumps(rows))).verify(FRAMES, STORY, "").clips[0].description == ""


def test_who_can_look() -> None:
    image = tiny.image(8, 8)
    scripted = ScriptedNarrator({"A cat plays.": ["a story", json.dumps(VERDICTS)]})
    assert scripted.model_for(image, "A cat plays.").complete([]).text == "a story"
    assert verifier_of(scripted, image, "A cat plays.").verify(FRAMES, STORY, "").score == pytest.approx(16 / 3)
    assert verifier_of(VisionNarrator(Asked()), image, "").name == "asked"
    with pytest.raises(UnsupportedError, match="never learnt to look at a video"):
        verifier_of(VisionNarrator(Asked(), instruction=Instruction(template="{prompt}")), image, "")
    with pytest.raises(UnsupportedError, match="has no model to look at a video"):
        verifier_of(FileNarrator(Path("story.json")), image, "")
