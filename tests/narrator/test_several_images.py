"""A narrator is shown several images in any order, and orders and places them all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reasondiff.errors import UnsupportedError
from reasondiff.narrative import Anchor
from reasondiff.narrator import Bounds, Instruction, NarratesImages, ScriptedNarrator, VisionNarrator
from reasondiff.narrator.reading.positions import parse_images
from tests import tiny

IMAGES = [tiny.image(seed=seed) for seed in range(3)]
CLIPS = [{"end": 4, "description": "An intact vase stands."}, {"end": 9, "description": "A cat breaks it."}]


def reply(*positions: Any, **more: Any) -> str:
    return json.dumps({"image": "a vase", "positions": list(positions), "clips": CLIPS, **more})


def place(image: int, position: int) -> dict[str, int]:
    return {"image": image, "position": position}


def test_all_images_are_ordered_and_placed() -> None:
    parsed = parse_images(reply(place(1, 9), place(2, 1), place(3, 5)), 3, {}, 9, 0.2)
    assert parsed.narrative is not None and not parsed.repairs
    assert parsed.narrative.anchors == (Anchor(0, 1), Anchor(4, 2), Anchor(8, 0))
    plain = parse_images(reply(9, 1, 5), 3, {}, 9, 0.2).narrative
    assert plain is not None and plain.anchors == parsed.narrative.anchors


def test_what_is_pinned_stays_whatever_the_reply_says() -> None:
    told = parse_images(reply(place(1, 9), place(2, 1)), 2, {1: 4}, 9, 0.2).narrative
    assert told is not None and told.anchors == (Anchor(4, 1), Anchor(8, 0))


def test_missing_and_equal_places_are_faults_and_repaired() -> None:
    parsed = parse_images(reply(place(1, 5), place(2, 5)), 3, {}, 9, 0.2)
    assert parsed.narrative is not None
    assert [anchor.image for anchor in parsed.narrative.anchors] == [1, 0, 2]
    assert len({anchor.frame for anchor in parsed.narrative.anchors}) == 3
    assert "Two images are at position 5; give each a position of its own." in parsed.faults
    assert "Your reply has no position for image 3; give every image one." in parsed.faults
    assert "image 3 put at position 9" in parsed.repairs
    assert parse_images("I cannot say.", 2, {}, 9, 0.2).narrative is None
    for odd in ([], ["x"], [{"image": 9, "position": 3}], [True, False]):
        made = parse_images(reply(*odd), 2, {}, 9, 0.2)
        assert made.narrative is not None and len(made.narrative.anchors) == 2 and made.faults


def test_a_faulty_reply_is_asked_for_again() -> None:
    narrator = ScriptedNarrator([reply(place(1, 5)), reply(place(1, 9), place(2, 2))])
    assert isinstance(narrator, NarratesImages)
    told = narrator.narrate_images(IMAGES[:2], "A cat plays.", num_frames=9, interval=0.2)
    assert told.anchors == (Anchor(1, 1), Anchor(8, 0))
    assert told.provenance["complaints"] == [["Your reply has no position for image 2; give every image one."]]


def test_the_model_is_shown_all_and_told_what_is_pinned() -> None:
    system, user = Instruction().messages(IMAGES[0], "A cat.", "clips", 9, 0.2, (), IMAGES[1:], {2: 4})
    assert user.images == tuple(IMAGES) and not system.images
    assert "3 images are attached" in user.text and "Image 3 is at position 5." in user.text
    alone = Instruction().messages(IMAGES[0], "A cat.", "clips", 9, 0.2)
    assert "images are attached" not in alone[1].text and alone[0] == system
    schema = Bounds().schema("clips", 9, 3)["properties"]
    assert "position" not in schema and schema["positions"]["minItems"] == schema["positions"]["maxItems"] == 3
    assert "positions" not in Bounds().schema("clips", 9)["properties"]


def test_one_image_is_asked_about_as_ever() -> None:
    single = json.dumps({"position": 9, "clips": CLIPS})
    first = ScriptedNarrator([single]).narrate(IMAGES[0], "A cat.", num_frames=9, interval=0.2)
    second = ScriptedNarrator([single]).narrate_images(IMAGES[:1], "A cat.", num_frames=9, interval=0.2)
    assert first.to_dict()["position"] == second.to_dict()["position"] == 9


def test_a_model_with_a_prompt_of_its_own_says_that_it_takes_one() -> None:
    narrator = VisionNarrator(object(), instruction=Instruction(template="{prompt}"))  # type: ignore[arg-type]
    with pytest.raises((UnsupportedError, AttributeError)):
        narrator.narrate_images(IMAGES, "A cat.", num_frames=9, interval=0.2)
