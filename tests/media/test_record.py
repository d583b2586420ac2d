"""A recipe is read from a video that may come from anywhere."""

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
from reasondiff.media import Recipe, frame_hashes, frames_hash
from tests.media.test_video import drawn, recipe

PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 6, 3), dtype=np.uint8))


def test_json_round_trip() -> None:
    written = recipe().with_image(PICTURE).of_frames(drawn())
    assert Recipe.from_json(written.to_json()) == written
    assert written.to_json().isascii()


def test_the_hash_is_that_of_the_raw_bytes() -> None:
    import hashlib

    frames = drawn()
    assert frames_hash(frames) == hashlib.sha256(frames.tobytes()).hexdigest()
    assert frame_hashes(frames)[3] == hashlib.sha256(frames[3].tobytes()).hexdigest()
    assert frames_hash(frames[:, :, ::-1]) == hashlib.sha256(frames[:, :, ::-1].tobytes()).hexdigest()


def test_the_first_difference_is_found() -> None:
    frames = drawn()
    made = recipe().of_frames(frames)
    assert made.first_difference(frames) is None
    other = frames.copy()
    other[5, 1, 2, 0] ^= 1
    other[7] = 0
    assert made.first_difference(other) == 5
    assert made.first_difference(frames[:4]) == 4
    assert made.first_difference(np.concatenate([frames, frames[:1]])) == len(frames)


def test_without_the_image() -> None:
    left_out = recipe().with_image(PICTURE, embed=False)
    assert left_out.image is None and left_out.image_sha256 == recipe().with_image(PICTURE).image_sha256
    with pytest.raises(InputError, match="--no-embed; give --image"):
        left_out.open_image()
    assert json.loads(recipe().with_image(PICTURE).of_frames(drawn()).to_json(with_image=False))["image"] is None


def test_an_exchanged_image_is_noticed() -> None:
    first, second = recipe().with_image(PICTURE), recipe().with_image(PICTURE.rotate(180))
    with pytest.raises(InputError, match="not the one it was made with"):
        replace(first, image=second.image).open_image()


def damaged(**changes: Any) -> str:
    return json.dumps({**json.loads(recipe().with_image(PICTURE).of_frames(drawn()).to_json()), **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"reasondiff_recipe": 2}, "version 2"),
        ({"reasondiff_recipe": None}, "version None"),
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
        Recipe.from_json(damaged(**changes))


def test_damaged_text_and_constants() -> None:
    good = damaged()
    for text in (good[:-10], good.replace("5.0", "NaN"), good.replace('"seed": 7, ', "")):
        assert text != good
        with pytest.raises(InputError):
            Recipe.from_json(text)
    deep = '{"reasondiff_recipe": ' + "[" * 100_000
    with pytest.raises(InputError, match="damaged"):
        Recipe.from_json(deep)


def test_an_image_that_is_no_png_is_refused() -> None:
    text = damaged(image=base64.b64encode(b"GIF89a" + bytes(20)).decode())
    read = Recipe.from_json(text)
    assert read is not None
    with pytest.raises(InputError, match="The recipe's image"):
        read.open_image()


def test_flipped_characters_never_escape_as_another_error() -> None:
    draw, good = random.Random(0), damaged()
    for _ in range(400):
        text = list(good)
        for _ in range(draw.randint(1, 4)):
            text[draw.randrange(len(text))] = chr(draw.randrange(32, 127))
        try:
            read = Recipe.from_json("".join(text))
            if read is not None:
                read.open_image()
        except InputError:
            pass
