"""Bad input is found before the long work begins."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from reasondiff.claims import only_writer
from reasondiff.errors import InputError
from reasondiff.files import check_place

__all__ = ["beside", "folder", "only_writer", "spare", "writable"]


def writable(path: Path, suffix: str, *inputs: Path | None) -> None:
    """Raise ``InputError`` unless a file of this kind can be written there, in place of none of the ``inputs``."""
    if path.suffix.lower() != suffix:
        raise InputError(f"{str(path)!r} does not end in {suffix!r}; give a name that does.")
    if os.path.isdir(path):
        raise InputError(f"{str(path)!r} is a folder; give the name of a file in it.")
    spare(inputs, path)
    check_place(path)


def beside(path: Path, ending: str) -> Path:
    """A file beside ``path`` that has its name with another ending, even where it has none, as '.' and '' have not."""
    return path.parent / f"{path.stem}{ending}"


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
