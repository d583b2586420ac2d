"""Several images of one story: pinned or placed by the narrator, in every model; one image is today's video."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import torch

from reasondiff.alignformer import nearest_latents
from reasondiff.errors import InputError
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import Anchor, Narrative
from reasondiff.narrative.place import Place
from reasondiff.narrator import ScriptedNarrator
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny
from tests.tiny.pipelines import DEFAULTS, IMAGE, STORY, alignformer, pipeline

OTHER = tiny.image(64, 64, seed=5)
CLIPS = [{"end": 4, "description": "An intact vase"}, {"end": 9, "description": "A broken vase"}]


def at(image: Any, place: str) -> FrameImage:
    return FrameImage(image, Place.read(place))


def vace() -> ReasonDiffPipeline:
    pipe = ReasonDiffPipeline(**tiny.vace_pipeline().components, reasondiff=DEFAULTS)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def made(pipe: ReasonDiffPipeline, *images: FrameImage, **options: Any) -> Any:
    return pipe(frame_images=images, output_type="latent", **({"narrative": STORY} | options))


@pytest.fixture(scope="module")
def pipe() -> ReasonDiffPipeline:
    return pipeline(alignformer())


@pytest.mark.parametrize("adapted", [True, False])
def test_one_image_gives_the_video_of_one_image(pipe: ReasonDiffPipeline, adapted: bool) -> None:
    alone = pipe(IMAGE, narrative=STORY, output_type="latent", use_adapter=adapted)
    for place in ("auto", "last", "9"):
        assert torch.equal(made(pipe, at(IMAGE, place), use_adapter=adapted).frames, alone.frames)
    first = pipe(IMAGE, narrative=STORY, position=1, output_type="latent", use_adapter=adapted)
    assert torch.equal(made(pipe, at(IMAGE, "first"), use_adapter=adapted).frames, first.frames)


def test_pinned_images_are_in_order_of_time_whatever_the_order_given(pipe: ReasonDiffPipeline) -> None:
    one = made(pipe, at(OTHER, "last"), at(IMAGE, "first"), at(IMAGE, "3"))
    assert one.narrative.anchors == (Anchor(0, 1), Anchor(2, 2), Anchor(8, 0))


def test_nearest_anchors_feed_a_latent_frame(pipe: ReasonDiffPipeline) -> None:
    two = made(pipe, at(OTHER, "last"), at(IMAGE, "first"))
    assert two.narrative.anchors == (Anchor(0, 1), Anchor(8, 0))
    first = made(pipe, at(IMAGE, "first"))
    last = made(pipe, at(OTHER, "last"))
    assert torch.equal(two.predicted[:, :, :2], first.predicted[:, :, :2])  # in the middle the earlier one
    assert torch.equal(two.predicted[:, :, 2:], last.predicted[:, :, 2:])
    assert not torch.equal(two.frames, first.frames)


def test_nearest_latents_by_hand() -> None:
    three = [torch.full((1, 1, 7, 1, 1), float(number)) for number in range(3)]
    assert nearest_latents(three, [6, 0, 3]).flatten().tolist() == [1, 1, 2, 2, 2, 0, 0]
    assert nearest_latents(three[:1], [4]) is three[0]


def test_vace_holds_each_in_its_latent_frame() -> None:
    pipe = vace()
    two = made(pipe, at(OTHER, "last"), at(IMAGE, "first"))
    swapped = made(pipe, at(IMAGE, "first"), at(OTHER, "last"))
    assert torch.equal(two.frames, swapped.frames)
    assert not torch.equal(two.frames, made(pipe, at(IMAGE, "first")).frames)


def test_the_narrator_orders_and_places_what_is_not_pinned(pipe: ReasonDiffPipeline) -> None:
    reply = {"positions": [{"image": 1, "position": 9}, {"image": 2, "position": 2}], "clips": CLIPS}
    pipe.narrator = ScriptedNarrator(lambda image, prompt: json.dumps(reply))
    told = made(pipe, FrameImage(IMAGE), FrameImage(OTHER), prompt="A cat.", narrative=None).narrative
    assert told.anchors == (Anchor(1, 1), Anchor(8, 0))
    pinned = made(pipe, FrameImage(IMAGE), at(OTHER, "first"), prompt="A cat.", narrative=None).narrative
    assert pinned.anchors == (Anchor(0, 1), Anchor(8, 0))


class PlacesOne:
    """A narrator that knows nothing of several images."""

    name = "places-one"

    def narrate(self, image: Any, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        frame = 8 if image.tobytes() == IMAGE.tobytes() else 2
        return Narrative.from_ends([(4, "An intact vase"), (9, "A broken vase")], frame, 9, interval=interval)


def test_a_narrator_of_one_image_is_asked_of_each(pipe: ReasonDiffPipeline, caplog: pytest.LogCaptureFixture) -> None:
    pipe.narrator = PlacesOne()
    with caplog.at_level(logging.WARNING):
        told = made(pipe, FrameImage(IMAGE), FrameImage(OTHER), prompt="A cat.", narrative=None).narrative
    assert told.anchors == (Anchor(2, 1), Anchor(8, 0))
    assert "places one image at a time, so each image was asked about alone." in caplog.text


def test_other_aspects_are_said(pipe: ReasonDiffPipeline, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made(pipe, at(IMAGE, "first"), at(tiny.image(96, 64), "last"))
    assert "The images have different aspects (1, 1.5); all are brought to 64x64 by crop." in caplog.messages


@pytest.mark.parametrize(
    ("places", "options", "said"),
    [
        (("first", "1"), {}, r"Two images are pinned to position 1; give each a position of its own\."),
        (("first", "10"), {}, r"pinned to position 10, and the video has 9 frames; pin it to 1\.\.9\."),
        (("1", "3", "5", "9"), {}, r"There are 4 images for 3 latent frames of 9 frames; give at most 3\."),
        (("first", "auto"), {}, r"The story places no image 2; pin it, such as IMAGE@20, or add its anchor\."),
        (("auto", "9"), {}, r"Two images are at position 9; give each a position of its own\."),
        (("6", "8"), {}, r"positions 6 and 8 would share positions 6 to 9, where this model holds one image"),
        (("first", "last"), {"position": 3}, r"A position or an anchor is for one image; write it after each image"),
        (("first", "last"), {"image": IMAGE}, r"given as frame_images alone, for one story at a time\."),
    ],
)
def test_bad_input_is_one_sentence(
    pipe: ReasonDiffPipeline, places: tuple[str, ...], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        made(pipe, *(at(IMAGE, place) for place in places), **options)


def test_a_story_of_more_images_than_given_is_refused(pipe: ReasonDiffPipeline) -> None:
    story = STORY.with_images({0: 0, 1: 4, 2: 8})
    with pytest.raises(InputError, match=r"The story places image 3, and 2 were given; give it, too\."):
        made(pipe, FrameImage(IMAGE), FrameImage(OTHER), narrative=story)
