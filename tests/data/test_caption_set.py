"""Captions of a set: asked for once each, used where they came with the videos, and a person has the last word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reasondiff.data.caption_estimate import Price, estimate
from reasondiff.data.caption_set import Captioning, caption_set, clips_of, questions_of
from reasondiff.data.captioning import Captioner
from reasondiff.data.captions import READY_MADE, ClipCaptions, caption_frames, read_captions, text_runs
from reasondiff.errors import InputError, ProviderError
from reasondiff.narrator import load_provider
from reasondiff.timeline import Timeline
from tests.data.sets import captioned_set, sampled_set
from tests.data.videos import level_of
from tests.narrator.conftest import _running, server  # noqa: F401 - fixtures
from tests.narrator.providers.misbehaving_server import Request, Say, Server


def captioner(server: Server) -> Captioner:  # noqa: F811
    return Captioner(load_provider("openai:m", url=server.url, retries=0))


def shades(request: Request) -> Say:
    """Says which frame of the test's videos each image is."""
    import numpy as np

    levels = [level_of(np.asarray(image)) for image in request.images]
    if len(levels) == 1:
        return Say(f"The image depicts shade {levels[0]}.")
    return Say(json.dumps({"captions": [f"Shade {level}." for level in levels]}))


def told(folder: Path) -> list[tuple[str, ...]]:
    return [captions.texts for captions in read_captions(folder).values()]


def test_once_per_latent_group_and_the_middle_of_it(tmp_path: Path, server: Server) -> None:  # noqa: F811
    place = sampled_set(tmp_path, 2)
    server.answer = shades
    done = caption_set(place, captioner(server), Captioning(concurrency=1))
    assert caption_frames("latent", Timeline(9)) == [0, 3, 7]
    assert len(server.requests) == 6 and done.asked == 2 and not done.unusable
    first, second = done.captions
    assert all(text.startswith("Shade ") for text in first.texts) and first.per == "latent"
    # Frames are 5 of the video apart: 0.2 s at 25 a second.
    shown = [int(text.removeprefix("Shade ").rstrip(".")) for text in first.texts]
    assert (shown[1] - shown[0]) % 24 == 15 and (shown[2] - shown[1]) % 24 == 20
    assert first.by == "openai:m" and not first.corrected and second.origin == "1.mp4"
    assert len((place / "caption-replies.jsonl").read_text().splitlines()) == 6


def test_one_request_per_clip_and_one_per_frame(tmp_path: Path, server: Server) -> None:  # noqa: F811
    place = sampled_set(tmp_path, 1)
    server.answer = shades
    caption_set(place, captioner(server), Captioning(per="clip"))
    assert len(server.requests) == 1 and len(server.requests[0].images) == 3
    [whole] = told(place)
    caption_set(place, captioner(server), Captioning(per="frame"))
    assert len(server.requests) == 1 + 9
    [frames] = told(place)
    assert len(frames) == 9 and (frames[0], frames[3], frames[7]) == whole


def test_nothing_is_asked_twice(tmp_path: Path, server: Server) -> None:  # noqa: F811
    place = sampled_set(tmp_path, 2)
    server.answer = shades
    caption_set(place, captioner(server), Captioning())
    before = (place / "captions.jsonl").read_bytes()
    assert not questions_of(place, captioner(server), Captioning())
    assert caption_set(place, captioner(server), Captioning()).asked == 0
    (place / "captions.jsonl").unlink()  # the replies are still there; half of one was written when the power went
    with (place / "caption-replies.jsonl").open("ab") as file:
        file.write(b'{"question": "ab')
    caption_set(place, captioner(server), Captioning())
    assert len(server.requests) == 6 and (place / "captions.jsonl").read_bytes() == before


def test_a_server_that_goes_keeps_what_it_told(tmp_path: Path, server: Server) -> None:  # noqa: F811
    place = sampled_set(tmp_path, 3)
    server.answer = [*[Say("A wall.")] * 4, *[Say(status=401)] * 9]
    with pytest.raises(ProviderError):
        caption_set(place, captioner(server), Captioning(concurrency=1))
    assert len(told(place)) == 1
    asked = len(server.requests)
    server.answer = Say("A wall.")
    done = caption_set(place, captioner(server), Captioning(concurrency=1))
    assert len(done.captions) == 3 and len(server.requests) == asked + 5


