"""Bars of ratios to one of several, in groups: Figure 5a of the paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from PIL import Image

from reasondiff.errors import InputError
from reasondiff.media import lettering as ink

__all__ = ["ratio_bars"]

MARGIN, BAR, GAP, TALL, LABEL, SMALL = 60, 34, 46, 420, 20, 14


def ratio_bars(groups: Mapping[str, Sequence[float | None]], names: Sequence[str], title: str = "") -> Image.Image:
    """Draw bars over a line at 1.

    Args:
        groups: by metric, a ratio per name; None where there is none, and a dash stands in its place.
        names: of the bars within every group.
        title: over all.

    Raises:
        InputError: there is nothing to draw, or a group has another number of bars than there are names.
    """
    if not groups or not names:
        raise InputError("Ratio bars need at least one metric and one method; give some.")
    if any(len(ratios) != len(names) for ratios in groups.values()):
        raise InputError(f"Every metric needs {len(names)} ratios; give None where there is none.")
    known = [ratio for ratios in groups.values() for ratio in ratios if ratio is not None and math.isfinite(ratio)]
    highest = min(max([1.1, *known]), 3.0)
    across = len(names) * BAR + GAP
    width = max(2 * MARGIN + across * len(groups), 900)
    legend = _legend(names, width)
    head = ink.wrap(title, 30, width - 2 * MARGIN)
    top = MARGIN + 44 * len(head) + legend.height
    image = Image.new("RGB", (width, top + TALL + 190), ink.PAPER)
    for number, line in enumerate(head):
        ink.write(image, (MARGIN, MARGIN / 2 + 44 * number), line, 30, bold=True)
    image.paste(legend, (0, MARGIN + 44 * len(head) - 20))
    floor = top + TALL

    def y_of(ratio: float) -> float:
        return floor - TALL * min(ratio, highest) / highest * 0.92

    for group, (metric, ratios) in enumerate(groups.items()):
        left = MARGIN + group * across
        for number, ratio in enumerate(ratios):
            _bar(image, left + number * BAR, y_of, floor, ratio, ink.clip_colour(number))
        for number, line in enumerate(ink.wrap(metric, LABEL, across - 16, most=6)):
            ink.write(image, (left, floor + 34 + 24 * number), line, LABEL, ink.MUTED)
    deepest = max(len(ink.wrap(metric, LABEL, across - 16, most=6)) for metric in groups)
    ink.plate(image, (MARGIN - 14, y_of(1) - 1, width - MARGIN, y_of(1) + 1), ink.INK, 0)
    ink.write(image, (MARGIN - 46, y_of(1) - 12), "1.0", LABEL, ink.INK)
    for group, ratios in enumerate(groups.values()):  # over the line, which would cross some of them out
        for number, ratio in enumerate(ratios):
            _label(image, MARGIN + group * across + (number + 0.5) * BAR, y_of, floor, ratio)
    return image.crop((0, 0, width, floor + 34 + 24 * deepest + 30))


def _bar(
    image: Image.Image,
    left: float,
    y_of: Callable[[float], float],
    floor: float,
    ratio: float | None,
    colour: str,
) -> None:
    if ratio is None or not math.isfinite(ratio):
        return
    high = y_of(max(ratio, 0.0))
    ink.plate(image, (left + 2, min(high, floor - 2), left + BAR - 2, floor), colour, 4)


def _label(
    image: Image.Image, middle: float, y_of: Callable[[float], float], floor: float, ratio: float | None
) -> None:
    if ratio is None or not math.isfinite(ratio):
        ink.write(image, (middle, floor - 14), "-", LABEL, ink.MUTED, centred=True)
        return
    text, height = f"{ratio:.2f}", y_of(max(ratio, 0.0)) - 12
    half = ink.width_of(text, SMALL) / 2 + 1
    ink.plate(image, (middle - half, height - 9, middle + half, height + 9), ink.PAPER, 0)
    ink.write(image, (middle, height), text, SMALL, ink.MUTED, centred=True)


def _legend(names: Sequence[str], width: int) -> Image.Image:
    image = Image.new("RGB", (width, 34 * len(names) + 20), ink.PAPER)
    left, top = MARGIN, 0
    for number, name in enumerate(names):
        long = ink.width_of(name, LABEL) + 60
        if left + long > width - MARGIN and left > MARGIN:
            left, top = MARGIN, top + 34
        ink.plate(image, (left, top + 4, left + 20, top + 24), ink.clip_colour(number), 4)
        ink.write(image, (left + 30, top + 2), name, LABEL)
        left += round(long)
    return image.crop((0, 0, width, top + 44))
