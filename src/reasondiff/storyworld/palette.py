"""StoryWorld's colours: all things and their parts draw from one palette, so colour never tells what a thing is."""

from __future__ import annotations

__all__ = ["COLOURS", "FLOORS", "INK", "PAPER", "RGB", "WALLS", "shade"]

RGB = tuple[int, int, int]

COLOURS: dict[str, RGB] = {
    "red": (208, 48, 48),
    "orange": (236, 130, 32),
    "yellow": (228, 192, 36),
    "green": (52, 150, 68),
    "teal": (24, 152, 160),
    "blue": (52, 92, 204),
    "purple": (136, 68, 176),
    "brown": (128, 82, 48),
}
"""Of every agent and object, by the name captions use."""

WALLS: tuple[RGB, ...] = ((240, 230, 210), (222, 230, 238), (226, 236, 220), (240, 222, 222), (230, 224, 240))
FLOORS: tuple[RGB, ...] = ((200, 178, 150), (178, 180, 186), (172, 190, 164), (204, 190, 180), (184, 176, 196))
INK: RGB = (42, 40, 50)
PAPER: RGB = (252, 252, 248)


def shade(colour: RGB, amount: float) -> RGB:
    """``colour`` towards white (``amount`` > 0) or black (< 0); ``amount`` in -1..1."""
    target = 255 if amount > 0 else 0
    red, green, blue = (round(c + (target - c) * abs(amount)) for c in colour)
    return red, green, blue
