"""How a video was made, carried inside the video.

A record is JSON in the MP4's comment, the one tag that a plain stream copy by other tools keeps. It holds all that
``reasondiff replay`` needs. A video comes from anywhere, so a record is read strictly and within bounds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from io import BytesIO
from typing import Any, NoReturn

import numpy as np
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.media.images import decode_image

__all__ = ["GenerationRecord", "frame_hashes", "frames_hash", "image_hash"]

VERSION = 1
MAX_LENGTH = 2**26
"""Characters of a record; an embedded 1280x720 anchor takes about 2^22."""

_MARK = "reasondiff_record"
_EARLY_MARK = "reasondiff_recipe"
_EARLY_OPTIONS = {"prompts": "text_mode", "align": "use_adapter"}
"""What options were called in records with the early mark; the only place that knows."""

_MAX_ITEMS, _MAX_TEXT, _MAX_IMAGES = 10_000, 100_000, 1_000


def frames_hash(frames: np.ndarray) -> str:
    """SHA-256 of raw RGB24 frames, uint8 [frames, height, width, 3], as 64 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(frames, dtype=np.uint8).data).hexdigest()


def frame_hashes(frames: np.ndarray) -> tuple[str, ...]:
    """``frames_hash`` of every single frame."""
    return tuple(frames_hash(frame) for frame in frames)


def image_hash(image: Image.Image) -> str:
    """SHA-256 of an RGB image's pixels."""
    return frames_hash(np.asarray(image))


