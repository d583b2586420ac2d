"""The clips of a story drawn to scale: a bar, and under it what each clip shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from reasondiff.media import lettering as ink

__all__ = ["ClipSpan", "ClipTexts", "clip_bar"]

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


class _Block(NamedTuple):
    """What one clip shows, laid out; ``x`` and ``y`` are of its top left corner below the first text."""

    number: int
    x: float
    y: int
    span: str
    lines: list[str]


@dataclass(frozen=True)
class ClipTexts:
    """What each clip shows, laid out under its part of the bar where there is room, in rows where there is not.

    Args:
        blocks: one per clip.
        height: of all of them, in pixels, so that a canvas can be made as large as is needed.
    """

    blocks: Sequence[_Block]
    height: int

    @classmethod
    def of(
        cls, clips: Sequence[ClipSpan], x_of: Callable[[float], float], fps: float, edges: tuple[int, int]
    ) -> ClipTexts:
        """Lay the texts out between two ``edges``; ``x_of`` gives the x of a frame, ``fps`` is for the times."""
        left, right = edges
        per_row = max(1, (right - left + GAP) // (NARROWEST + GAP))
        blocks: list[_Block] = []
        top = 0
        for first in range(0, len(clips), per_row):
            row = clips[first : first + per_row]
            tallest = 0
            for number, (clip, (x, width)) in enumerate(zip(row, _columns(row, x_of, left, right), strict=True), first):
                lines = ink.wrap(clip.description, TEXT, width)
                blocks.append(_Block(number, x, top, _span(clip, fps), lines))
                tallest = max(tallest, LEADING * (1 + len(lines)))
            top += tallest + GAP
        return cls(blocks, max(0, top - GAP))

    def draw(self, image: Image.Image, top: int) -> int:
        """Draw the texts and return the y below."""
        for block in self.blocks:
            label, y = f"{block.number + 1}", top + block.y
            ink.write(image, (block.x, y), label, SMALL, ink.clip_colour(block.number), bold=True)
            ink.write(image, (block.x + ink.width_of(label, SMALL) + 9, y), block.span, SMALL, ink.MUTED)
            for line in block.lines:
                y += LEADING
                ink.write(image, (block.x, y), line, TEXT)
        return top + self.height


def _span(clip: ClipSpan, fps: float) -> str:
    frames = f"frames {clip.start + 1}-{clip.end}" if clip.end - clip.start > 1 else f"frame {clip.end}"
    return f"{frames}, {clip.start / fps:.1f}-{clip.end / fps:.1f} s"


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
