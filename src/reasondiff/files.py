"""Writing a file or a folder whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reasondiff.errors import InputError

__all__ = ["atomic_path"]


@contextmanager
def atomic_path(path: str | Path, *, folder: bool = False) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes ``path``'s place only if the block succeeds.

    A crash, Ctrl-C or SIGKILL leaves ``path`` as it was; only a SIGKILL between the two renames that replace a folder
    leaves the old one in a hidden folder beside it. The suffix is kept, because writers read the format from it.

    Args:
        path: where the finished file or folder goes.
        folder: yield an empty folder instead of a file's path.

    Raises:
        InputError: nothing can be written there.
    """
    path = Path(path)
    if path.is_dir() and not folder:
        raise InputError(f"{str(path)!r} is a folder; give the name of a file in it.")
    try:
        scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.stem}-"))
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}; choose another place.") from None
    partial = scratch / path.name
    try:
        if folder:
            partial.mkdir()
        yield partial
        if folder and path.exists():
            os.replace(path, scratch / "replaced")
        try:
            os.replace(partial, path)
        except BaseException:
            if folder and (scratch / "replaced").exists() and not path.exists():
                os.replace(scratch / "replaced", path)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
