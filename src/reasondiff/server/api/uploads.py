"""Images that strangers send: counted before they are decoded, and kept as nothing but pixels."""

from __future__ import annotations

import base64
import binascii
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, get_args

from PIL import Image

from reasondiff.errors import InputError
from reasondiff.jobs.request import MAX_FRAMES
from reasondiff.media.images import decode_image
from reasondiff.narrative.place import FrameType, Place
from reasondiff.server.api.forms import Fields, refusal
from reasondiff.server.service import Limits

__all__ = ["Picture", "bytes_of_url", "plain_image", "read_pictures"]

FORMATS = ("PNG", "JPEG", "WEBP")

_decoders = threading.BoundedSemaphore(2)
"""So many images at a time, whatever comes in: one of 40 megapixels takes 300 MB for a moment."""


@dataclass(frozen=True)
class Picture:
    """One of the images of a video.

    Args:
        png: its pixels.
        place: where it is to be.
    """

    png: bytes = field(repr=False)
    place: Place = field(default_factory=Place)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as a PNG's header has them."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width, height


def read_pictures(fields: Fields, limits: Limits) -> tuple[Picture, ...]:
    """The images of a request: one as ``input_reference`` or ``image``, or several with their places as
    ``frame_images``.

    Raises:
        Refusal: there is none or more than one account of them, or one cannot be used.
    """
    single = [name for name in ("input_reference", "image") if name in fields.files or name in fields.values]
    listed = fields.json("frame_images")
    if len(single) + (listed is not None) != 1:
        raise refusal("input_reference", "Give one image: as the file 'input_reference', or in 'frame_images'.")
    if listed is None:
        (name,) = single
        return (plain_image(_single(fields, name), name, limits.pixels),)
    if not isinstance(listed, list) or not listed:
        raise refusal("frame_images", "'frame_images' is no list of images; see docs/server.md.")
    if len(listed) > limits.images:
        raise refusal("frame_images", f"{len(listed)} images are too many; give at most {limits.images}.")
    given = list(_listed(listed))  # all are read before the first is decoded
    return tuple(replace(plain_image(each, "frame_images", limits.pixels), place=place) for each, place in given)


def _single(fields: Fields, name: str) -> bytes:
    if name in fields.files:
        return fields.files[name]
    reference = fields.json(name) if not str(fields.values[name]).startswith("data:") else fields.values[name]
    if isinstance(reference, dict) and set(reference) == {"image_url"}:
        reference = reference["image_url"]
    if isinstance(reference, dict) and "file_id" in reference:
        raise refusal(name, "This server keeps no files; send the image itself.")
    return bytes_of_url(reference, name)


def _listed(listed: list[Any]) -> Iterator[tuple[bytes, Place]]:
    name = "frame_images"
    for image in listed:
        if not isinstance(image, dict):
            raise refusal(name, "'frame_images' is no list of images; see docs/server.md.")
        if odd := sorted(set(image) - {"type", "image_url", "frame_type", "frame_index"}):
            raise refusal(name, f"An image of 'frame_images' has no {odd[0][:40]!r}; see docs/server.md.")
        kind, index = image.get("frame_type", "auto"), image.get("frame_index")
        if kind not in get_args(FrameType):
            raise refusal(name, f"{str(kind)[:40]!r} is no frame_type; give one of {', '.join(get_args(FrameType))}.")
        if (index is not None) != (kind == "frame_index"):
            raise refusal(name, "'frame_index' goes with the frame_type 'frame_index'; give both or neither.")
        if index is not None and (type(index) is not int or not 0 <= index < MAX_FRAMES):
            raise refusal(name, f"{str(index)[:40]!r} is no frame_index; give a whole number from 0.")
        url = image.get("image_url")
        yield bytes_of_url(url.get("url") if isinstance(url, dict) else url, name), Place(kind, index)


def plain_image(content: bytes, param: str, pixels: int) -> Picture:
    """An image's pixels as an RGB PNG, upright and in sRGB, without anything else that its file held.

    Args:
        content: of the file.
        param: the field, for the refusal.
        pixels: that it may have.

    Raises:
        Refusal: it is no such image, or a larger one.
    """
    try:
        with _decoders:
            _count(content, pixels)
            image = decode_image(BytesIO(content), "The image", FORMATS)
            plain = BytesIO()
            image.save(plain, "PNG", compress_level=1)
            return Picture(plain.getvalue())
    except InputError as error:
        raise refusal(param, str(error), "invalid_image") from None


def _count(content: bytes, pixels: int) -> None:
    """Raise ``InputError`` for what its header alone says is too large; nothing is decoded."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"The image has far more than {pixels:,} pixels; scale it down first.") from None
    except Exception:  # the decoder says in a sentence what is wrong with it
        return
    if width * height > pixels:
        raise InputError(f"The image is {width}x{height}, over {pixels:,} pixels; scale it down first.")


def bytes_of_url(url: Any, param: str) -> bytes:
    """The bytes in a ``data:`` address. Others are not fetched: a server must not be sent to places.

    Raises:
        Refusal: it is another address, or damaged.
    """
    if not isinstance(url, str) or not url.startswith("data:"):
        raise refusal(param, "This server fetches no addresses; send a file, or data:image/png;base64,... instead.")
    head, comma, body = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise refusal(param, "The data address is not in base64; write data:image/png;base64,...")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise refusal(param, "The data address is damaged; encode the image again.") from None
