"""Files that are no image a server should take, each with a word of the sentence that says so."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

from tests.server.harness import png


def claims(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def encoded(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    file = BytesIO()
    Image.new(mode, (16, 16)).save(file, kind, **options)
    return file.getvalue()


def with_chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG with another chunk after its header."""
    image, length = png(), struct.pack(">I", len(data))
    return image[:33] + length + kind + data + struct.pack(">I", zlib.crc32(kind + data)) + image[33:]


def jpeg_that_claims(width: int, height: int) -> bytes:
    """A JPEG whose header claims a size."""
    image = bytearray(encoded("JPEG"))
    place = image.index(b"\xff\xc0") + 5
    image[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(image)


HOSTILE: list[tuple[bytes, str]] = [
    (b"", "not an image"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
    (encoded("GIF"), "not an image"),
    (encoded("BMP"), "not an image"),
    (encoded("TIFF"), "not an image"),
    (png()[:100], "cannot be read"),
    (claims(50_000, 50_000), "more than 40,000,000 pixels"),
    (claims(7000, 7000), "7000x7000"),
    (claims(100, 100), "cannot be read"),
    (encoded("PNG", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")]), "2 pictures"),
    (b"\x89PNG\r\n\x1a\n" + b"\xff" * 1000, "not an image"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "cannot be read|not an image"),
    (jpeg_that_claims(65_000, 65_000), "more than 40,000,000 pixels"),
    (jpeg_that_claims(7000, 7000), "7000x7000"),
    (encoded("JPEG")[:200], "cannot be read"),
    (encoded("JPEG2000"), "not an image"),
    (encoded("ICO"), "not an image"),
    (encoded("PPM"), "not an image"),
    (encoded("TGA"), "not an image"),
    (encoded("PCX"), "not an image"),
    (encoded("PDF"), "not an image"),
    (encoded("WEBP", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")]), "2 pictures"),
    (encoded("WEBP")[:40], "cannot be read|not an image"),
    (claims(0, 16), "cannot be read|not an image"),
    (b"<html><script>alert(1)</script></html>", "not an image"),
    (b"PK\x03\x04" + bytes(100), "not an image"),
    (b"\x1f\x8b" + bytes(100), "not an image"),
    (encoded("PNG")[:-20] + b"\0" * 20, "cannot be read"),
    (jpeg_that_claims(0, 0), "cannot be read|not an image"),
]
