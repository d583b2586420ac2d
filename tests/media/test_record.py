"""A record is read from a video that may come from anywhere."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.media import GenerationRecord, frame_hashes, frames_hash
from tests.media.test_video import drawn, record

PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 6, 3), dtype=np.uint8))


def test_json_round_trip() -> None:
    written = record().with_image(PICTURE).of_frames(drawn())
    assert GenerationRecord.from_json(written.to_json()) == written
    assert written.to_json().isascii()


def test_a_record_of_before_has_the_options_of_today() -> None:
    made = record().of_frames(drawn())
    written = replace(made, options={"text_mode": "concat", "use_adapter": False, "steps": 20})
    early = written.to_json().replace("reasondiff_record", "reasondiff_recipe")
    early = early.replace('"text_mode"', '"prompts"').replace('"use_adapter"', '"align"')
    assert GenerationRecord.from_json(early) == written


def test_the_hash_is_that_of_the_raw_bytes() -> None:
    import hashlib

    frames = drawn()
    assert frames_hash(frames) == hashlib.sha256(frames.tobytes()).hexdigest()
    assert frame_hashes(frames)[3] == hashlib.sha256(frames[3].tobytes()).hexdigest()
    assert frames_hash(frames[:, :, ::-1]) == hashlib.sha256(frames[:, :, ::-1].tobytes()).hexdigest()


def test_the_first_difference_is_found() -> None:
    frames = drawn()
    made = record().of_frames(frames)
    assert made.first_difference(frames) is None
    other = frames.copy()
    other[5, 1, 2, 0] ^= 1
    other[7] = 0
    assert made.first_difference(other) == 5
    assert made.first_difference(frames[:4]) == 4
    assert made.first_difference(np.concatenate([frames, frames[:1]])) == len(frames)


def test_without_the_image() -> None:
    left_out = record().with_image(PICTURE, embed=False)
    assert left_out.image is None and left_out.image_sha256 == record().with_image(PICTURE).image_sha256
    with pytest.raises(InputError, match="--no-embed; give --image"):
        left_out.open_image()
    assert json.loads(record().with_image(PICTURE).of_frames(drawn()).to_json(with_image=False))["image"] is None


def test_an_exchanged_image_is_noticed() -> None:
    first, second = record().with_image(PICTURE), record().with_image(PICTURE.rotate(180))
    with pytest.raises(InputError, match="not the one it was made with"):
        replace(first, image=second.image).open_image()


def damaged(**changes: Any) -> str:
    return json.dumps({**json.loads(record().with_image(PICTURE).of_frames(drawn()).to_json()), **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"reasondiff_record": 2}, "version 2"),
        ({"reasondiff_record": None}, "version None"),
        ({"extra": 1}, "'extra'"),
        ({"model": 3}, "'model'"),
        ({"prompt": "x" * 100_001}, "'prompt'"),
        ({"narrative": []}, "'narrative'"),
        ({"options": {"steps": [1]}}, "'options'"),
        ({"options": {str(n): 0 for n in range(10_001)}}, "'options'"),
        ({"versions": {"torch": 2}}, "'versions'"),
        ({"weights": {"vae": "short"}}, "'weights'"),
        ({"seed": -1}, "'seed'"),
        ({"seed": True}, "'seed'"),
        ({"seed": 1.0}, "'seed'"),
        ({"seed": 2**64}, "'seed'"),
        ({"threads": 0}, "'threads'"),
        ({"frames_sha256": "Z" * 64}, "'frames_sha256'"),
        ({"frame_sha256": ["0" * 64] * 10_001}, "'frame_sha256'"),
        ({"frame_sha256": "0" * 64}, "'frame_sha256'"),
        ({"image": 5}, "'image'"),
        ({"image": "not base64!"}, "damaged"),
    ],
)
def test_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        GenerationRecord.from_json(damaged(**changes))


def test_damaged_text_and_constants() -> None:
    good = damaged()
    for text in (good[:-10], good.replace("5.0", "NaN"), good.replace('"seed": 7, ', "")):
        assert text != good
        with pytest.raises(InputError):
            GenerationRecord.from_json(text)
    deep = '{"reasondiff_record": ' + "[" * 100_000
    with pytest.raises(InputError, match="damaged"):
        GenerationRecord.from_json(deep)


def test_an_image_that_is_no_png_is_refused() -> None:
    text = damaged(image=base64.b64encode(b"GIF89a" + bytes(20)).decode())
    read = GenerationRecord.from_json(text)
    assert read is not None
    with pytest.raises(InputError, match="The record's image"):
        read.open_image()


def test_flipped_characters_never_escape_as_another_error() -> None:
    draw, good = random.Random(0), damaged()
    for _ in range(400):
        text = list(good)
        for _ in range(draw.randint(1, 4)):
            text[draw.randrange(len(text))] = chr(draw.randrange(32, 127))
        try:
            read = GenerationRecord.from_json("".join(text))
            if read is not None:
                read.open_image()
        except InputError:
            pass
