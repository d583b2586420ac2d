"""Small ICC profiles, written by hand from the format's description (ICC.1:2001)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
"""Red, green and blue as XYZ under D50."""


def fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def xyz(numbers: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*numbers)


def curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def profile(space: bytes, pcs: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    name = b"Made by hand\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": described, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz((0.9642, 1.0, 0.8249)), **tags}
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        content += bytes(-len(content) % 4)
        table += tag + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(data), len(content))
        data += content
    head = struct.pack(">I", 128 + len(table) + len(data)) + b"none" + bytes.fromhex("02400000") + kind + space + pcs
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + data


def of_rgb(primaries: Sequence[Sequence[float]], gamma: float) -> bytes:
    names = (b"rXYZ", b"gXYZ", b"bXYZ"), (b"rTRC", b"gTRC", b"bTRC")
    tags = {name: xyz(primary) for name, primary in zip(names[0], primaries, strict=True)}
    return profile(b"RGB ", b"XYZ ", b"mntr", tags | dict.fromkeys(names[1], curve(gamma)))


def of_grey(gamma: float) -> bytes:
    return profile(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": curve(gamma)})


def of_cmyk(lab_of_inks: dict[tuple[int, int, int, int], tuple[int, int, int]]) -> bytes:
    """A press whose sixteen full mixtures are given in Lab; what is not given is black."""
    table = b""
    for number in range(16):
        inks = tuple(number >> shift & 1 for shift in (3, 2, 1, 0))
        lightness, a, b = lab_of_inks.get(inks, (0, 0, 0))
        table += bytes((round(lightness * 2.55), 128 + a, 128 + b))
    straight = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + straight * 4 + table + straight * 3
    return profile(b"CMYK", b"Lab ", b"prtr", {b"A2B0": lut, b"A2B1": lut})
