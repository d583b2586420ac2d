"""Contact sheets: a video a row, its frames over time, and under them what they should show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.media import lettering as ink
from reasondiff.media.clipbar import ClipSpan, ClipTexts, clip_bar
from reasondiff.media.joins import Join

__all__ = ["SheetRow", "contact_sheet"]

MARGIN, GAP, TILE, BORDER = 48, 10, 192, 6
HEADING, TITLE, TEXT, SMALL = 44, 32, 23, 20

_ABOVE_TEXTS = 1500
"""Pixels that a row's title, note, verdict (nine lines each at most), tiles and bar take at most."""


@dataclass(frozen=True)
class SheetRow:
    """One video on a sheet.

    Args:
        title: what it is.
        frames: uint8 [frames, height, width, 3]; None where there is no video, and ``verdict`` says why.
        anchor: the frame that the given image was placed at, 0-based.
        clips: what the frames should show.
        note: a line under the title, such as the user's text.
        verdict: what a judge says of it.
        passed: whether the verdict is a good one; None where nobody judged.
        fps: frames per second, for the times under the frames.
        given: the user's image, drawn before the frames.
        joins: where parts of the video meet; each is marked, and said under the title.
    """

    title: str
    frames: np.ndarray | None = field(default=None, repr=False)
    anchor: int | None = None
    clips: Sequence[ClipSpan] = ()
    note: str = ""
    verdict: str = ""
    passed: bool | None = None
    fps: float = 5.0
    given: Image.Image | None = field(default=None, repr=False)
    joins: Sequence[Join] = ()


@dataclass(frozen=True)
class _Strip:
    """A row whose frames have become tiles."""

    row: SheetRow
    num_frames: int
    frames: tuple[int, ...]
    tiles: tuple[Image.Image, ...]
    given: Image.Image | None

    @classmethod
    def of(cls, row: SheetRow, columns: int) -> _Strip:
        count = 0 if row.frames is None else len(row.frames)
        frames = tuple(sample(count, columns, row.anchor)) if count else ()
        tiles = tuple(_tile(row.frames[frame]) for frame in frames) if row.frames is not None else ()
        given = None if row.given is None else _tile(row.given)
        if given is not None and tiles:
            given.thumbnail(tiles[0].size, Image.Resampling.LANCZOS)
        return cls(replace(row, frames=None, given=None), count, frames, tiles, given)


class _Grid(NamedTuple):
    """Where things are, in pixels: the first tile's left edge, the distance from tile to tile, and the whole width."""

    left: int
    pitch: int
    width: int


