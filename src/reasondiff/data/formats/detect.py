"""Which convention a folder or a file follows, found by looking and never by asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reasondiff.data.formats.activitynet import read_activitynet, recognises_activitynet
from reasondiff.data.formats.base import Reading, is_media
from reasondiff.data.formats.beside import read_folder
from reasondiff.data.formats.msrvtt import read_msrvtt, recognises_msrvtt
from reasondiff.data.formats.openvid import read_openvid, recognises_openvid
from reasondiff.data.formats.table import VIDEO_COLUMNS, read_table
from reasondiff.data.formats.table_files import TABLE_SUFFIXES, header_of
from reasondiff.data.formats.toml_config import read_toml, recognises_toml
from reasondiff.data.formats.webdataset import read_tars
from reasondiff.data.formats.webvid import read_webvid, recognises_webvid
from reasondiff.errors import InputError

__all__ = ["readings"]


@dataclass(frozen=True)
class _Convention:
    """A kind of file that names videos.

    Args:
        recognises: whether a file is of this kind.
        read: reads it.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path], Reading]


def _recognises_table(path: Path) -> bool:
    """A table that names videos; one that is called metadata is one, so that its wrong columns are said."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return False
    return path.stem == "metadata" or bool(set(header_of(path)) & set(VIDEO_COLUMNS))


_CONVENTIONS = (
    _Convention(recognises_toml, read_toml),
    _Convention(recognises_webvid, read_webvid),
    _Convention(recognises_openvid, read_openvid),
    _Convention(recognises_activitynet, read_activitynet),
    _Convention(recognises_msrvtt, read_msrvtt),
    _Convention(_recognises_table, read_table),
)
"""The more particular before the more general; the first kind that a folder has is read, and no other."""


def readings(source: Path, files: list[Path]) -> tuple[list[Reading], list[Path]]:
    """Read a source by its convention.

    Args:
        source: a folder, or one file that names videos.
        files: all files of the folder.

    Returns:
        What was read, and files that name videos, too, but were not read.

    Raises:
        InputError: the source is of no known kind, or damaged as a whole.
    """
    if source.is_file():
        return [_read_file(source)], []
    kinds = _conventions_of(source, files)
    tars = [path for path in files if path.suffix.lower() == ".tar"]
    for convention in _CONVENTIONS:
        taken = [path for path, its in kinds.items() if its is convention]
        if taken:
            unread = [path for path in (*kinds, *tars) if path not in taken]
            return [convention.read(path) for path in taken], unread
    if tars:
        return [read_tars(tars)], []
    return [read_folder(source)], []


def _conventions_of(source: Path, files: list[Path]) -> dict[Path, _Convention]:
    """The files of a folder that name videos, each with what it is."""
    kinds = {}
    for path in files:
        if path.parent == source or path.stem == "metadata":
            convention = _convention_of(path)
            if convention is not None:
                kinds[path] = convention
    return kinds


def _convention_of(path: Path) -> _Convention | None:
    return next((each for each in _CONVENTIONS if each.recognises(path)), None)


def _read_file(path: Path) -> Reading:
    if path.suffix.lower() == ".tar":
        return read_tars([path])
    convention = _convention_of(path)
    if convention is not None:
        return convention.read(path)
    if path.suffix.lower() in TABLE_SUFFIXES:
        return read_table(path)  # says what is wrong with its columns
    if is_media(path):
        raise InputError(f"{str(path)!r} is one video; give the folder that it lies in.")
    raise InputError(f"{str(path)!r} names no videos; give a folder, a table, a .toml dataset file or a .tar.")
