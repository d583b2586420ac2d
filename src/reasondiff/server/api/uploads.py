"""Images that strangers send: counted before they are decoded, and kept as nothing but pixels."""

from __future__ import annotations

import base64
import binascii
import threading
from io import BytesIO
from typing import Any

from PIL import Image

from reasondiff.errors import InputError
from reasondiff.media.images import decode_image
from reasondiff.server.api.forms import refusal

__all__ = ["bytes_of_url", "plain_image"]

FORMATS = ("PNG", "JPEG", "WEBP")

_decoders = threading.BoundedSemaphore(2)
"""So many images at a time, whatever comes in: one of 40 megapixels takes 300 MB for a moment."""


def plain_image(content: bytes, param: str, pixels: int) -> tuple[bytes, tuple[int, int]]:
    """An image's pixels as an RGB PNG, upright and in sRGB, without anything else that its file held.

    Args:
        content: of the file.
        param: the field, for the refusal.
        pixels: that it may have.

    Returns:
        The PNG, and width and height.

    Raises:
        ApiError: it is no such image, or a larger one.
    """
    try:
        with _decoders:
            _count(content, pixels)
            image = decode_image(BytesIO(content), "The image", FORMATS)
            plain = BytesIO()
            image.save(plain, "PNG", compress_level=1)
            return plain.getvalue(), image.size
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
        ApiError: it is another address, or damaged.
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
