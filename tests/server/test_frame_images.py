"""One image or several, each in its place, from the request to the model."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from reasondiff.jobs.request import VideoRequest
from reasondiff.media import GenerationRecord, write_video
from reasondiff.narrative import Narrative
from reasondiff.narrative.place import Place
from reasondiff.server.api.forms import Fields
from reasondiff.server.api.ordering import Asked, Ordering
from reasondiff.server.jobs import Job
from reasondiff.server.making import StoryMaker
from reasondiff.server.service import Limits
from tests.server.fakes import story
from tests.server.harness import Running, png


def listed(seed: int = 0, **place: Any) -> dict[str, Any]:
    """An entry of ``frame_images``."""
    return {"image_url": {"url": "data:image/png;base64," + base64.b64encode(png(seed=seed)).decode()}, **place}


def post(running: Running, route: str = "videos", **body: Any) -> httpx2.Response:
    with running.http() as http:
        return http.post(f"/v1/{route}", json={"prompt": "A cat.", **body})


def job_of(running: Running, answer: httpx2.Response) -> Job:
    assert answer.status_code == 200, answer.text
    job = running.parts.queue.get(answer.json()["id"])
    assert job is not None
    return job


LAST, NINTH = {"frame_type": "last_frame"}, {"frame_type": "frame_index", "frame_index": 8}


def test_places_and_images_come_to_the_job_in_their_order(shared: Running) -> None:
    given = [listed(1), listed(2, frame_type="first_frame", type="image_url"), listed(3, **LAST), listed(4, **NINTH)]
    job = job_of(shared, post(shared, frame_images=given))
    ninth = Place("frame_index", 8)
    assert job.order.places == (Place(), Place("first_frame"), Place("last_frame"), ninth)
    kept = [np.asarray(Image.open(BytesIO(shared.parts.storage.read(name)))) for name in job.order.images]
    sent = [np.asarray(Image.open(BytesIO(png(seed=seed)))) for seed in (1, 2, 3, 4)]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(kept, sent, strict=True))


def test_the_images_of_a_video_that_waits_can_be_had_again(shared: Running) -> None:
    video = post(shared, frame_images=[listed(1), listed(2, **NINTH)]).json()
    assert video["reasondiff"]["images"] == [{"frame_type": "auto", "frame_index": None}, NINTH]
    with shared.http() as http:
        address = f"/v1/videos/{video['id']}/content?variant=image&image="
        for number in (1, 2):
            there = np.asarray(Image.open(BytesIO(http.get(f"{address}{number}").content)))
            assert np.array_equal(there, np.asarray(Image.open(BytesIO(png(seed=number)))))
        assert http.get(f"{address}3").status_code == 404 and http.get(f"{address}0").status_code == 400


def test_a_form_has_them_as_a_json_text(shared: Running) -> None:
    images = [listed(1, **LAST), listed(2)]
    with shared.http() as http:
        answer = http.post("/v1/videos", data={"prompt": "A cat.", "frame_images": json.dumps(images)})
    assert job_of(shared, answer).order.places == (Place("last_frame"), Place())


def test_a_pinned_image_wins_over_the_story_and_the_others_stay_where_it_has_them(shared: Running) -> None:
    told = story(33, "A cat.").with_images({0: 4, 1: 20})
    answer = post(shared, frame_images=[listed(1), listed(2, **LAST)], narrative=told.to_dict())
    job = job_of(shared, answer)
    assert answer.json()["reasondiff"]["narrative"]["anchors"] == [
        {"position": 5, "image": 0},
        {"position": 33, "image": 1},
    ]
    assert Narrative.from_dict(job.narrative) == told.with_images({0: 4, 1: 32})


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"frame_images": [listed()] * 10}, "10 images for 9 latent frames"),
        ({"frame_images": [listed()] * (Limits.images + 1)}, "too many"),
        ({"frame_images": [listed(), listed(1)], "position": 3}, "for one image"),
        ({"frame_images": [listed(**LAST)], "anchor": "first"}, "for one image"),
        ({"frame_images": [listed(**LAST), listed(frame_type="frame_index", frame_index=32)]}, "pinned to position 33"),
        ({"frame_images": [listed(), listed(1)], "narrative": story(33, "A cat.").to_dict()}, "no image 2"),
        ({"frame_images": [listed()], "narrative": story(33, "A.").with_images({0: 1, 1: 2}).to_dict()}, "image 2"),
        ({"frame_images": [listed(frame_type="middle")]}, "frame_type"),
        ({"frame_images": [listed(frame_type="frame_index")]}, "both or neither"),
        ({"frame_images": [listed(frame_type="frame_index", frame_index=33)]}, "position 34"),
        ({"frame_images": [listed(frame_index=3)]}, "both or neither"),
        ({"frame_images": [listed(frame_type="frame_index", frame_index=True)]}, "whole number"),
        ({"frame_images": [listed(), "image"]}, "no list of images"),
        ({"frame_images": {}}, "no list of images"),
        ({"frame_images": [{"image_url": {"url": "https://example.com/x.png"}}]}, "fetches no addresses"),
        ({"frame_images": [{"image_url": {"url": "file:///etc/passwd"}}]}, "fetches no addresses"),
        ({"frame_images": [{"image_url": {"url": "data:image/png;base64,%%%"}}]}, "damaged"),
        ({"frame_images": [listed(), {"image_url": {"url": "data:image/png;base64,AAAA"}}]}, "not an image"),
        ({"frame_images": "text"}, "JSON"),
    ],
)
def test_images_that_cannot_be_used_are_refused_and_nothing_is_kept(shared: Running, body: Any, word: str) -> None:
    before = sorted(Path(shared.folder / "videos").iterdir())
    for route in ("videos", "narratives"):
        if route == "narratives" and set(body) - {"frame_images"}:
            continue
        answer = post(shared, route, **body)
        assert answer.status_code == 400, answer.text
        assert word in answer.json()["error"]["message"]
    assert sorted(Path(shared.folder / "videos").iterdir()) == before


def test_variations_keep_all_images_and_another_story_places_them(shared: Running) -> None:
    parent = post(shared, frame_images=[listed(1, **LAST), listed(2)]).json()["id"]
    remixed = job_of(shared, post(shared, f"videos/{parent}/remix"))
    assert remixed.order.places == (Place("last_frame"), Place())
    told = story(33, "A dog.").with_images({0: 3, 1: 9})
    edited = job_of(shared, post(shared, "videos/edits", video=parent, narrative=told.to_dict()))
    assert edited.order.places == (Place(), Place()) and Narrative.from_dict(edited.narrative) == told
    assert len({*edited.order.images, *remixed.order.images}) == 4
    pinned = post(shared, frame_images=[listed(1, **LAST)], narrative=story(33, "A cat.").to_dict()).json()["id"]
    longer = job_of(shared, post(shared, "videos/extensions", video=pinned, seconds="1"))
    assert Narrative.from_dict(longer.narrative).anchor_frame == 32  # and not the new last frame
    assert longer.order.places == (Place(),)


def test_a_film_of_several_images_brings_them_all(shared: Running, tmp_path: Path) -> None:
    told = story(9, "A cat.").with_images({0: 1, 1: 8})
    options = {"num_frames": 9, "size": "32x32", "num_inference_steps": 2}
    held = GenerationRecord(
        model="storyworld-tiny", prompt="A cat.", narrative=told.to_dict(), options=options, seed=3, threads=1,
        versions={}, weights={}, image_sha256="",
    ).with_images([Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")])  # fmt: skip
    film = tmp_path / "film.mp4"
    write_video(film, np.zeros((9, 32, 32, 3), np.uint8), 5.0, held)
    with shared.http() as http:
        edited = http.post("/v1/videos/edits", data={"prompt": "A dog."}, files={"video": film.read_bytes()})
    assert len(job_of(shared, edited).order.images) == 2


class Silent:
    """Nobody who watches."""

    stop = threading.Event()

    def on_stage(self, name: str) -> None: ...

    def on_step(self, done: int, total: int) -> None: ...

    def on_narrative(self, narrative: Any) -> None: ...

    def on_preview(self, picture: Path) -> None: ...


REPLY = {
    "positions": [{"image": 1, "position": 30}, {"image": 2, "position": 2}],
    "clips": [{"end": 9, "description": "A vase stands."}, {"end": 33, "description": "It breaks."}],
}


@pytest.mark.parametrize(
    ("narrator", "images", "places"),
    [
        ("scripted", [listed(1), listed(2)], {0: 29, 1: 1}),
        ("scripted", [listed(1), listed(2, **LAST)], {0: 29, 1: 32}),
        ("file", [listed(1), listed(2, **LAST)], {0: 4, 1: 32}),
        ("file", [listed(1, **LAST)], {0: 32}),
        ("file", [listed(1)], {0: 4}),
    ],
)
def test_a_story_places_every_image(
    shared: Running, tmp_path: Path, narrator: str, images: Any, places: dict[int, int]
) -> None:
    """Whether the narrator is asked of all at once or, knowing nothing of several, of each."""
    file = tmp_path / "told.json"
    told = story(33, "A cat.").with_anchor(4).to_dict()
    file.write_text(json.dumps([REPLY] if narrator == "scripted" else told), encoding="utf-8")
    ordering = Ordering(shared.parts)
    job = ordering.story(Fields({"prompt": "A cat.", "frame_images": images}, {}, False), Asked("", None, ""))
    served = replace(shared.parts.default, request=VideoRequest(image=Path(), narrator=f"{narrator}:{file}"))
    pngs = [shared.parts.storage.read(name) for name in job.order.images]
    made = StoryMaker(served).make(job, pngs, tmp_path, Silent())
    found = Narrative.from_dict(made.changes["narrative"])
    assert {anchor.image: anchor.frame for anchor in found.anchors} == places
