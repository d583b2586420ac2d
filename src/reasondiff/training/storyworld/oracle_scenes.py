"""Labelled frames for the oracle: takes and what never happens in them, with who and what is where.

Half of what the network learns from are frames of takes; in the other half things are moved, dropped, doubled,
recoloured, covered and blended, because the oracle judges frames that nobody drew.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from reasondiff.storyworld.palette import COLOURS, INK, PAPER, RGB, WALLS, shade
from reasondiff.storyworld.render import draw_backdrop
from reasondiff.storyworld.sprites import AGENT_SPRITES, OBJECT_SPRITES, Pen, ball, wall_window
from reasondiff.storyworld.stories import AGENTS, OBJECT_FOOT, SIZE, Take

__all__ = [
    "CLASSES",
    "Item",
    "Label",
    "choose_item",
    "draw_items",
    "items_of",
    "other_state",
    "perturb_scene",
    "roll_balls",
    "visibility",
]

_OBJECTS = tuple("/".join(key) for key in OBJECT_SPRITES if key != ("dog", "standing"))
CLASSES = (*AGENTS, *_OBJECTS, "wall/closed", "wall/open")
"""What the network tells apart. A standing dog is one class, whether the story's agent or its object."""

_MIDDLE = {"cat": 12, "dog": 12, "pig": 10, "ball": 8, "person": 18, "car": 10, "window": 12, "wall": 7}
"""Height of the labelled point over the foot, in sprite units; 9 for whatever stands on the floor."""
_SUPERSAMPLE = 4


@dataclass(frozen=True)
class Item:
    """One sprite to draw.

    Args:
        name: its class; "" for a patch that is nothing at all.
        x, y: its foot, in frame pixels, y down.
        turn: of a ball's patches, in radians.
    """

    name: str
    x: float
    y: float
    scale: float
    facing: int
    colour: RGB
    accent: RGB
    acting: bool = False
    shape: int = 0
    turn: float = 0.0

    @property
    def is_agent(self) -> bool:
        return self.name in AGENT_SPRITES

    @property
    def middle(self) -> tuple[float, float]:
        """The labelled point, clamped to the frame."""
        y = self.y - _MIDDLE.get(self.name.split("/")[0], 9) * self.scale
        return min(max(self.x, 1.0), SIZE - 1.0), min(max(y, 1.0), SIZE - 1.0)

    def draw(self, pen: Pen) -> None:
        if not self.name:
            _patch(pen, self)
        elif self.name == "ball":
            ball(pen, self.colour, self.acting, self.turn)
        elif self.is_agent:
            AGENT_SPRITES[self.name](pen, self.colour, self.acting)
        elif self.name.startswith("wall/"):
            wall_window(pen, self.colour, self.name == "wall/open")
        else:
            thing, state = self.name.split("/")
            OBJECT_SPRITES[thing, state](pen, self.colour, self.accent)


def items_of(take: Take, frame: int) -> list[Item]:
    """What ``render.draw_frame`` draws, in its order."""
    story = take.story

    def agent(name: str, pose: Any, colour: str) -> list[Item]:
        if pose is None:
            return []
        rgb = COLOURS[colour]
        return [Item(name, pose.x, pose.y, take.agent_scale, pose.facing, rgb, rgb, pose.acting)]

    def thing(name: str, state: str, x: float, y: float, scale: float, facing: int, colour: str) -> Item:
        kind = "dog" if (name, state) == ("dog", "standing") else f"{name}/{state}"
        return Item(kind, x, y, scale, facing, COLOURS[colour], COLOURS[take.accent])

    actor = agent(story.agent, take.agent_pose(frame), take.agent_colour)
    behind = take.variant == "behind"
    items: list[Item] = []
    if take.has_wall_window:
        is_open = story.at_window and frame >= take.phases["act"].start
        grey = shade(WALLS[take.wall], -0.45)
        items.append(
            Item(f"wall/{'open' if is_open else 'closed'}", take.window_x, take.horizon - 19, 1.0, 1, grey, grey)
        )
    if behind:
        items += actor
    if take.bystander is not None:
        items += agent(take.bystander.agent, take.bystander_pose(frame), take.bystander_colour)
        if take.variant == "two_objects":
            other = take.bystander
            items.append(
                thing(other.object, other.states[0], take.bystander_x, OBJECT_FOOT, 1.0, 1, take.bystander_colour)
            )
    items.append(
        thing(
            story.object,
            take.object_state(frame),
            take.object_x,
            take.object_y,
            take.object_scale,
            take.object_facing,
            take.object_colour,
        )
    )
    return items if behind else items + actor


def draw_items(take: Take, items: Sequence[Item]) -> Image.Image:
    """``items`` from back to front in the place of ``take``: RGB, 64 x 64."""
    scene = draw_backdrop(take).resize((SIZE * _SUPERSAMPLE,) * 2, Image.Resampling.NEAREST)
    canvas = ImageDraw.Draw(scene)
    for item in items:
        item.draw(Pen(canvas, item.x, item.y, item.scale, item.facing, _SUPERSAMPLE))
    return scene.reduce(_SUPERSAMPLE)


# -- how much of each can be seen -------------------------------------------------------------------------------------


class _Ink:
    """Stands in for a canvas and draws everything in one grey, so that who covers whom can be read off."""

    def __init__(self, canvas: ImageDraw.ImageDraw, grey: int) -> None:
        self.canvas, self.grey = canvas, grey

    def polygon(self, points: Any, fill: Any) -> None:
        self.canvas.polygon(points, fill=self.grey)

    def line(self, points: Any, fill: Any, width: int, joint: str) -> None:
        self.canvas.line(points, fill=self.grey, width=width)

    def ellipse(self, box: Any, fill: Any = None, outline: Any = None, width: int = 1) -> None:
        if fill is None:
            self.canvas.ellipse(box, outline=self.grey, width=width)
        else:
            self.canvas.ellipse(box, fill=self.grey)


