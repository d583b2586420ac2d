"""Ways in which a generator spoils a thing that should be there: shades, smears, many colours, wrong parts, melting.

A *layer* is what a thing adds to the picture without it: picture minus rest, float32 [height, width, 3]. Each function
takes layers and returns one; ``onto`` puts it back. The oracle learns from such frames, and is tested on such clips.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np

__all__ = ["clot", "fade", "fade_part", "graft", "layer_of", "onto", "outline", "patch", "share_of", "smear", "warp"]

_INK = 6.0
"""A difference of colour (0..255) from which on a pixel belongs to a thing."""


def layer_of(picture: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """What ``picture`` has more than ``rest``; both uint8 [height, width, 3]."""
    return picture.astype(np.float32) - rest


def onto(rest: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """The picture: uint8 [height, width, 3]."""
    return (rest + layer).clip(0, 255).round().astype(np.uint8)


def outline(layer: np.ndarray) -> np.ndarray:
    """The pixels of a thing: bool [height, width]."""
    return np.abs(layer).max(-1) > _INK


def share_of(part: np.ndarray, layer: np.ndarray) -> float:
    """The share of a thing's pixels in ``part`` (0..1 [height, width]): 0..1."""
    inside = outline(layer)
    return float(part[inside].mean()) if inside.any() else 0.0


def fade(layer: np.ndarray, strength: float) -> np.ndarray:
    """A shade of a thing: ``strength`` (0..1) of its ink."""
    return layer * np.float32(strength)


def ramp(layer: np.ndarray, kept: float, angle: float, softness: float = 2.0) -> np.ndarray:
    """1 over the ``kept`` share (0..1) of a thing's pixels that lie farthest towards ``angle``, 0 over the others.

    Args:
        softness: pixels over which one becomes the other.
    """
    rows, columns = np.indices(layer.shape[:2], np.float32)
    along = columns * math.cos(angle) + rows * math.sin(angle)
    inside = outline(layer)
    border = float(np.quantile(along[inside], 1 - kept)) if inside.any() else 0.0
    return 0.5 + 0.5 * np.tanh((along - border) / (2 * softness))


def fade_part(layer: np.ndarray, kept: float, angle: float, rest: float = 0.0) -> np.ndarray:
    """A thing of which only the share ``kept`` is left, ``rest`` of the ink of the other."""
    mask = ramp(layer, kept, angle)[..., None]
    return layer * (mask + (1 - mask) * np.float32(rest))


def graft(layer: np.ndarray, other: np.ndarray, kept: float, angle: float) -> np.ndarray:
    """A thing of which only the share ``kept`` is its own, and the rest is another's."""
    mask = ramp(layer, kept, angle, softness=0.7)[..., None]
    return layer * mask + other * (1 - mask)


def waves(shape: tuple[int, ...], middle: tuple[float, float], length: float, seed: int) -> np.ndarray:
    """Smooth noise about 0 of deviation 1 that goes along with a thing: float32 [2, height, width].

    Args:
        middle: x and y of the thing.
        length: the waves' length in pixels.
    """
    chance = random.Random(seed)
    rows, columns = np.indices(shape[:2], np.float32)
    total = np.zeros((2, *shape[:2]), np.float32)
    for field in total:
        for _ in range(6):
            angle, phase = chance.uniform(0, 2 * math.pi), chance.uniform(0, 2 * math.pi)
            pace = 2 * math.pi / (length * chance.uniform(0.7, 1.6))
            along = (columns - middle[0]) * math.cos(angle) + (rows - middle[1]) * math.sin(angle)
            field += np.sin(along * pace + phase) * math.sqrt(2 / 6)
    return total


def patch(layers: Sequence[np.ndarray], middle: tuple[float, float], seed: int) -> tuple[np.ndarray, float]:
    """A thing in several colours at once, patch by patch, and the share of its pixels in its commonest colour."""
    first, second = waves(layers[0].shape, middle, 14.0, seed)
    chosen = (first > 0).astype(int) + 2 * (second > 0)
    chosen = chosen % len(layers)
    inside = outline(layers[0])
    counts = np.bincount(chosen[inside], minlength=len(layers))
    pieces = [layer * (chosen == number)[..., None] for number, layer in enumerate(layers)]
    return np.sum(pieces, axis=0), float(counts.max() / max(1, counts.sum()))


def smear(layer: np.ndarray, span: float, copies: int = 7) -> np.ndarray:
    """A thing drawn out sideways over ``span`` pixels, as one that was never decided on."""
    total = np.zeros_like(layer)
    for number in range(copies):
        shift = round(span * (number / (copies - 1) - 0.5))
        moved = np.roll(layer, shift, axis=1)
        if shift > 0:
            moved[:, :shift] = 0
        elif shift < 0:
            moved[:, shift:] = 0
        total += moved
    return total / copies


def warp(layer: np.ndarray, middle: tuple[float, float], amount: float, seed: int) -> np.ndarray:
    """A thing that has run: its pixels are taken from places up to about ``amount`` pixels away."""
    height, width = layer.shape[:2]
    rows, columns = np.indices((height, width), np.float32)
    dx, dy = amount * waves(layer.shape, middle, 20.0, seed)
    y, x = (rows + dy).clip(0, height - 1.001), (columns + dx).clip(0, width - 1.001)
    top, left = y.astype(int), x.astype(int)
    v, u = (y - top)[..., None], (x - left)[..., None]
    above = layer[top, left] * (1 - u) + layer[top, left + 1] * u
    below = layer[top + 1, left] * (1 - u) + layer[top + 1, left + 1] * u
    return above * (1 - v) + below * v


def clot(layer: np.ndarray, radius: float) -> np.ndarray:
    """A thing without parts: every pixel has the mean of those within about ``radius`` pixels."""
    reach = round(2 * radius)
    places = np.arange(-reach, reach + 1)
    kernel = np.exp(-(places**2) / (2 * radius**2)).astype(np.float32)
    kernel /= kernel.sum()

    def along(axis: int, field: np.ndarray) -> np.ndarray:
        return np.apply_along_axis(lambda line: np.convolve(line, kernel, mode="same"), axis, field)

    inside = outline(layer).astype(np.float32)[..., None]
    soft, share = along(0, along(1, layer)), along(0, along(1, inside))
    solid = (share > 0.35).astype(np.float32)
    return solid * soft / share.clip(min=0.2)
