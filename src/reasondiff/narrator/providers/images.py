"""Images on their way to a server."""

from __future__ import annotations

import base64
from io import BytesIO

from PIL import Image

__all__ = ["data_url", "fit_within", "size_within"]

MAX_PNG = 2**21
"""Bytes of a lossless picture; larger ones are sent as JPEG, which servers unpack to the same size."""


def size_within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with the same aspect, the longer of them at most ``side`` pixels."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def fit_within(image: Image.Image, side: int) -> Image.Image:
    """The image, made smaller if its longer side exceeds ``side`` pixels."""
    size = size_within(image.size, side)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def data_url(image: Image.Image, *, jpeg: bool = False) -> str:
    """The image as a ``data:`` URL.

    Args:
        image: RGB.
        jpeg: in fewer bytes and with loss, whatever its size.
    """
    buffer, kind = BytesIO(), "png"
    if not jpeg:
        image.save(buffer, "PNG")
    if jpeg or buffer.tell() > MAX_PNG:
        buffer, kind = BytesIO(), "jpeg"
        image.save(buffer, "JPEG", quality=92)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
