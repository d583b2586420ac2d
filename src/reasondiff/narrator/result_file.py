"""A JSON Lines file that grows by whole lines, is continued by the next run, and has one writer at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from reasondiff.errors import InputError
from reasondiff.files import atomic_path

try:
    import fcntl
except ImportError:  # Windows has no such locks: there two runs are not told apart
    fcntl = None  # type: ignore[assignment]

__all__ = ["append", "keep_lines", "only_writer", "read_lines"]


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Inside the block no other run writes the same file. The lock ends with its process, however that ends.

    Raises:
        InputError: another run writes it, or its folder cannot be written.
    """
    name = path.with_name(f".{path.name}.lock")
    lock = _locked(name, path)
    try:
        yield
    finally:
        name.unlink(missing_ok=True)
        lock.close()


def _locked(name: Path, path: Path) -> BinaryIO:
    while True:
        try:
            lock = name.open("ab")
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be written ({error.strerror}); choose another -o.") from None
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(name) and os.path.samestat(os.stat(name), os.fstat(lock.fileno())):
                return lock
        except BlockingIOError:
            lock.close()
            raise InputError(
                f"{str(path)!r} is being written by another run; wait for it, or choose another -o."
            ) from None
        except OSError:  # a file system without locks
            return lock
        lock.close()  # the one who held it has just removed it


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
