"""Videos as files of their own, wherever a record says that they lie, and what tells their contents apart."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from reasondiff.data.records import digest
from reasondiff.errors import InputError

__all__ = ["fingerprint", "opened_media"]

_ENDS = 2**20
"""Bytes from either end of a file that its fingerprint reads; between them a video hardly changes unnoticed."""

_BLOCK = 2**20
"""Bytes that are copied at once."""


def fingerprint(path: Path) -> str:
    """An id of a file's content, from its size and its two ends."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_ENDS)
        file.seek(max(0, size - _ENDS))
        last = file.read(_ENDS)
    return digest(size, hashlib.sha256(first).hexdigest(), hashlib.sha256(last).hexdigest())


@contextmanager
def opened_media(path: Path, member: str | None) -> Iterator[Path]:
    """A video as a file of its own; a tar's member is copied to a temporary one for as long as the block runs.

    Raises:
        InputError: the tar, or this file in it, cannot be read.
    """
    if member is None:
        yield path
        return
    with TemporaryDirectory(prefix="reasondiff-") as folder:
        copy = Path(folder) / f"member{Path(member).suffix}"  # never a name that the tar chose
        try:
            with tarfile.open(path, "r:") as tar:
                source = tar.extractfile(member)
                if source is None:
                    raise InputError(f"{member!r} in {str(path)!r} is no file; pack the tar again.")
                with copy.open("wb") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)
        except (tarfile.TarError, KeyError) as error:
            raise InputError(f"{member!r} in {str(path)!r} cannot be read ({error}); pack the tar again.") from None
        yield copy
