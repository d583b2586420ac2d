"""Writing a file or a folder whole or not at all, and what to do where the world does not let it be written.

Full and read-only disks, missing rights, links, mounted files and odd names are met here and nowhere else: each becomes
an ``OutputError``, one sentence that names the file and the fix.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reasondiff.errors import InputError, OutputError, ReasonDiffError

__all__ = ["append_lines", "atomic_path", "check_place", "in_words", "write_or_keep"]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_OF_DISKS = {*_FULL, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE}
"""Whatever was done when these came up, a disk is the cause."""

_PREFIX = 24
"""Characters of a name in the name of its hidden folder: at most 96 bytes, so that a name of 255 bytes has one too."""

_PROBE = 2**16
"""Bytes that a place must hold before the long work begins."""


@contextmanager
def atomic_path(path: str | Path, *, folder: bool = False) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes ``path``'s place only if the block succeeds.

    A crash, Ctrl-C or SIGKILL leaves ``path`` as it was; only a SIGKILL between the two renames that replace a folder
    leaves the old one in a hidden folder beside it. The suffix is kept, because writers read the format from it.

    A symbolic link stays one: what it points to is replaced. A file that cannot be replaced but written to (a mounted
    one, or in a folder without rights) is filled anew, which is not atomic. What was written whole and then cannot take
    its place is kept beside, and the error says where.

    Args:
        path: where the finished file or folder goes.
        folder: yield an empty folder instead of a file's path.

    Raises:
        InputError: it is a folder, and a file was meant.
        OutputError: nothing can be written there, or no more.
    """
    path = Path(path)
    target = Path(os.path.realpath(path)) if os.path.islink(path) else path
    if os.path.isdir(target) and not folder:
        raise InputError(f"{str(path)!r} is a folder; give the name of a file in it.")
    scratch = _scratch_for(target, path, folder=folder)
    partial = scratch / target.name
    try:
        if folder:
            partial.mkdir()
        try:
            yield partial
        except Exception as error:
            if (number := _cause(error, scratch)) is None:
                raise
            raise OutputError(path, number) from error
        try:
            _place(partial, target, folder=folder)
        except OSError as error:
            raise OutputError(path, error.errno, kept=_move_aside(partial, path)) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def append_lines(path: Path, lines: str) -> None:
    """Add lines to a file, each with its end, after ending one that a kill cut off; as quick for a long file."""
    with path.open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(lines.encode())


def write_or_keep(path: str | Path, write: Callable[[Path], None]) -> None:
    """Write what took long to make; where ``path`` cannot be written, write it to the nearest place that can.

    Args:
        path: where it should go.
        write: writes it to a path with the same suffix, through ``atomic_path``.

    Raises:
        OutputError: ``path`` could not be written; says where the result is kept, if there was such a place.
    """
    path = Path(path)
    try:
        write(path)
        return
    except OutputError as error:
        if error.kept is not None:
            raise
        failure = error
    for place in _places_near(path, failure.number):
        try:
            write(place)
        except OutputError:
            continue
        raise OutputError(path, failure.number, kept=place) from failure
    raise failure


def check_place(path: Path, *, folder: bool = False) -> None:
    """Raise ``OutputError`` unless ``path`` can be written now: what would fail after the work fails before it.

    Args:
        path: of a file, whose folder must be there, or of a folder, which may have to be made with those above it.
        folder: a folder is meant.
    """
    if folder:
        above = next((place for place in (path, *path.parents) if os.path.exists(place)), Path())
        _probe(above, path)
        return
    target = Path(os.path.realpath(path)) if os.path.islink(path) else path
    if os.path.lexists(target) and not os.path.isfile(target):
        return  # a device or a pipe takes what it is given
    try:
        os.lstat(target)  # a name that is too long fails here, and not in the folder
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise OutputError(path, _number(error)) from None
    if _fillable(target) and not os.access(target.parent, os.W_OK):
        return
    _probe(target.parent, path)


def in_words(error: OSError) -> str:
    """Any failure of the system as one sentence that names the file, where it is known, and the fix."""
    named = next((name for name in (error.filename, error.filename2) if name is not None), None)
    subject = "A file" if named is None else repr(os.fsdecode(named) if isinstance(named, bytes | str) else named)
    reason = error.strerror or str(error) or type(error).__name__
    fix = "make room" if error.errno in _FULL else "check that it is there and may be used"
    return f"{subject} cannot be used: {reason}; {fix}."


# -- the steps ---------------------------------------------------------------------------------------------------------


def _scratch_for(target: Path, path: Path, *, folder: bool) -> Path:
    """A hidden folder on the same disk, or, where only the file itself can be written, somewhere else."""
    prefix = f".{target.stem[:_PREFIX]}-"
    try:
        return Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    except (OSError, ValueError) as error:  # ValueError: a null character
        if not folder and _fillable(target):
            with suppress(OSError):
                return Path(tempfile.mkdtemp(prefix=prefix))
        raise OutputError(path, _number(error)) from None