@dataclass(frozen=True)
class GenerationRecord:
    """Everything that decides a video's frames, and the frames' hashes.

    Args:
        model: the name or path that was asked for.
        prompt: the user's text.
        narrative: the narrative file's content.
        options: every resolved option; JSON scalars only.
        seed: of the noise.
        threads: CPU threads; their number decides the order of sums, and so the last bits.
        versions: of this program and of the libraries that compute.
        weights: SHA-256 of the model's weights and settings, by path within the model; in early ones, of weights only.
        image_sha256: of the prepared anchor's RGB pixels.
        image: the prepared anchor as PNG, or None where it was left out.
        frames_sha256: of the frames before encoding; empty until ``of_frames``.
        frame_sha256: the same for each frame.
        more_images: the other prepared images of a story of several, as PNG; none where they were left out.
        more_sha256: of their pixels.
    """

    model: str
    prompt: str
    narrative: Mapping[str, Any]
    options: Mapping[str, str | int | float | bool | None]
    seed: int
    threads: int
    versions: Mapping[str, str]
    weights: Mapping[str, str]
    image_sha256: str
    image: bytes | None = field(default=None, repr=False)
    frames_sha256: str = ""
    frame_sha256: tuple[str, ...] = field(default=(), repr=False)
    more_images: tuple[bytes, ...] = field(default=(), repr=False)
    more_sha256: tuple[str, ...] = ()

    def of_frames(self, frames: np.ndarray) -> GenerationRecord:
        """This record with the hashes of ``frames``, uint8 [frames, height, width, 3]."""
        return replace(self, frames_sha256=frames_hash(frames), frame_sha256=frame_hashes(frames))

    def with_image(self, image: Image.Image, *, embed: bool = True) -> GenerationRecord:
        """This record with the prepared anchor, or with its hash only."""
        return self.with_images((image,), embed=embed)

    def with_images(self, images: Sequence[Image.Image], *, embed: bool = True) -> GenerationRecord:
        """This record with all prepared images of the story, or with their hashes only."""
        first, *more = images
        return replace(
            self,
            image=_as_png(first) if embed else None,
            image_sha256=image_hash(first),
            more_images=tuple(map(_as_png, more)) if embed else (),
            more_sha256=tuple(map(image_hash, more)),
        )

    def open_image(self) -> Image.Image:
        """The prepared anchor.

        Raises:
            InputError: it was left out, is damaged, or is not the one that the record names.
        """
        if self.image is None:
            raise InputError("The record holds no image, because it was made with --no-embed; give --image.")
        return _opened(self.image, self.image_sha256)

    def open_images(self) -> tuple[Image.Image, ...]:
        """All prepared images; raises as ``open_image``."""
        return (self.open_image(), *map(_opened, self.more_images, self.more_sha256))

    def first_difference(self, frames: np.ndarray) -> int | None:
        """The first frame (0-based) of ``frames`` that differs from what was made, or None where all are equal."""
        hashes = frame_hashes(frames)
        if hashes == self.frame_sha256:
            return None
        pairs = zip(hashes, self.frame_sha256, strict=False)
        shorter = min(len(hashes), len(self.frame_sha256))
        return next((number for number, (ours, theirs) in enumerate(pairs) if ours != theirs), shorter)

    # -- as text ----------------------------------------------------------------------------------------------------

    def to_json(self, *, with_image: bool = True) -> str:
        """The record as one line of JSON; ``with_image=False`` leaves the picture out, for reading."""
        data = {_MARK: VERSION, **asdict(self), "frame_sha256": list(self.frame_sha256)}
        data["image"] = base64.b64encode(self.image).decode() if self.image and with_image else None
        if not self.more_sha256:  # a story of one image is written as it always was
            del data["more_images"], data["more_sha256"]
        else:
            embedded = self.more_images if with_image else ()
            data |= {"more_images": [base64.b64encode(each).decode() for each in embedded]}
            data |= {"more_sha256": list(self.more_sha256)}
        return json.dumps(data, allow_nan=False)  # in ASCII, which every tool copies unchanged

    @classmethod
    def from_json(cls, text: str) -> GenerationRecord | None:
        """Read a comment: None where it is another program's. Early records come with today's names.

        Raises:
            InputError: it is ours, but damaged, too long or of another version.
        """
        mark = next((known for known in (_MARK, _EARLY_MARK) if text.startswith(f'{{"{known}"')), None)
        if mark is None:
            return None
        if len(text) > MAX_LENGTH:
            raise InputError(f"The record has {len(text):,} characters, over {MAX_LENGTH:,}; it is not one of ours.")
        try:
            data = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InputError(f"The video's record is damaged ({error}); use an unedited copy of the video.") from None
        if (version := data.pop(mark)) != VERSION:
            raise InputError(f"The video's record has version {version!r}; this release reads {VERSION}.")
        data = {"more_images": [], "more_sha256": [], **data}
        names = {item.name for item in fields(cls)}
        if set(data) != names:
            odd = sorted(set(data) ^ names)[0]
            raise InputError(f"The video's record has a missing or unknown key {odd!r}; use an unedited copy.")
        for key in ("model", "prompt"):
            _check(isinstance(data[key], str) and len(data[key]) <= _MAX_TEXT, key)
        for key in ("narrative", "options", "versions", "weights"):
            _check(isinstance(data[key], dict) and len(data[key]) <= _MAX_ITEMS, key)
        for key in ("seed", "threads"):
            _check(type(data[key]) is int and 0 <= data[key] < 2**64, key)
        _check(1 <= data["threads"] <= 1024, "threads")
        if mark == _EARLY_MARK:
            data["options"] = {_EARLY_OPTIONS.get(name, name): value for name, value in data["options"].items()}
        scalars = (str, int, float, bool, type(None))
        _check(all(isinstance(value, scalars) for value in data["options"].values()), "options")
        _check(all(isinstance(value, str) for value in data["versions"].values()), "versions")
        _check(all(map(_is_hash, data["weights"].values())), "weights")
        for key in ("image_sha256", "frames_sha256"):
            _check(_is_hash(data[key]), key)
        hashes = data["frame_sha256"]
        _check(isinstance(hashes, list) and len(hashes) <= _MAX_ITEMS and all(map(_is_hash, hashes)), "frame_sha256")
        more, more_hashes = data["more_images"], data["more_sha256"]
        _check(isinstance(more_hashes, list) and len(more_hashes) <= _MAX_IMAGES, "more_sha256")
        _check(all(map(_is_hash, more_hashes)), "more_sha256")
        _check(isinstance(more, list) and len(more) in (0, len(more_hashes)), "more_images")
        _check(all(isinstance(each, str) for each in more), "more_images")
        embedded = {"image": _image_bytes(data["image"]), "more_images": tuple(map(_image_bytes, more))}
        return cls(**{**data, **embedded, "frame_sha256": tuple(hashes), "more_sha256": tuple(more_hashes)})


def _as_png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _opened(png: bytes, sha256: str) -> Image.Image:
    image = decode_image(BytesIO(png), "The record's image", formats=("PNG",))
    if image_hash(image) != sha256:
        raise InputError("The record's image is not the one it was made with; give the original video.")
    return image


def _check(holds: bool, key: str) -> None:
    if not holds:
        raise InputError(f"The video's record has an impossible {key!r}; use an unedited copy of the video.")


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _image_bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    _check(isinstance(value, str), "image")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("The record's image is damaged; use an unedited copy of the video.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