def test_ready_made_captions_are_used_and_marked(tmp_path: Path, server: Server) -> None:  # noqa: F811
    place = sampled_set(tmp_path, 2, captions=["A cat plays.\nA kitten plays."])
    server.answer = Say("A wall.")
    done = caption_set(place, captioner(server), Captioning())
    ready, asked = done.captions
    assert (ready.by, ready.per, ready.texts) == (READY_MADE, "clip", ("A cat plays.", "A kitten plays."))
    assert asked.by == "openai:m" and len(server.requests) == 3
    anew = caption_set(place, captioner(server), Captioning(ready_made=False))
    assert {each.by for each in anew.captions} == {"openai:m"} and len(server.requests) == 6


def test_a_person_has_the_last_word(tmp_path: Path, server: Server) -> None:  # noqa: F811
    place = sampled_set(tmp_path, 2)
    server.answer = Say("A wall.")
    caption_set(place, captioner(server), Captioning())
    file = place / "captions.jsonl"
    file.write_text(file.read_text().replace("A wall.", "A garden wall.", 1))
    server.answer = Say("Something else.")
    done = caption_set(place, captioner(server), Captioning(per="frame"))  # everything else is asked for in another way
    assert done.captions[0].texts == ("A garden wall.", "A wall.", "A wall.") and done.captions[0].corrected
    frames = ["A wall." if number in (0, 3, 7) else "Something else." for number in range(9)]  # those were asked for
    assert done.captions[1].texts == tuple(frames) and not done.captions[1].corrected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "Line 1 of"),
        ('{"clip": "a", "origin": "b", "per": "minute", "texts": ["A."], "by": "me"}', "per is 'minute'"),
        ('{"clip": "a", "origin": "b", "per": "clip", "texts": [" "], "by": "me"}', "every text must say something"),
    ],
)
def test_a_line_that_is_damaged_is_named(tmp_path: Path, server: Server, line: str, words: str) -> None:  # noqa: F811
    place = sampled_set(tmp_path, 1)
    (place / "captions.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=rf"{words}.*correct that line, or remove it"):
        caption_set(place, captioner(server), Captioning())


def test_too_few_corrected_texts_are_named(tmp_path: Path, server: Server) -> None:  # noqa: F811
    place = captioned_set(tmp_path, 1)
    [captions] = read_captions(place).values()
    line = {"clip": captions.clip, "origin": "0.mp4", "per": "latent", "texts": ["Only one."], "by": "me"}
    (place / "captions.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(InputError, match="are 1 texts, and its 9 frames need 3 per latent; correct its line"):
        caption_set(place, captioner(server), Captioning())


def test_what_it_costs_is_counted_before(tmp_path: Path) -> None:
    clips = clips_of(sampled_set(tmp_path, 2))
    latent, frame, clip = (estimate(clips, Captioning(per=per)) for per in ("latent", "frame", "clip"))
    assert (latent.requests, frame.requests, clip.requests) == (6, 18, 2)
    assert (latent.images, frame.images, clip.images) == (6, 18, 6)
    assert latent.tokens_out == 6 * 75 and frame.tokens_in == pytest.approx(3 * latent.tokens_in, abs=3)
    assert latent.money(Price.parse("2.5/10")) == pytest.approx((2.5 * latent.tokens_in + 10 * 450) / 1e6)
    assert latent.hours(2.0, concurrency=4) == pytest.approx(3 / 3600)
    with pytest.raises(InputError, match="'cheap' is not IN/OUT"):
        Price.parse("cheap")


def test_neighbours_that_tell_of_the_same_action_are_one_run() -> None:
    texts = ["A cat sits on a red sofa.", "A cat sits on a red couch.", "The cat sits on a red sofa.",
             "A vase falls from the shelf.", "A vase falls off the shelf."]  # fmt: skip
    runs = text_runs(texts)
    assert [(run.start, run.end) for run in runs] == [(0, 3), (3, 5)]
    assert [run.text for run in runs] == [texts[1], texts[4]]
    assert len(text_runs(["Same."] * 9)) == 1


def test_every_frame_has_a_text() -> None:
    timeline = Timeline(9)
    latent = ClipCaptions("c", "o", "latent", ("a", "b", "c"), "m")
    assert latent.per_frame(timeline) == ("a", *"bbbb", *"cccc")
    assert ClipCaptions("c", "o", "clip", ("a", "b"), "m").per_frame(timeline, 1) == ("b",) * 9
