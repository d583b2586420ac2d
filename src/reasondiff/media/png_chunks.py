"""A PNG file down to what its picture needs, because everything else in it may be huge or broken."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import BinaryIO

__all__ = ["SIGNATURE", "bare_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
"""The last three are of animations, which are to be recognised."""

_MAX_EXIF = 2**20
_MAX_PROFILE = 2**24
"""Bytes of a colour profile; those of presses take up to 4 MB."""


def bare_png(file: BinaryIO) -> tuple[BytesIO, bytes | None]:
    """The same picture without texts, workflows and the like, and its colour profile where it has a readable one.

    Args:
        file: at its start. Chunks that are left out are skipped, not read.

    Returns:
        A PNG in memory, as damaged as ``file`` is where the picture itself is damaged; and the ICC profile.
    """
    kept, profile = BytesIO(file.read(len(SIGNATURE))), None
    kept.seek(0, 2)
    while len(head := file.read(8)) == 8:
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        small = size <= (_MAX_EXIF if kind == b"eXIf" else _MAX_PROFILE)
        if kind in _PICTURE or (kind == b"eXIf" and small):
            kept.write(head + file.read(size + 4))
        elif kind == b"iCCP" and small and profile is None:
            profile = _profile(file.read(size))
            file.read(4)
        else:
            file.seek(size + 4, 1)
        if kind == b"IEND":
            break
    kept.seek(0)
    return kept, profile


def _profile(chunk: bytes) -> bytes | None:
    """A name, a zero, the kind of compression (zero), and the compressed profile."""
    _, _, packed = chunk.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], _MAX_PROFILE)
    except zlib.error:
        return None
    return profile if unpacking.eof else None
