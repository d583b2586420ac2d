"""Small pictures of a video, for lists and players."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from reasondiff.media.sheet import sample

__all__ = ["animation", "spritesheet", "thumbnail"]

COLUMNS, ROWS = 5, 5
SIDE = 320
"""Pixels of a picture's longer side, at most."""
GIF_SIDE = 480
"""Of a GIF's, whose files are large."""


def thumbnail(frame: np.ndarray, path: Path) -> Path:
    """Write a frame (uint8 [height, width, 3]) as a WebP."""
    picture = Image.fromarray(frame)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    picture.save(path, quality=90)
    return path


def animation(frames: np.ndarray, pace: float, path: Path) -> Path:
    """Write frames (uint8 [frames, height, width, 3]), so many a second, as a GIF that runs for ever."""
    pictures = [Image.fromarray(frame) for frame in frames]
    for picture in pictures:
        picture.thumbnail((GIF_SIDE, GIF_SIDE), Image.Resampling.LANCZOS)
    first, *later = pictures
    first.save(path, save_all=True, append_images=later, duration=round(1000 / pace), loop=0)
    return path


def spritesheet(frames: np.ndarray, path: Path) -> Path:
    """Write up to 25 frames, evenly spaced, in rows of five, of uint8 [frames, height, width, 3], as a JPEG."""
    chosen = sample(len(frames), COLUMNS * ROWS)
    pictures = [Image.fromarray(frames[number]) for number in chosen]
    for picture in pictures:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width * COLUMNS, height * -(-len(pictures) // COLUMNS)))
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture, (column * width, row * height))
    sheet.save(path, quality=90)
    return path
