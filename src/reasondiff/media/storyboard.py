"""A story's timeline, in the terminal and as an image: clips to scale, and the place of the given image."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from PIL import Image, ImageDraw
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reasondiff.media import lettering as ink
from reasondiff.media.clipbar import ClipSpan, clip_bar, clip_texts
from reasondiff.narrative import Narrative

__all__ = ["clip_spans", "timeline_image", "timeline_text"]

WIDTH, MARGIN, PICTURE = 1600, 60, 260


def clip_spans(narrative: Narrative) -> list[ClipSpan]:
    """The clips as the drawings of ``media`` take them."""
    return [ClipSpan(clip.start, clip.end, clip.description) for clip in narrative.clips]


def timeline_text(narrative: Narrative, width: int = 100) -> RenderableType:
    """The timeline for a terminal of ``width`` columns, printed by rich."""
    columns = max(20, min(width, 120) - 2)
    colours = [_clip_of_column(narrative, column, columns) for column in range(columns)]
    bar = Text()
    for number in range(len(narrative.clips)):
        if length := colours.count(number):
            block = "│" + f" {number + 1} ".center(length - 1, "─")  # the lines show where there is no colour
            bar.append(block[:length], f"bold white on {ink.clip_colour(number)}")
    pin = Text(" " * _column(narrative, narrative.anchor_frame, columns) + "▲", f"bold {ink.ACCENT}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("clip", "frames", "seconds", ""):
        table.add_column(name, justify="right" if name else "left", no_wrap=bool(name))
    for number, clip in enumerate(narrative.clips):
        shown = Text(clip.description)
        if narrative.anchor_frame in clip:
            shown.append("  ▲ the image", f"bold {ink.ACCENT}")
        table.add_row(
            Text(str(number + 1), f"bold {ink.clip_colour(number)}"),
            f"{clip.start + 1}-{clip.end}",
            f"{clip.start * narrative.interval:.1f}-{clip.end * narrative.interval:.1f}",
            shown,
        )
    parts: list[RenderableType] = [Text(_where(narrative)), Text(), bar, pin, table]
    if narrative.style:
        parts += [Text(), Text.assemble(("style      ", "dim"), narrative.style)]
    if narrative.reasoning:
        parts += [Text(), Text.assemble(("reasoning  ", "dim"), narrative.reasoning)]
    return Group(*parts)


def timeline_image(narrative: Narrative, image: Image.Image | None = None, title: str = "") -> Image.Image:
    """The timeline as an image, 1600 pixels wide, with the given ``image`` standing at its place."""
    spans, left, right = clip_spans(narrative), MARGIN, WIDTH - MARGIN
    canvas = Image.new("RGB", (WIDTH, 1600 + 300 * len(spans)), ink.PAPER)  # cut to its content below
    draw, top = ImageDraw.Draw(canvas), MARGIN

    def x_of(frame: float) -> float:
        return left + (right - left) * (frame + 0.5) / narrative.num_frames

    for line in ink.wrap(title, 36, right - left):
        ink.write(canvas, (left, top), line, 36, bold=True)
        top += 50
    for line in ink.wrap(_where(narrative), 23, right - left):
        ink.write(canvas, (left, top), line, 23, ink.MUTED)
        top += 44
    pin = x_of(narrative.anchor_frame)
    if image is not None:
        picture = image.copy()
        picture.thumbnail((PICTURE, PICTURE), Image.Resampling.LANCZOS)
        if (factor := PICTURE // max(image.size)) > 1:
            picture = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        x = round(min(max(pin - picture.width / 2, left), right - picture.width))
        ink.plate(canvas, (x - 6, top - 6, x + picture.width + 6, top + picture.height + 6), ink.ACCENT, 8)
        canvas.paste(picture, (x, top))
        top += picture.height + 6
    draw.line((pin, top, pin, top + 34), ink.ACCENT, 4)
    draw.polygon([(pin - 10, top + 30), (pin + 10, top + 30), (pin, top + 46)], ink.ACCENT)
    top = clip_bar(canvas, spans, x_of, top + 50) + 6
    top = _axis(canvas, narrative, x_of, top)
    top = clip_texts(canvas, spans, x_of, top + 26, 1 / narrative.interval, (left, right))
    for name, text in (("Style", narrative.style), ("Reasoning", narrative.reasoning)):
        if text:
            top += 34
            ink.write(canvas, (left, top), name, 20, ink.MUTED)
            for line in ink.wrap(text, 23, right - left - 140):
                ink.write(canvas, (left + 140, top - 2), line, 23)
                top += 30
    return canvas.crop((0, 0, WIDTH, round(top) + MARGIN))


def _axis(canvas: Image.Image, narrative: Narrative, x_of: Callable[[float], float], top: int) -> int:
    """Ticks at round distances, each with its position and its time."""
    draw = ImageDraw.Draw(canvas)
    steps = (scale * digit for scale in (10**power for power in count()) for digit in (1, 2, 4, 5, 8))
    step = next(step for step in steps if narrative.num_frames / step <= 12)
    for frame in range(0, narrative.num_frames, step):
        x = x_of(frame)
        draw.line((x, top, x, top + 8), ink.LINE, 2)
        ink.write(canvas, (x, top + 20), str(frame + 1), 18, ink.MUTED, centred=True)
        ink.write(canvas, (x, top + 41), f"{frame * narrative.interval:.1f} s", 16, ink.MUTED, centred=True)
    return top + 50


def _where(narrative: Narrative) -> str:
    frame, last = narrative.anchor_frame, narrative.num_frames
    return f"The image is at position {frame + 1} of {last}, {frame * narrative.interval:.1f} s into the story."


def _column(narrative: Narrative, frame: int, columns: int) -> int:
    return min(columns - 1, int((frame + 0.5) / narrative.num_frames * columns))


def _clip_of_column(narrative: Narrative, column: int, columns: int) -> int:
    frame = min(narrative.num_frames - 1, int((column + 0.5) / columns * narrative.num_frames))
    return narrative.clips.index(narrative.clip_at(frame))
