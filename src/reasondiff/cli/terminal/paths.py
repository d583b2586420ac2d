"""Bad input is found before the long work begins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reasondiff.errors import InputError
from reasondiff.files import check_place

try:
    import fcntl
except ImportError:  # where there are no such locks, two runs are not noticed
    fcntl = None  # type: ignore[assignment]

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


@contextmanager
def only_writer(path: Path, *, folder: bool = False) -> Iterator[None]:
    """Inside the block no other run of ours writes ``path``, a file or a folder; the system ends a killed run's claim.

    Args:
        path: where both would write.
        folder: make a folder of that name first, because the claim to one lies in it; it goes again if it stays empty.

    Raises:
        InputError: another run is writing it.
    """
    made = [place for place in (path, *path.parents) if not place.exists()] if folder else []
    if folder:
        path.mkdir(parents=True, exist_ok=True)
    try:
        if fcntl is None:
            yield
            return
        lock = path / ".lock" if path.is_dir() else path.with_name(f".{path.name}.lock")
        with _locked(lock, path):
            yield
    finally:
        _remove_empty(made)


def _remove_empty(folders: Iterable[Path]) -> None:
    """Take away folders, the innermost first, up to one that holds something."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


@contextmanager
def _locked(lock: Path, path: Path) -> Iterator[None]:
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, lock):
                break
        except BlockingIOError:
            os.close(file)
            raise InputError(f"Another run is writing {str(path)!r}; wait for it, or choose another place.") from None
        os.close(file)  # the run before has just taken it away
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(file)


def _is_at(file: int, place: Path) -> bool:
    """Whether an open file is the one that lies there now."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(place))
    except FileNotFoundError:
        return False
