"""Text, colour and rounded shapes on Pillow images, the same on every machine."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "ACCENT",
    "FAIL",
    "INK",
    "LINE",
    "MUTED",
    "PAPER",
    "PASS",
    "clip_colour",
    "plate",
    "width_of",
    "wrap",
    "write",
]

PAPER, PANEL, INK, MUTED, LINE = "#ffffff", "#f4f5f7", "#1d2129", "#667080", "#d8dce3"
PASS, FAIL, ACCENT = "#17804a", "#c2302e", "#e8590c"

_CLIPS = ("#3b6fb6", "#2a8f80", "#8a63b8", "#a9761f", "#5a7d3a", "#b4557d", "#4f7f93", "#8d6e55")
_FINE = 4
_STAND_INS = {"—": "-", "→": "->", "×": "x", "“": '"', "”": '"', "ß": "ss"}


def clip_colour(number: int) -> str:
    """The colour of the clip with this number: alike in weight, so that no clip looks more important than others."""
    return _CLIPS[number % len(_CLIPS)]


def write(
    image: Image.Image,
    place: tuple[float, float],
    text: str,
    size: int,
    colour: str = INK,
    *,
    bold: bool = False,
    centred: bool = False,
) -> None:
    """One line of text, its top left corner at ``place``, or its centre there."""
    # Drawn large and then reduced: at small sizes Pillow rounds every letter's width, which closes the word spaces.
    # Its font has one weight; a thin outline makes the bold one.
    letters, outline = _font(size * _FINE), round(size * _FINE / 60) if bold else 0
    across, tall = round(width_of(text, size)) + size, 2 * size
    mask = Image.new("L", (across * _FINE, tall * _FINE))
    where = (mask.width / 2, mask.height / 2, "mm") if centred else (0.0, 0.0, "la")
    ImageDraw.Draw(mask).text(where[:2], drawable(text), 255, letters, where[2], stroke_width=outline)
    left, top = (place[0] - across / 2, place[1] - tall / 2) if centred else place
    image.paste(colour, (round(left), round(top)), mask.reduce(_FINE))


def width_of(text: str, size: int) -> float:
    """Width of a line of text in pixels."""
    return _font(size * _FINE).getlength(drawable(text)) / _FINE


def wrap(text: str, size: int, width: float, most: int = 9) -> list[str]:
    """Break a text into at most ``most`` lines of at most ``width`` pixels; a word that is wider is broken too."""
    lines, line = [], ""
    for word in drawable(text)[:4000].split():
        if line and width_of(f"{line} {word}", size) <= width:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        while width_of(word, size) > width and len(word) > 1:
            fitting = next((n for n in range(len(word) - 1, 1, -1) if width_of(word[:n], size) <= width), 1)
            lines.append(word[:fitting])
            word = word[fitting:]
        line = word
    if line:
        lines.append(line)
    if len(lines) > most:
        last = lines[most - 1]
        while last and width_of(f"{last} …", size) > width:
            last = last[:-1]
        lines[most - 1 :] = [f"{last} …"]
    return lines


def drawable(text: str) -> str:
    """The text in characters the font has: accents are dropped, and other scripts and emoji become '?'."""
    return "".join(map(_drawable, text))


def plate(image: Image.Image, box: tuple[float, float, float, float], colour: str, radius: float = 6) -> None:
    """A filled rounded rectangle with smooth corners; ``box`` is left, top, right, bottom."""
    left, top, right, bottom = map(round, box)
    mask = Image.new("L", (max(1, right - left) * _FINE, max(1, bottom - top) * _FINE))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * _FINE, fill=255)
    image.paste(colour, (left, top), mask.reduce(_FINE))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    loaded = ImageFont.load_default(size)
    assert isinstance(loaded, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return loaded


@cache
def _drawable(character: str) -> str:
    if character.isspace():
        return " "
    candidates = (character, _STAND_INS.get(character, ""), unicodedata.normalize("NFKD", character)[0])
    return next((item for item in candidates if item and all(map(_has_glyph, item))), "?")


@cache
def _has_glyph(character: str) -> bool:
    unknown = _font(20).getmask("\uffff")
    glyph = _font(20).getmask(character)
    return glyph.size != unknown.size or bytes(glyph) != bytes(unknown)
