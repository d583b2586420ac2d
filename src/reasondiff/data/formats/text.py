"""Text files as people's programs write them."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

from reasondiff.errors import InputError

__all__ = ["read_json", "read_text"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, or what its byte order mark says, with one kind of line end.

    Raises:
        InputError: it is in no such encoding, or cannot be read.
    """
    data = _bytes_of(path)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not UTF-8 text (byte {error.start}); save it as UTF-8 and scan again."
        ) from None
    if "\0" in text:
        raise InputError(f"{str(path)!r} is no text file; save it as UTF-8 text and scan again.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path) -> object:
    """The value of a JSON file.

    Raises:
        InputError: it is damaged.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r} is no JSON ({error}); download or write it again.") from None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}); check its rights.") from None
