"""Frames with one thing spoiled as a generator spoils it, and how much of the thing is still to be told."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from reasondiff.storyworld import degradations
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.sprites import AGENT_SPRITES
from reasondiff.storyworld.stories import Take
from reasondiff.training.storyworld.oracle_scenes import Item, Label, choose_item, draw_items, other_state

__all__ = ["GHOST", "SOLID", "spoil"]

SOLID, GHOST = 0.8, 0.55
"""A thing of at least the first strength is there; of less than the second it is not; between them it is unclear."""


@dataclass(frozen=True)
class _Scene:
    """A thing and what is drawn around it.

    Args:
        take: its place.
        items: all, from back to front.
        index: of the thing.
        rest: the picture without it, uint8 [height, width, 3].
        layer: what it adds to that.
    """

    take: Take
    items: list[Item]
    index: int
    rest: np.ndarray
    layer: np.ndarray

    @property
    def item(self) -> Item:
        return self.items[self.index]

    def instead(self, item: Item) -> np.ndarray:
        """The layer of another thing in its place."""
        items = [*self.items[: self.index], item, *self.items[self.index + 1 :]]
        return degradations.layer_of(np.asarray(draw_items(self.take, items)), self.rest)


Spoil = Callable[[_Scene, random.Random], tuple[np.ndarray, float]]
"""A spoiled layer, and the strength of what is left of the thing."""


def spoil(take: Take, items: list[Item], labels: list[Label], rng: random.Random) -> tuple[np.ndarray, list[Label]]:
    """The picture of ``items`` with one of them spoiled, mostly an agent."""
    index = choose_item(items, rng, agents=0.8)
    picture, rest = (np.asarray(draw_items(take, some)) for some in (items, items[:index] + items[index + 1 :]))
    scene = _Scene(take, items, index, rest, degradations.layer_of(picture, rest))
    layer, strength = rng.choice(_WAYS)(scene, rng)
    changed = [*labels[:index], replace(labels[index], strength=strength), *labels[index + 1 :]]
    return degradations.onto(rest, layer), changed


def _shade(scene: _Scene, rng: random.Random) -> tuple[np.ndarray, float]:
    strength = rng.uniform(0.25, 1)
    return degradations.fade(scene.layer, strength), strength


def _half(scene: _Scene, rng: random.Random) -> tuple[np.ndarray, float]:
    kept, rest = rng.uniform(0.25, 0.95), rng.uniform(0, 0.45)
    layer = degradations.fade_part(scene.layer, kept, rng.uniform(0, 2 * math.pi), rest)
    return layer, _strength(kept, there=0.9, gone=0.7)


def _colours(scene: _Scene, rng: random.Random) -> tuple[np.ndarray, float]:
    others = rng.sample(sorted(COLOURS.values()), rng.choice((1, 2, 2)))
    layers = [scene.layer, *(scene.instead(replace(scene.item, colour=c, accent=c)) for c in others)]
    layer, commonest = degradations.patch(layers, scene.item.middle, rng.randrange(2**31))
    return layer, _strength(commonest, there=0.95, gone=0.85)


def _parts(scene: _Scene, rng: random.Random) -> tuple[np.ndarray, float]:
    if scene.item.is_agent:
        name = rng.choice([other for other in AGENT_SPRITES if other != scene.item.name])
    else:
        name = other_state(scene.item.name)
    kept, angle = rng.uniform(0.3, 0.95), rng.choice((0.0, 0.5, 1.0, 1.5)) * math.pi
    layer = degradations.graft(scene.layer, scene.instead(replace(scene.item, name=name)), kept, angle)
    return layer, _strength(kept, there=0.92, gone=0.75)


def _smear(scene: _Scene, rng: random.Random) -> tuple[np.ndarray, float]:
    span = rng.uniform(2, 18)
    return degradations.smear(scene.layer, span), _strength(-span, there=-5, gone=-8)


def _warp(scene: _Scene, rng: random.Random) -> tuple[np.ndarray, float]:
    amount = rng.uniform(0.5, 6)
    layer = degradations.warp(scene.layer, scene.item.middle, amount, rng.randrange(2**31))
    return layer, _strength(-amount, there=-1.2, gone=-2.3)


_WAYS: tuple[Spoil, ...] = (_shade, _half, _colours, _parts, _smear, _warp)


def _strength(value: float, *, there: float, gone: float) -> float:
    """1 from ``there`` on, 0 below ``gone``, unclear between them."""
    return 1.0 if value >= there else 0.0 if value < gone else GHOST
