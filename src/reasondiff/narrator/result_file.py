"""A JSON Lines file that grows by whole lines and is continued by the next run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from reasondiff.errors import InputError
from reasondiff.files import atomic_path

__all__ = ["append", "keep_lines", "read_lines"]


def read_lines(path: Path, fits: Callable[[Mapping[str, object]], bool]) -> list[dict[str, object]]:
    """The objects in a file; [] if there is none. A line that was being written when a run was killed is left out.

    Args:
        path: the file.
        fits: whether an object is one of ours.

    Raises:
        InputError: the file holds other things.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}); choose another -o.") from None
    rows = []
    for line in lines[:-1]:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not fits(row):
            raise InputError(f"{str(path)!r} exists and holds other things than results; choose another -o.")
        rows.append(row)
    return rows


def keep_lines(
    path: Path, fits: Callable[[Mapping[str, object]], bool], keep: Callable[[Mapping[str, object]], bool]
) -> None:
    """Drop a line that was cut by a kill, and the lines that are not to be kept."""
    if not path.exists():
        return
    rows = read_lines(path, fits)
    kept = [row for row in rows if keep(row)]
    if len(kept) < len(rows) or not path.read_bytes().endswith(b"\n"):
        with atomic_path(path) as partial:
            partial.write_bytes(b"".join(_line(row) for row in kept))


def append(file: BinaryIO, row: Mapping[str, Any]) -> None:
    """Write one more line and see it on disk."""
    file.write(_line(row))
    file.flush()
    os.fsync(file.fileno())


def _line(row: Mapping[str, object]) -> bytes:
    return json.dumps(row).encode() + b"\n"
