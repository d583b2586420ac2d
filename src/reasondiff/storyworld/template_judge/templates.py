"""Sprites as templates: how much of each pixel is the thing's, and how its colour follows from the one drawn with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from reasondiff.storyworld.palette import RGB
from reasondiff.storyworld.sprites import AGENT_SPRITES, OBJECT_SPRITES, Pen, ball

__all__ = ["SCALES", "Template", "agent_templates", "object_templates"]

_SUPERSAMPLE = 4
_WIDE, _HIGH, _FOOT = 60, 48, 44
"""The sheet a sprite is drawn on, and the row of its foot; it is cut to what it covers, and a border."""
_BORDER = 3
_SOFT = 0.7
"""Templates and frames are both blurred by so much (a Gaussian, in pixels): the last pixel of an edge says nothing."""
SCALES = (1.1, 1.16, 1.23)
TURNS = (0, 18, 36, 54)
"""Degrees; a ball looks the same again after 72."""

Draw = Callable[[Pen, RGB, RGB], None]


@dataclass(frozen=True, eq=False)
class Template:
    """A sprite. In colours c and a (0..255) it makes of a backdrop b: ``(1 - cover) b + own c + accent a + rest``.

    Args:
        cover, own, accent: float32 [height, width].
        rest: float32 [height, width, 3].
        foot: column and row of the sprite's foot in the template.
        state: of an object; whether an agent acts; how far a ball is turned.
        scale: frame pixels per sprite unit.
        facing: 1 to the right, -1 to the left.
    """

    cover: np.ndarray
    own: np.ndarray
    accent: np.ndarray
    rest: np.ndarray
    foot: tuple[int, int]
    state: str
    scale: float
    facing: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.cover.shape[0], self.cover.shape[1]

    def ink(self, colour: np.ndarray, accent: np.ndarray) -> np.ndarray:
        """What it adds to a backdrop that it has covered, in two colours: float32 [height, width, 3]."""
        return self.own[..., None] * colour + self.accent[..., None] * accent + self.rest

    def on(self, backdrop: np.ndarray, colour: np.ndarray, accent: np.ndarray) -> np.ndarray:
        """The picture of it before ``backdrop`` [height, width, 3]."""
        return (1 - self.cover[..., None]) * backdrop + self.ink(colour, accent)


@cache
def agent_templates(agent: str) -> tuple[Template, ...]:
    """An agent in both directions, at rest and acting, at the sizes it is drawn in; a ball as it may have rolled."""
    sprite = AGENT_SPRITES[agent]
    if agent == "ball":
        return tuple(_template(_turned(turn), f"turned by {turn}", scale, 1) for turn in TURNS for scale in SCALES)

    def drawn(acting: bool) -> Draw:
        return lambda pen, colour, accent: sprite(pen, colour, acting)

    return tuple(
        _template(drawn(acting), "acting" if acting else "", scale, facing)
        for acting in (False, True)
        for scale in SCALES
        for facing in (-1, 1)
    )


def _turned(degrees: int) -> Draw:
    return lambda pen, colour, accent: ball(pen, colour, acting=False, turn=math.radians(degrees))


@cache
def object_templates(thing: str, state: str) -> tuple[Template, ...]:
    """An object in a state, at the sizes it is drawn in."""
    sprite = OBJECT_SPRITES[thing, state]
    return tuple(_template(sprite, state, scale, facing) for scale in SCALES for facing in (-1, 1))


def _template(draw: Draw, state: str, scale: float, facing: int) -> Template:
    black, white = (0, 0, 0), (255, 255, 255)

    def sheet(ground: RGB, colour: RGB, accent: RGB) -> np.ndarray:
        canvas = Image.new("RGB", (_WIDE * _SUPERSAMPLE, _HIGH * _SUPERSAMPLE), ground)
        draw(Pen(ImageDraw.Draw(canvas), _WIDE / 2, _FOOT, scale, facing, _SUPERSAMPLE), colour, accent)
        soft = canvas.reduce(_SUPERSAMPLE).filter(ImageFilter.GaussianBlur(_SOFT))
        return np.asarray(soft, np.float32)

    rest, own, accent = (sheet(black, *colours) for colours in ((black, black), (white, black), (black, white)))
    cover = 1 - (sheet(white, black, black) - rest).mean(-1) / 255
    rows, columns = np.nonzero(cover > 0.02)
    top, left = max(0, rows.min() - _BORDER), max(0, columns.min() - _BORDER)
    cut = np.s_[top : rows.max() + 1 + _BORDER, left : columns.max() + 1 + _BORDER]
    return Template(
        cover=cover[cut],
        own=((own - rest).mean(-1) / 255)[cut],
        accent=((accent - rest).mean(-1) / 255)[cut],
        rest=rest[cut],
        foot=(_WIDE // 2 - int(left), _FOOT - int(top)),
        state=state,
        scale=scale,
        facing=facing,
    )
