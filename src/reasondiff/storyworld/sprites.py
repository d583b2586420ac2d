"""How StoryWorld's things look: one function per agent, one per object and state.

A sprite is drawn with a ``Pen`` whose origin is the middle of the thing's foot, x to where it faces and y up, in
pixels of a 64 x 64 frame. Shapes differ in outline, not in colour, and are big enough to survive a small VAE.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import ImageDraw

from reasondiff.storyworld.palette import INK, PAPER, RGB, shade

__all__ = ["AGENT_SPRITES", "OBJECT_SPRITES", "Pen", "wall_window"]

Point = tuple[float, float]


@dataclass(frozen=True)
class Pen:
    """Draws in a sprite's own coordinates.

    Args:
        canvas: supersampled image to draw on.
        x, y: the sprite's foot, in frame pixels, y down.
        scale: frame pixels per sprite unit.
        facing: 1 to the right, -1 to the left.
        supersample: canvas pixels per frame pixel.
    """

    canvas: ImageDraw.ImageDraw
    x: float
    y: float
    scale: float = 1.0
    facing: int = 1
    supersample: int = 4

    def _at(self, point: Point) -> Point:
        x = self.x + self.facing * self.scale * point[0]
        y = self.y - self.scale * point[1]
        return x * self.supersample, y * self.supersample

    def polygon(self, points: Sequence[Point], colour: RGB) -> None:
        self.canvas.polygon([self._at(p) for p in points], fill=colour)

    def box(self, left: float, bottom: float, right: float, top: float, colour: RGB) -> None:
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: RGB) -> None:
        (cx, cy), k = self._at((x, y)), self.scale * self.supersample
        self.canvas.ellipse([cx - rx * k, cy - ry * k, cx + rx * k, cy + ry * k], fill=colour)

    def ring(self, x: float, y: float, radius: float, width: float, colour: RGB) -> None:
        (cx, cy), k = self._at((x, y)), self.scale * self.supersample
        box = [cx - radius * k, cy - radius * k, cx + radius * k, cy + radius * k]
        self.canvas.ellipse(box, outline=colour, width=max(1, round(width * k)))

    def line(self, points: Sequence[Point], width: float, colour: RGB) -> None:
        k = max(1, round(width * self.scale * self.supersample))
        self.canvas.line([self._at(p) for p in points], fill=colour, width=k, joint="curve")


# -- agents: (pen, colour, acting) ----------------------------------------------------------------------------------


def cat(pen: Pen, colour: RGB, acting: bool) -> None:
    pen.line([(-8, 9), (-12, 13), (-12, 20), (-9, 24)], 2.6, colour)  # a long tail, held high
    for x in (-7, -4, 3, 6):
        pen.box(x - 1.2, 0, x + 1.2, 6, shade(colour, -0.25))
    pen.ellipse(-1, 9, 9, 5, colour)
    pen.ellipse(8, 14, 5.6, 5.2, colour)
    pen.polygon([(3.4, 16), (4.0, 23.5), (8, 18.5)], colour)
    pen.polygon([(8, 18.5), (12.2, 23.5), (12.8, 16)], colour)
    pen.ellipse(10, 15, 1.2, 1.4, INK)
    if acting:
        pen.line([(5, 8), (12, 10)], 2.6, shade(colour, -0.25))  # a paw put forward


def dog(pen: Pen, colour: RGB, acting: bool) -> None:
    pen.line([(-10, 13), (-15, 18)], 2.6, colour)  # a short tail
    for x in (-8, -5, 3, 6):
        pen.box(x - 1.4, 0, x + 1.4, 8, shade(colour, -0.25))
    pen.box(-10.5, 7, 7, 15, colour)
    pen.ellipse(8, 17, 5, 5, colour)
    pen.box(10, 13.2, 17.5, 17, colour)  # a long snout
    pen.ellipse(17, 16, 1.5, 1.5, INK)
    pen.ellipse(4.6, 15.4, 2.2, 5.2, shade(colour, -0.5))  # a hanging ear
    pen.ellipse(9.6, 18.6, 1.2, 1.4, INK)
    if acting:
        pen.line([(5, 8), (13, 8)], 2.8, shade(colour, -0.25))


def pig(pen: Pen, colour: RGB, acting: bool) -> None:
    pen.ring(-12.5, 12, 3, 1.4, colour)  # a curly tail
    for x in (-7, -3.5, 3, 6.5):
        pen.box(x - 1.7, 0, x + 1.7, 4, shade(colour, -0.25))
    pen.ellipse(-1, 10.5, 10.5, 8, colour)
    pen.ellipse(9, 11, 6, 6, colour)
    pen.polygon([(6, 15), (6.5, 20.5), (11, 16.5)], shade(colour, -0.35))
    pen.ellipse(14.6, 10, 2.4, 3.4, shade(colour, 0.55))  # a snout like a disc
    pen.ellipse(14.8, 10.6, 0.8, 0.9, INK)
    pen.ellipse(10.4, 13, 1.2, 1.3, INK)
    if acting:
        pen.line([(5, 5), (12, 5)], 3.0, shade(colour, -0.25))


def ball(pen: Pen, colour: RGB, acting: bool, turn: float = 0.0) -> None:
    """In the world it never turns; the judges are asked about balls that do, by ``turn`` in radians."""
    angles = [turn + a for a in (0, 1.257, 2.513, 3.77, 5.027)]
    pen.ellipse(0, 8, 8, 8, colour)
    pen.polygon([(3.2 * math.sin(a), 8 + 3.2 * math.cos(a)) for a in angles], INK)
    for a in angles:
        start, end = (3.2 * math.sin(a), 8 + 3.2 * math.cos(a)), (7.6 * math.sin(a), 8 + 7.6 * math.cos(a))
        pen.line([start, end], 1.2, INK)


def person(pen: Pen, colour: RGB, acting: bool) -> None:
    pen.line([(-1, 14), (-3.6, 0)], 3.2, INK)
    pen.line([(1, 14), (3.6, 0)], 3.2, INK)
    pen.box(-4.6, 12, 4.6, 26, colour)
    pen.ellipse(0, 30.5, 4.6, 5, shade(colour, 0.7))
    pen.ellipse(2.4, 31, 1, 1.2, INK)
    if acting:
        pen.line([(2, 24), (10, 28)], 2.8, shade(colour, -0.3))  # an arm stretched out
    else:
        pen.line([(0, 24), (-1, 14)], 2.8, shade(colour, -0.3))


def car(pen: Pen, colour: RGB, acting: bool) -> None:
    pen.polygon([(-9, 11), (-6, 18), (5, 18), (9, 11)], colour)
    pen.polygon([(-6.5, 11.5), (-4.6, 16.5), (-0.8, 16.5), (-0.8, 11.5)], PAPER)
    pen.polygon([(0.8, 11.5), (0.8, 16.5), (4, 16.5), (6.6, 11.5)], PAPER)
    pen.box(-16, 4, 16, 11.5, colour)
    for x in (-9.5, 9.5):
        pen.ellipse(x, 4, 4.2, 4.2, INK)
        pen.ellipse(x, 4, 1.6, 1.6, PAPER)


AGENT_SPRITES: dict[str, Callable[[Pen, RGB, bool], None]] = {
    "cat": cat,
    "dog": dog,
    "pig": pig,
    "ball": ball,
    "person": person,
    "car": car,
}


# -- objects: (pen, colour, accent) ---------------------------------------------------------------------------------


def vase_intact(pen: Pen, colour: RGB, accent: RGB) -> None:
    right = [(3.5, 0), (7.5, 6), (8, 11), (5.5, 16), (3, 18.5), (3, 22), (5, 24.5)]
    pen.polygon([*right, *[(-x, y) for x, y in reversed(right)]], colour)
    pen.polygon([(7.9, 9), (8, 11), (7.4, 13), (-7.4, 13), (-8, 11), (-7.9, 9)], accent)


def vase_broken(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.polygon([(-3.5, 0), (3.5, 0), (7.5, 5.5), (4.5, 4), (2.5, 8), (0, 3.5), (-3, 7), (-4.5, 4), (-7.5, 6)], colour)
    pen.polygon([(9, 0), (15, 0), (12, 5.5)], colour)
    pen.polygon([(-9, 0), (-16, 0), (-11, 5)], colour)
    pen.polygon([(11, 0), (15, 0), (13, 2.5)], accent)


def table_whole(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.box(-11.5, 0, -8.5, 16, shade(colour, -0.2))
    pen.box(8.5, 0, 11.5, 16, shade(colour, -0.2))
    pen.box(-15, 15, 15, 19.5, colour)


def table_broken(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.box(-11.5, 0, -8.5, 15, shade(colour, -0.2))
    pen.polygon([(-15.5, 17), (-14, 21), (15.5, 4), (14, 0)], colour)  # the top has slid down on one side
    pen.box(-6, 0, 6, 3, shade(colour, -0.2))  # the leg lies on the floor


def candle_burning(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.box(-7, 0, 7, 2.5, INK)
    pen.box(-3.4, 2.5, 3.4, 15, colour)
    pen.polygon([(0, 28), (3.4, 22), (4.2, 19), (2.6, 16), (-2.6, 16), (-4.2, 19), (-3.4, 22)], accent)
    pen.ellipse(0, 18.5, 1.8, 2.2, PAPER)


def candle_out(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.box(-7, 0, 7, 2.5, INK)
    pen.box(-3.4, 2.5, 3.4, 15, colour)
    pen.line([(0, 15), (0, 18)], 1.6, INK)  # only the wick is left


def window_whole(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.box(-12, 0, 12, 24, colour)
    pen.box(-9.4, 2.6, 9.4, 21.4, PAPER)
    pen.box(-1.1, 2.6, 1.1, 21.4, colour)
    pen.box(-9.4, 10.9, 9.4, 13.1, colour)


def window_cracked(pen: Pen, colour: RGB, accent: RGB) -> None:
    window_whole(pen, colour, accent)
    radii = (8.8, 3.2, 7.6, 3.6, 9, 3.0, 7.8, 3.4, 8.6, 3.2, 7.4, 3.6)  # a hole like a star
    pen.polygon([(r * math.sin(k * math.pi / 6), 12 + r * math.cos(k * math.pi / 6)) for k, r in enumerate(radii)], INK)


def book_flat(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.polygon([(-16, 0), (16, 0), (14, 5), (-14, 5)], colour)
    pen.polygon([(-14.5, 2), (-0.4, 1), (-0.4, 6), (-12.5, 7)], PAPER)
    pen.polygon([(14.5, 2), (0.4, 1), (0.4, 6), (12.5, 7)], PAPER)


def book_turning(pen: Pen, colour: RGB, accent: RGB) -> None:
    book_flat(pen, colour, accent)
    for dx, top in ((-8.5, 15), (0, 19), (8.5, 15)):  # pages stand up like a fan
        pen.polygon([(-0.8, 3), (0.8, 3), (dx + 3, top), (dx - 3, top + 1)], PAPER)
        pen.line([(0, 4), (dx, top)], 1.2, INK)


def bicycle(pen: Pen, colour: RGB, accent: RGB) -> None:
    for x in (-9, 9):
        pen.ring(x, 7, 7, 1.8, INK)
    pen.line([(-9, 7), (-3, 15), (6, 15), (0, 7), (-9, 7)], 2.2, colour)
    pen.line([(0, 7), (-3.6, 17)], 2.2, colour)
    pen.line([(9, 7), (5.4, 18), (8.6, 20)], 2.2, colour)
    pen.box(-6.4, 16.6, -0.8, 18.6, INK)


def dog_standing(pen: Pen, colour: RGB, accent: RGB) -> None:
    dog(pen, colour, acting=False)


def dog_sitting(pen: Pen, colour: RGB, accent: RGB) -> None:
    pen.line([(-8, 3), (-13, 5)], 2.6, colour)
    pen.polygon([(-9, 0), (7, 0), (6, 10), (6, 16), (0, 16), (-6, 9)], colour)
    pen.box(3, 0, 6, 9, shade(colour, -0.25))
    pen.ellipse(4, 20, 5, 5, colour)
    pen.box(6, 16.4, 13.5, 20, colour)
    pen.ellipse(13, 19, 1.5, 1.5, INK)
    pen.ellipse(0.8, 18.6, 2.2, 5.2, shade(colour, -0.5))
    pen.ellipse(5.6, 21.6, 1.2, 1.4, INK)


OBJECT_SPRITES: dict[tuple[str, str], Callable[[Pen, RGB, RGB], None]] = {
    ("vase", "intact"): vase_intact,
    ("vase", "broken"): vase_broken,
    ("table", "whole"): table_whole,
    ("table", "broken"): table_broken,
    ("candle", "burning"): candle_burning,
    ("candle", "out"): candle_out,
    ("window", "whole"): window_whole,
    ("window", "cracked"): window_cracked,
    ("book", "flat"): book_flat,
    ("book", "turning"): book_turning,
    ("bicycle", "parked"): bicycle,
    ("dog", "standing"): dog_standing,
    ("dog", "sitting"): dog_sitting,
}


def wall_window(pen: Pen, colour: RGB, is_open: bool) -> None:
    """The small window of rooms with a candle or a book: the one a person opens to let the wind in."""
    pen.box(-7, 0, 7, 14, shade(colour, -0.1))
    if is_open:
        pen.box(-5.4, 1.6, 5.4, 12.4, INK)
        pen.polygon([(-7, 0), (-12, -2.5), (-12, 12.5), (-7, 14)], shade(colour, -0.1))
        pen.polygon([(7, 0), (12, -2.5), (12, 12.5), (7, 14)], shade(colour, -0.1))
    else:
        pen.box(-5.4, 1.6, 5.4, 12.4, PAPER)
        pen.box(-0.9, 1.6, 0.9, 12.4, shade(colour, -0.1))