def visibility(items: Sequence[Item]) -> list[float]:
    """The share of each item's own pixels that is inside the frame and not covered by later items: 0..1."""
    mask = Image.new("L", (SIZE, SIZE), 0)
    canvas = ImageDraw.Draw(mask)
    for grey, item in enumerate(items, 1):
        item.draw(Pen(_Ink(canvas, grey), item.x, item.y, item.scale, item.facing, 1))  # type: ignore[arg-type]
    counts = np.bincount(np.asarray(mask).ravel(), minlength=len(items) + 1)[1:]
    return [
        min(1.0, count / max(1.0, _area(item.name, item.acting, item.shape) * item.scale**2))
        for count, item in zip(counts.tolist(), items, strict=True)
    ]


@cache
def _area(name: str, acting: bool, shape: int) -> float:
    """Pixels of a sprite drawn alone at scale 1."""
    mask = Image.new("L", (3 * SIZE, 3 * SIZE), 0)
    item = Item(name, 1.5 * SIZE, 2.0 * SIZE, 1.0, 1, INK, INK, acting, shape)
    item.draw(Pen(_Ink(ImageDraw.Draw(mask), 1), item.x, item.y, 1.0, 1, 1))  # type: ignore[arg-type]
    return float(np.asarray(mask).sum())


def _patch(pen: Pen, item: Item) -> None:
    """A shape that is nothing: what a generator leaves where it could not decide."""
    chance = random.Random(item.shape)
    middle = (chance.uniform(-4, 4), chance.uniform(6, 14))
    for _ in range(chance.randint(1, 3)):
        colour = chance.choice((item.colour, item.colour, item.accent, shade(item.colour, -0.3), INK, PAPER))
        x, y = middle[0] + chance.uniform(-7, 7), middle[1] + chance.uniform(-6, 6)
        if chance.random() < 0.5:
            pen.ellipse(x, y, chance.uniform(3, 10), chance.uniform(3, 9), colour)
        else:
            points = [(x + chance.uniform(-10, 10), y + chance.uniform(-9, 9)) for _ in range(chance.randint(3, 6))]
            pen.polygon(points, colour)


# -- what never happens in a take -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Label:
    """An item and how much of it a frame shows.

    Args:
        item: what.
        share: of its pixels in sight, 0..1.
        strength: of its ink; below 1 where two pictures are blended.
    """

    item: Item
    share: float
    strength: float = 1.0


def choose_item(items: Sequence[Item], rng: random.Random, *, agents: float) -> int:
    """The index of one item: of an agent with a chance of ``agents`` each, else of any."""
    chosen = [index for index, item in enumerate(items) if item.is_agent and rng.random() < agents]
    return rng.choice(chosen or range(len(items)))


def roll_balls(items: Sequence[Item], rng: random.Random) -> list[Item]:
    """``items`` with every ball's patches turned, as a rolling ball shows them: whoever names a ball does not mind."""
    return [replace(item, turn=rng.uniform(0, 2 * math.pi)) if item.name == "ball" else item for item in items]


def perturb_scene(items: list[Item], rng: random.Random) -> list[Item]:
    """Move, drop, double, recolour, restate or cover some of ``items``, and add strangers."""
    items = list(items)
    for index, item in enumerate(items):
        if item.name.startswith("wall/"):
            continue
        if rng.random() < 0.5:
            dx, dy = rng.uniform(-30, 30), rng.uniform(-4, 4)
            near = item.x if -8 < item.x < SIZE + 8 else rng.uniform(4, SIZE - 4)
            item = replace(item, x=min(max(near + dx, -6), SIZE + 6), y=item.y + dy)
        if rng.random() < 0.5:
            item = replace(item, scale=item.scale * rng.uniform(0.8, 1.2), facing=rng.choice((-1, 1)))
        if rng.random() < 0.4:
            item = replace(item, colour=_colour(rng), accent=_colour(rng))
        if not item.is_agent and rng.random() < 0.4:
            item = replace(item, name=other_state(item.name))
        items[index] = item
    if items and rng.random() < 0.2:
        items.pop(rng.randrange(len(items)))
    agents = [item for item in items if item.is_agent]
    if agents and rng.random() < 0.25:  # two of a kind
        twin = rng.choice(agents)
        items.append(replace(twin, x=(twin.x + rng.uniform(14, 50)) % SIZE, facing=rng.choice((-1, 1))))
    if rng.random() < 0.35:
        items.append(_stranger(rng.choice(AGENTS), rng))
    if rng.random() < 0.15:
        items.insert(0, _stranger(rng.choice(_OBJECTS), rng))
    if rng.random() < 0.25:
        items.append(_stranger("", rng))
    if rng.random() < 0.2:
        rng.shuffle(items)
    return items


def _stranger(name: str, rng: random.Random) -> Item:
    foot = rng.uniform(30, 42) if name.startswith("window") else rng.uniform(42, 63)
    scale, shape = rng.uniform(0.9, 1.3), rng.randrange(1000) if not name else 0
    acting = name in AGENT_SPRITES and rng.random() < 0.3
    facing = rng.choice((-1, 1))
    return Item(name, rng.uniform(-4, SIZE + 4), foot, scale, facing, _colour(rng), _colour(rng), acting, shape)


def other_state(name: str) -> str:
    thing = name.split("/")[0]
    states = [other for other in _OBJECTS if other.split("/")[0] == thing and other != name]
    return states[0] if states else name


def _colour(rng: random.Random) -> RGB:
    if rng.random() < 0.7:
        return rng.choice(list(COLOURS.values()))
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)
