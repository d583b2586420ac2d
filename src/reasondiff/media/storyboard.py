"""A story's timeline as an image: clips to scale, and the place of the given image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from PIL import Image, ImageDraw

from reasondiff.media import lettering as ink
from reasondiff.media.clipbar import ClipSpan, ClipTexts, clip_bar
from reasondiff.narrative import Narrative

__all__ = ["clip_spans", "places_in_words", "timeline_image", "where_the_image_is"]

WIDTH, MARGIN, PICTURE = 1600, 60, 260

_TICKS = 12
"""At most, along the axis."""

_TALLEST = 1500
"""Pixels; the title, the image, the bar and the axis take less, and so do the style and the reasoning: of each text
nine lines are shown at most."""


def clip_spans(narrative: Narrative) -> list[ClipSpan]:
    """The clips as the drawings of ``media`` take them."""
    return [ClipSpan(clip.start, clip.end, clip.description) for clip in narrative.clips]


def timeline_image(narrative: Narrative, image: Image.Image | None = None, title: str = "") -> Image.Image:
    """The timeline as an image, 1600 pixels wide, with the given ``image`` standing at its place."""
    spans, left, right = clip_spans(narrative), MARGIN, WIDTH - MARGIN

    def x_of(frame: float) -> float:
        return left + (right - left) * (frame + 0.5) / narrative.num_frames

    # The texts of a thousand clips are most of the picture, so they are drawn once, where they stay.
    head = _head(narrative, spans, x_of, image, title)
    texts = ClipTexts.of(spans, x_of, 1 / narrative.interval, (left, right))
    foot = _foot(narrative)
    canvas = Image.new("RGB", (WIDTH, head.height + texts.height + foot.height), ink.PAPER)
    canvas.paste(head, (0, 0))
    canvas.paste(foot, (0, texts.draw(canvas, head.height)))
    return canvas


def _head(
    narrative: Narrative,
    spans: list[ClipSpan],
    x_of: Callable[[float], float],
    image: Image.Image | None,
    title: str,
) -> Image.Image:
    """The title, the image at its place, the bar and its axis."""
    left, right, top = MARGIN, WIDTH - MARGIN, MARGIN
    canvas = Image.new("RGB", (WIDTH, _TALLEST), ink.PAPER)
    draw = ImageDraw.Draw(canvas)
    for line in ink.wrap(title, 36, right - left):
        ink.write(canvas, (left, top), line, 36, bold=True)
        top += 50
    for line in ink.wrap(where_the_image_is(narrative), 23, right - left):
        ink.write(canvas, (left, top), line, 23, ink.MUTED)
        top += 44
    pin = x_of(narrative.anchor_frame)
    pins = [x_of(anchor.frame) for anchor in narrative.anchors]
    if image is not None:
        picture = image.copy()
        picture.thumbnail((PICTURE, PICTURE), Image.Resampling.LANCZOS)
        if (factor := PICTURE // max(image.size)) > 1:
            picture = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        x = round(min(max(pin - picture.width / 2, left), right - picture.width))
        ink.plate(canvas, (x - 6, top - 6, x + picture.width + 6, top + picture.height + 6), ink.ACCENT, 8)
        canvas.paste(picture, (x, top))
        top += picture.height + 6
    for place in pins:
        draw.line((place, top, place, top + 34), ink.ACCENT, 4)
        draw.polygon([(place - 10, top + 30), (place + 10, top + 30), (place, top + 46)], ink.ACCENT)
    top = clip_bar(canvas, spans, x_of, top + 50) + 6
    top = _axis(canvas, narrative, x_of, top)
    return canvas.crop((0, 0, WIDTH, top + 26))


def _foot(narrative: Narrative) -> Image.Image:
    """The style and the reasoning, where there are such."""
    canvas, top = Image.new("RGB", (WIDTH, _TALLEST), ink.PAPER), 0
    for name, text in (("Style", narrative.style), ("Reasoning", narrative.reasoning)):
        if text:
            top += 34
            ink.write(canvas, (MARGIN, top), name, 20, ink.MUTED)
            for line in ink.wrap(text, 23, WIDTH - 2 * MARGIN - 140):
                ink.write(canvas, (MARGIN + 140, top - 2), line, 23)
                top += 30
    return canvas.crop((0, 0, WIDTH, top + MARGIN))


def _round_steps() -> Iterator[int]:
    """1, 2, 4, 5, 8, 10, 20, ..."""
    for power in count():
        yield from (digit * 10**power for digit in (1, 2, 4, 5, 8))


def _axis(canvas: Image.Image, narrative: Narrative, x_of: Callable[[float], float], top: int) -> int:
    """Ticks at round distances, each with its position and its time."""
    draw = ImageDraw.Draw(canvas)
    step = next(step for step in _round_steps() if narrative.num_frames / step <= _TICKS)
    for frame in range(0, narrative.num_frames, step):
        x = x_of(frame)
        draw.line((x, top, x, top + 8), ink.LINE, 2)
        ink.write(canvas, (x, top + 20), str(frame + 1), 18, ink.MUTED, centred=True)
        ink.write(canvas, (x, top + 41), f"{frame * narrative.interval:.1f} s", 16, ink.MUTED, centred=True)
    return top + 50


def places_in_words(narrative: Narrative) -> str:
    """``the image at position 3``, or ``image 2 at position 3, image 1 at position 9``, in order of time."""
    if len(narrative.anchors) == 1:
        return f"the image at position {narrative.anchor_frame + 1}"
    return ", ".join(f"image {each.image + 1} at position {each.frame + 1}" for each in narrative.anchors)


def where_the_image_is(narrative: Narrative) -> str:
    """A sentence: the position of the anchor, and its time; of several, their positions."""
    frame, last = narrative.anchor_frame, narrative.num_frames
    if len(narrative.anchors) > 1:
        told = places_in_words(narrative)
        return f"{told[0].upper()}{told[1:]}, of {last}."
    return f"The image is at position {frame + 1} of {last}, {frame * narrative.interval:.1f} s into the story."