def contact_sheet(rows: Iterable[SheetRow], path: str | Path, title: str = "", columns: int = 9) -> None:
    """Draw a PNG in which every row shows a video's frames over time.

    Args:
        rows: from top to bottom; taken one at a time, so that not all videos need be in memory at once.
        path: ends in ``.png``.
        title: over all rows.
        columns: frames per row, evenly spaced; the anchor's frame takes the place of the nearest one.

    Raises:
        InputError: no rows, or a place that cannot be written.
    """
    if Path(path).suffix.lower() != ".png":
        raise InputError(f"{str(path)!r} is not the name of a PNG file; let it end in '.png'.")
    strips = [_Strip.of(row, columns) for row in rows]
    if not strips:
        raise InputError("A contact sheet needs at least one video; give some.")
    pitch = GAP + max((tile.width for strip in strips for tile in strip.tiles), default=TILE)
    given = max((strip.given.width + 4 * GAP for strip in strips if strip.given), default=0)
    grid = _Grid(MARGIN + given, pitch, 2 * MARGIN + given + columns * pitch - GAP)
    parts = [_heading(title, grid.width)] if title else []
    parts += [_drawn(strip, grid) for strip in strips]
    sheet = Image.new("RGB", (grid.width, sum(part.height for part in parts) + MARGIN), ink.PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    with atomic_path(path) as partial:
        sheet.save(partial, optimize=True)


def sample(num_frames: int, columns: int, anchor: int | None = None) -> list[int]:
    """At most ``columns`` frames from first to last, evenly spaced but for the anchor, which is always among them."""
    frames = sorted({round(float(frame)) for frame in np.linspace(0, num_frames - 1, min(columns, num_frames))})
    if anchor is not None and anchor not in frames:
        nearest = min(frames, key=lambda frame: abs(frame - anchor))
        frames[frames.index(nearest)] = anchor
    return frames


def _tile(frame: np.ndarray | Image.Image) -> Image.Image:
    """A frame at the sheet's size: small ones by whole pixels, large ones smoothly."""
    image = Image.fromarray(frame) if isinstance(frame, np.ndarray) else frame
    if (factor := TILE // max(image.size)) >= 1:
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    scale = min(1.35 * TILE / image.width, 1.35 * TILE / image.height)
    return image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
    )


def _heading(text: str, width: int) -> Image.Image:
    lines = ink.wrap(text, HEADING, width - 2 * MARGIN)
    image = Image.new("RGB", (width, MARGIN + round(1.2 * HEADING * len(lines))), ink.PAPER)
    for number, line in enumerate(lines):
        ink.write(image, (MARGIN, MARGIN + 1.2 * HEADING * number), line, HEADING, bold=True)
    return image


def _drawn(strip: _Strip, grid: _Grid) -> Image.Image:
    row = strip.row
    x_of = _places(strip, grid)
    texts = ClipTexts.of(row.clips if strip.tiles else (), x_of, row.fps, (grid.left, grid.width - MARGIN))
    height = _ABOVE_TEXTS + texts.height
    image = Image.new("RGB", (grid.width, height), ink.PAPER)  # cut to its content below
    ImageDraw.Draw(image).line((MARGIN, 26, grid.width - MARGIN, 26), ink.LINE, 2)
    top = below = _title(image, row, 50)
    if strip.given is not None:
        image.paste(strip.given, (MARGIN, top))
        below = top + strip.given.height + GAP
        ink.write(image, (MARGIN, below), "given image", SMALL, ink.MUTED)
        below += SMALL + 14
    if strip.tiles:
        over = top - BORDER
        top = _tiles(image, strip, grid, top)
        for join in row.joins:
            x = x_of(join.frame - 0.5)
            ImageDraw.Draw(image).line((x, over, x, top - 8), ink.FAIL, 4)
    else:
        height = TILE // 2 if strip.given is None else strip.given.height
        ink.plate(image, (grid.left, top, grid.width - MARGIN, top + height), ink.PANEL)
        middle = ((grid.left + grid.width - MARGIN) / 2, top + height / 2)
        ink.write(image, middle, "no video", TEXT, ink.MUTED, centred=True)
        top += height + 14
    if strip.tiles and row.clips:
        top = clip_bar(image, row.clips, x_of, top) + 14
        top = texts.draw(image, top)
    return image.crop((0, 0, grid.width, max(top, below) + 24))


def _places(strip: _Strip, grid: _Grid) -> Callable[[float], float]:
    """The x of a frame: between the middles of the tiles, and at their outer edges for the ends."""
    if not strip.tiles:
        return lambda frame: float(grid.left)
    ends = strip.tiles[-1].width + grid.left + grid.pitch * (len(strip.tiles) - 1)
    centres = [grid.left + grid.pitch * number + tile.width / 2 for number, tile in enumerate(strip.tiles)]
    times, places = [-0.5, *strip.frames, strip.num_frames - 0.5], [grid.left, *centres, ends]
    return lambda frame: float(np.interp(frame, times, places))


def _tiles(image: Image.Image, strip: _Strip, grid: _Grid, top: int) -> int:
    """The frames with their positions under them; returns the y below."""
    for number, (frame, tile) in enumerate(zip(strip.frames, strip.tiles, strict=True)):
        x, label, colour, is_anchor = (
            grid.left + number * grid.pitch,
            f"{frame + 1}",
            ink.MUTED,
            frame == strip.row.anchor,
        )
        if is_anchor:
            label, colour = f"{frame + 1}  image here", ink.ACCENT
            ink.plate(image, (x - BORDER, top - BORDER, x + tile.width + BORDER, top + tile.height + BORDER), colour, 8)
        image.paste(tile, (x, top))
        ink.write(image, (x, top + tile.height + GAP), label, SMALL, colour, bold=is_anchor)
    return top + strip.tiles[0].height + GAP + SMALL + 14


def _title(image: Image.Image, row: SheetRow, top: int) -> int:
    right = image.width - MARGIN
    if row.verdict:
        colour = {True: ink.PASS, False: ink.FAIL, None: ink.MUTED}[row.passed]
        lines = ink.wrap(row.verdict, TEXT, 0.45 * image.width)
        across = max(ink.width_of(line, TEXT) for line in lines) + 36
        ink.plate(image, (right - across, top - 6, right, top + 30 * len(lines) + 8), colour, 10)
        for number, line in enumerate(lines):
            ink.write(image, (right - across + 18, top + 30 * number + 3), line, TEXT, ink.PAPER, bold=True)
        right -= round(across) + 2 * GAP
        floor = top + 30 * len(lines) + 8
    else:
        floor = top
    for line in ink.wrap(row.title, TITLE, right - MARGIN):
        ink.write(image, (MARGIN, top), line, TITLE, bold=True)
        top += 42
    for line in [part for text in (row.note, *map(str, row.joins)) for part in ink.wrap(text, TEXT, right - MARGIN)]:
        ink.write(image, (MARGIN, top), line, TEXT, ink.MUTED)
        top += 32
    return max(top, floor) + 16
