"""Where the files are that a table names: the table's own folder first, and never a guess among several."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reasondiff.data.formats.base import Row, is_media

__all__ = ["Found", "Places", "files_below"]


@dataclass(frozen=True)
class Found:
    """The file of a row.

    Args:
        path: it; None where there is none, or where it is not clear which.
        problem: why there is none.
        note: what a person should know about the choice.
    """

    path: Path | None
    problem: str = ""
    note: str = ""


def files_below(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """All files below a folder in the order of their names, and what a person should know about what was left out.

    Hidden files and folders are left out, and links to folders are not entered, as they may lead in a circle.
    """
    files, links = [], []
    hidden_videos = 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in inside.parts)
        if is_hidden and is_media(path):
            hidden_videos += 1
        if path.is_symlink() and path.is_dir():
            links.append(f"{inside.as_posix()!r} is a link to a folder and was not entered.")
        elif path.is_file() and not is_hidden:
            files.append(path)
    if not hidden_videos:
        return files, tuple(links)
    note = f"{hidden_videos} videos are hidden, by a name or a folder that begins with '.', and were left out."
    return files, (note, *links)


@dataclass
class Places:
    """Finds the files of rows.

    Args:
        root: folder of the set.
        files: all files below it.
    """

    root: Path
    files: Iterable[Path]
    _by_stem: dict[str, list[Path]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._by_stem = defaultdict(list)
        for path in self.files:
            if is_media(path):
                self._by_stem[unicodedata.normalize("NFC", path.stem)].append(path)

    def find(self, row: Row) -> Found:
        """The file that a row names."""
        if any("://" in name for name in row.videos):
            return Found(None, f"it is an address, not a file: {row.videos[0]!r}")
        try:
            there = [path for path in self._written(row) if path.is_file()]
        except (OSError, ValueError) as error:  # a name that is too long, or holds a null character
            return Found(None, f"its name cannot be a file's: {getattr(error, 'strerror', None) or error}")
        distinct = list({path.resolve(): path for path in reversed(there)}.values())[::-1]
        if len(distinct) > 1:
            others = ", ".join(repr(str(path)) for path in distinct[1:])
            return Found(distinct[0], note=f"{row.where}: {str(distinct[0])!r} was taken; {others} fits, too.")
        if distinct:
            return Found(distinct[0])
        if row.anywhere:
            return self._anywhere(row)
        return Found(None, f"there is no such file: {row.videos[0]!r}")

    def _written(self, row: Row) -> Iterator[Path]:
        """The places that a row may mean; each letter with an accent as one sign or as two, as disks differ."""
        for name in row.videos:
            for folder in (row.folder, self.root, Path()):
                for form in dict.fromkeys(
                    (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
                ):
                    yield folder / form

    def _anywhere(self, row: Row) -> Found:
        stems = dict.fromkeys(unicodedata.normalize("NFC", Path(name).stem) for name in row.videos)
        found = [path for stem in stems for path in self._by_stem.get(stem, ())]
        if len(found) > 1:
            names = ", ".join(repr(path.relative_to(self.root).as_posix()) for path in found)
            return Found(None, f"several files have its name: {names}")
        return Found(found[0]) if found else Found(None, f"there is no such file: {row.videos[-1]!r}")
