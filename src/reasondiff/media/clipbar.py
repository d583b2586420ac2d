"""The clips of a story drawn to scale: a bar, and under it what each clip shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from PIL import Image

from reasondiff.media import lettering as ink

__all__ = ["ClipSpan", "clip_bar", "clip_texts"]

BAR, GAP, NARROWEST = 30, 20, 250
SMALL, TEXT, LEADING = 20, 23, 29


class ClipSpan(NamedTuple):
    """A run of frames with one description; ``start`` is 0-based, ``end`` is one past the last frame."""

    start: int
    end: int
    description: str


def clip_bar(image: Image.Image, clips: Sequence[ClipSpan], x_of: Callable[[float], float], top: int) -> int:
    """Draw the clips to scale and return the y below; ``x_of`` gives the x of a frame, clips end half a frame later."""
    for number, clip in enumerate(clips):
        left, right = x_of(clip.start - 0.5), x_of(clip.end - 0.5)
        ink.plate(image, (left + 1, top, right - 1, top + BAR), ink.clip_colour(number), radius=5)
        if right - left > ink.width_of(str(number + 1), SMALL) + 6:
            middle = ((left + right) / 2, top + BAR / 2)
            ink.write(image, middle, str(number + 1), SMALL, ink.PAPER, bold=True, centred=True)
    return top + BAR


def clip_texts(
    image: Image.Image,
    clips: Sequence[ClipSpan],
    x_of: Callable[[float], float],
    top: int,
    fps: float,
    edges: tuple[int, int],
) -> int:
    """Draw what each clip shows, under its part of the bar where there is room, and return the y below."""
    left, right = edges
    per_row = max(1, (right - left + GAP) // (NARROWEST + GAP))
    for first in range(0, len(clips), per_row):
        row = clips[first : first + per_row]
        bottom = top
        for number, (clip, (x, width)) in enumerate(zip(row, _columns(row, x_of, left, right), strict=True), first):
            bottom = max(bottom, _text(image, clip, number, (x, top), width, fps))
        top = bottom + GAP
    return top - GAP if clips else top


def _text(image: Image.Image, clip: ClipSpan, number: int, place: tuple[float, int], width: float, fps: float) -> int:
    x, y = place
    span = f"frames {clip.start + 1}-{clip.end}" if clip.end - clip.start > 1 else f"frame {clip.end}"
    label = f"{number + 1}"
    ink.write(image, (x, y), label, SMALL, ink.clip_colour(number), bold=True)
    seconds = f"{clip.start / fps:.1f}-{clip.end / fps:.1f} s"
    ink.write(image, (x + ink.width_of(label, SMALL) + 9, y), f"{span}, {seconds}", SMALL, ink.MUTED)
    y += LEADING
    for line in ink.wrap(clip.description, TEXT, width):
        ink.write(image, (x, y), line, TEXT)
        y += LEADING
    return y


def _columns(
    clips: Sequence[ClipSpan], x_of: Callable[[float], float], left: int, right: int
) -> list[tuple[float, float]]:
    """Left edge and width of each text: under its clip where there is room, never narrower than readable."""
    starts, taken = [], float(left)
    for clip in clips:
        starts.append(max(x_of(clip.start - 0.5), taken))
        taken = starts[-1] + NARROWEST + GAP
    limit = float(right + GAP)
    for index in reversed(range(len(starts))):
        starts[index] = min(starts[index], limit - GAP - NARROWEST)
        limit = starts[index]
    ends = [*starts[1:], float(right + GAP)]
    return [(start, end - GAP - start) for start, end in zip(starts, ends, strict=True)]
