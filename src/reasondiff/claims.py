"""An output has one writer at a time: the second run says so, before it begins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reasondiff.errors import InputError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there two runs are not told apart
    fcntl = None  # type: ignore[assignment]

__all__ = ["only_writer"]


@contextmanager
def only_writer(path: Path, *, folder: bool = False) -> Iterator[None]:
    """Inside the block no other run of ours writes ``path``, a file or a folder; the system ends a killed run's claim.

    Where no lock can be kept, in a folder that takes no other file or on a disk without locks, two runs are not told
    apart; that is no reason to write nothing.

    Args:
        path: where both would write.
        folder: make a folder of that name first, because the claim to one lies in it; it goes again if it stays empty.

    Raises:
        InputError: another run is writing it.
    """
    made = [place for place in (path, *path.parents) if not place.exists()] if folder else []
    if folder:
        path.mkdir(parents=True, exist_ok=True)
    lock = path / ".lock" if path.is_dir() else path.with_name(f".{path.name}.lock")
    try:
        claim = _claimed(lock, path)
        try:
            yield
        finally:
            if claim is not None:
                lock.unlink(missing_ok=True)
                os.close(claim)
    finally:
        _remove_empty(made)


def _claimed(lock: Path, path: Path) -> int | None:
    """The locked file's descriptor; None where there can be no lock."""
    if fcntl is None:
        return None
    while True:
        try:
            claim = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            raise InputError(f"Another run is writing {str(path)!r}; wait for it, or choose another place.") from None
        except OSError:
            os.close(claim)
            lock.unlink(missing_ok=True)
            return None
        if _is_at(claim, lock):
            return claim
        os.close(claim)  # the run before has just taken it away


def _is_at(file: int, place: Path) -> bool:
    """Whether an open file is the one that lies there now."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(place))
    except FileNotFoundError:
        return False


def _remove_empty(folders: Iterable[Path]) -> None:
    """Take away folders, the innermost first, up to one that holds something."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
