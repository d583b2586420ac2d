"""Bad input is found before the long work begins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from reasondiff.errors import InputError
from reasondiff.files import check_place

__all__ = ["folder", "numbers", "prompt", "read_by", "size", "spare", "writable"]

MAX_PROMPT = 4000
"""Characters of a prompt; a text encoder reads about 500 words."""


def writable(path: Path, suffix: str, *inputs: Path | None) -> None:
    """Raise ``InputError`` unless a file of this kind can be written there, in place of none of the ``inputs``."""
    if path.suffix.lower() != suffix:
        raise InputError(f"{str(path)!r} does not end in {suffix!r}; give a name that does.")
    if os.path.isdir(path):
        raise InputError(f"{str(path)!r} is a folder; give the name of a file in it.")
    spare(inputs, path)
    check_place(path)


def folder(path: Path) -> None:
    """Raise ``InputError`` unless a folder of this name is there or can be made, and be written to."""
    check_place(path, folder=True)


def spare(inputs: Iterable[Path | None], *outputs: Path) -> None:
    """Raise ``InputError`` if a file that is to be written is one that is read, under whatever name."""
    written = _existing(outputs)
    if taken := written.keys() & _existing(inputs):
        name = str(written[taken.pop()])
        raise InputError(f"{name!r} is read and would be overwritten; choose another name.")


def _existing(paths: Iterable[Path | None]) -> dict[tuple[int, int], Path]:
    """Those that exist, by what tells files apart."""
    there = [(os.stat(path), path) for path in paths if path is not None and os.path.exists(path)]
    return {(file.st_dev, file.st_ino): path for file, path in there}


def read_by(narrator: str | None) -> Path | None:
    """The file that a ``--narrator`` of this name reads, if it reads one."""
    source, _, place = (narrator or "").partition(":")
    return Path(place) if source in ("file", "scripted") else None


def prompt(text: str) -> str:
    """The prompt without control characters and outer space.

    Raises:
        InputError: it is too long, or no text.
    """
    if len(text) > MAX_PROMPT:
        raise InputError(f"The prompt has {len(text):,} characters; shorten it to {MAX_PROMPT:,}.")
    if any("\ud800" <= character <= "\udfff" for character in text):  # bytes of the shell that are not UTF-8
        raise InputError(f"The prompt {text[:40]!r} is not UTF-8 text; type it again.")
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def size(text: str) -> tuple[int, int | None]:
    """``832x480`` as width and height; ``512`` as the side of a square of that area, and None.

    Raises:
        InputError: it is neither.
    """
    if not (parts := re.fullmatch(r"(\d{1,5})(?:[xX×](\d{1,5}))?", text.strip())):
        raise InputError(f"The size {text!r} is not understood; write 832x480, or 512 for the area of 512x512.")
    width, height = int(parts[1]), int(parts[2]) if parts[2] else None
    if width < 1 or height == 0:
        raise InputError(f"The size {text!r} is empty; give at least 16x16.")
    return width, height


def numbers(*, seed: int, fps: float | None = None, steps: int | None = None) -> None:
    """Raise ``InputError`` for a number that no model can work with; None is left to the model."""
    if not 0 <= seed < 2**63:
        raise InputError(f"The seed {seed} is outside 0..2^63-1; give one in that range.")
    if fps is not None and not 0 < fps <= 1000:
        raise InputError(f"{fps:g} frames per second cannot be played; give a number above 0 and at most 1000.")
    if steps is not None and steps < 1:
        raise InputError(f"{steps} denoising steps make no video; give 1 or more.")