def _fillable(target: Path) -> bool:
    """Whether there is a file, a device or a pipe that can be written to as it is."""
    return os.path.exists(target) and not os.path.isdir(target) and os.access(target, os.W_OK)


def _place(partial: Path, target: Path, *, folder: bool) -> None:
    """Let ``partial`` take the place of ``target``."""
    if folder:
        _place_folder(partial, target)
    else:
        _place_file(partial, target)


def _place_folder(partial: Path, target: Path) -> None:
    """A folder cannot be renamed over another one: the old one goes first, and comes back where the new one cannot."""
    replaced = partial.parent / "replaced"
    if os.path.exists(target):
        os.replace(target, replaced)
    try:
        os.replace(partial, target)
    except BaseException:
        if replaced.exists() and not target.exists():
            os.replace(replaced, target)
        raise


def _place_file(partial: Path, target: Path) -> None:
    """A file is renamed; a device or a pipe, which must stay what it is, is written into."""
    if os.path.exists(target) and not os.path.isfile(target):
        _fill(partial, target)
        return
    try:
        os.replace(partial, target)
    except OSError:
        if not _fillable(target):
            raise
        _fill(partial, target)  # a mounted file is busy for a rename, but may be written


def _fill(partial: Path, target: Path) -> None:
    """Write the content into the file, device or pipe that is there."""
    descriptor = os.open(target, os.O_WRONLY)
    with open(partial, "rb") as source, open(descriptor, "wb") as sink:
        regular = os.path.isfile(target)
        if regular and hasattr(os, "posix_fallocate") and (size := os.path.getsize(partial)):
            os.posix_fallocate(descriptor, 0, size)  # a full disk is noticed while the old content is still there
        shutil.copyfileobj(source, sink)
        if regular:
            sink.truncate()


def _move_aside(finished: Path, path: Path) -> Path | None:
    """Move what is finished to the nearest place that takes it; None where there is none."""
    for place in _places_near(path, None):
        with suppress(OSError, shutil.Error):
            shutil.move(finished, place)
            return place
    return None


def _places_near(path: Path, number: int | None) -> Iterator[Path]:
    """Names that are free: in the folder itself or the nearest above it, here, at home, and for temporary files.

    Args:
        path: what could not be written.
        number: of the error; where a disk is full or read-only, no place on the same disk is tried.
    """
    target = Path(os.path.realpath(path))
    nearest = next((place for place in target.parents if os.path.isdir(place)), Path("/"))
    folders = [nearest]
    for find in (Path.cwd, Path.home, lambda: Path(tempfile.gettempdir())):
        with suppress(OSError, RuntimeError):  # a deleted folder; a user without a home
            folders.append(find())
    disks = {_disk(nearest)} if number in _OF_DISKS else set()
    for folder in dict.fromkeys(folders):
        if _disk(folder) in disks:
            continue
        for count in range(1000):
            name = f"{target.stem[:200]}-{count}{target.suffix}" if count else target.name
            if not os.path.lexists(folder / name):
                yield folder / name
                break


def _disk(folder: Path) -> int | None:
    try:
        return os.stat(folder).st_dev
    except OSError:
        return None


def _probe(place: Path, path: Path) -> None:
    """Raise ``OutputError`` about ``path`` unless ``_PROBE`` bytes can be written in ``place``."""
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=f".{path.stem[:_PREFIX]}-") as file:
            file.write(bytes(_PROBE))
    except (OSError, ValueError) as error:
        raise OutputError(path, _number(error)) from None


def _cause(error: Exception, scratch: Path) -> int | None:
    """The number of the system's error behind a failed block, where the place written to is at fault."""
    if isinstance(error, OutputError):
        return error.number if error.path.is_relative_to(scratch) else None
    if isinstance(error, ReasonDiffError):
        return None
    if isinstance(error, OSError) and error.errno is not None:
        if isinstance(error.filename, str) and str(scratch) in error.filename:
            return error.errno
        return _if_of_disks(error.errno)
    if named := re.search(r"\(os error (\d+)\)", str(error)):  # how safetensors, written in Rust, says it
        return _if_of_disks(int(named[1]))
    try:
        _probe(scratch, scratch)  # torch, NumPy and Pillow name no number; whether the disk is full can be tried
    except OutputError as failure:
        return _if_of_disks(failure.number)
    return None


def _if_of_disks(number: int | None) -> int | None:
    return number if number in _OF_DISKS else None


def _number(error: OSError | ValueError) -> int | None:
    return getattr(error, "errno", None) or errno.EINVAL
