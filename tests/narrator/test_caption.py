"""Captions of frames, without the habits of the models that write them."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from reasondiff.data.captioning import Captioner, tidy_caption
from reasondiff.errors import InputError, NarrationError
from reasondiff.narrator import load_provider
from tests.narrator.providers.misbehaving_server import Request, Say, Server

FRAMES = [Image.new("RGB", (16, 16), color) for color in ("red", "green", "blue")]


@pytest.mark.parametrize(
    ("raw", "text", "removed"),
    [
        ("The image depicts a cat on a sofa.", "A cat on a sofa.", ["The image depicts"]),
        ("This photo shows two boys running. They laugh.", "Two boys running. They laugh.", ["This photo shows"]),
        ("In this video frame, we can see a red car.", "A red car.", ["In this video frame, we can see"]),
        (
            "A dog runs. A Shutterstock watermark covers the view.",
            "A dog runs.",
            ["A Shutterstock watermark covers the view."],
        ),
        (
            "The image shows a beach. The watermark reads Getty Images. Waves roll in.",
            "A beach. Waves roll in.",
            ["The image shows", "The watermark reads Getty Images."],
        ),
        (
            "A man stocks a shelf, watching a mark on the wall.",
            "A man stocks a shelf, watching a mark on the wall.",
            [],
        ),
        ("The image shows.", "The image shows.", []),
        ("A Shutterstock watermark.", "A Shutterstock watermark.", []),
        ("A  cat\n\tsits.\x00", "A cat sits.", []),
    ],
)
def test_hygiene_takes_out_habits_and_says_what(raw: str, text: str, removed: list[str]) -> None:
    caption = tidy_caption(raw)
    assert (caption.text, caption.raw, list(caption.removed)) == (text, raw, removed)
    again = tidy_caption(caption.text)
    assert again.text == caption.text and not again.removed


@pytest.fixture
def captioner(server: Server) -> Captioner:
    return Captioner(load_provider("openai:m", url=server.url, retries=0))


def _colour(request: Request) -> str:
    return ["red", "green", "blue"][
        request.images[0].convert("RGB").getpixel((0, 0)).index(max(request.images[0].convert("RGB").getpixel((0, 0))))
    ]


def test_frames_are_captioned_one_by_one(server: Server, captioner: Captioner) -> None:
    server.answer = lambda request: Say(f"The image depicts a {_colour(request)} wall.")
    assert [caption.text for caption in captioner.caption(FRAMES)] == ["A red wall.", "A green wall.", "A blue wall."]
    assert len(server.requests) == 3 and all(request.structure == "text" for request in server.requests)


def test_frames_are_captioned_together(server: Server, captioner: Captioner) -> None:
    server.answer = Say(json.dumps({"captions": ["A red wall.", "A green wall.", "The frame shows a wall."]}))
    together = Captioner(captioner.provider, together=3)
    assert [caption.text for caption in together.caption(FRAMES)] == ["A red wall.", "A green wall.", "A wall."]
    assert len(server.requests) == 1 and len(server.requests[0].images) == 3


@pytest.mark.parametrize(
    "bad", ['{"captions": ["One."]}', '{"captions": ["One.", "", "Three."]}', "Three walls.", '{"captions": ["A.']
)
def test_a_model_that_cannot_count_is_asked_for_each_frame(server: Server, captioner: Captioner, bad: str) -> None:
    server.answer = [Say(bad), *[Say(f"Wall {n}.") for n in range(3)]]
    together = Captioner(captioner.provider, together=3)
    assert [caption.text for caption in together.caption(FRAMES)] == ["Wall 0.", "Wall 1.", "Wall 2."]


def test_captions_as_they_came(server: Server, captioner: Captioner) -> None:
    server.answer = Say("The image depicts a wall.")
    [caption] = Captioner(captioner.provider, hygiene=False).caption(FRAMES[:1])
    assert caption.text == caption.raw == "The image depicts a wall." and caption.removed == ()


def test_a_cut_caption_ends_with_a_sentence(server: Server, captioner: Captioner) -> None:
    server.answer = Say("A wall. Behind it a garden with", finish="length")
    assert captioner.caption(FRAMES[:1])[0].text == "A wall."


@pytest.mark.parametrize(
    ("say", "words"),
    [(Say(refusal="No."), "declines"), (Say("I'm sorry, I can't help with that."), "declines"), (Say(" "), "empty")],
)
def test_no_caption_is_an_error(server: Server, captioner: Captioner, say: Say, words: str) -> None:
    server.answer = say
    with pytest.raises(NarrationError, match=words):
        captioner.caption(FRAMES[:1])


def test_bounds(captioner: Captioner) -> None:
    assert captioner.caption([]) == []
    with pytest.raises(InputError, match="0 frames per request"):
        Captioner(captioner.provider, together=0).caption(FRAMES)
