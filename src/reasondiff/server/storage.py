"""Where images and videos are kept: a folder, or any place that fsspec knows."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from reasondiff.errors import InputError

__all__ = ["Storage"]

_NAME = re.compile(r"[a-z]+_[0-9a-f]{32}(/[0-9a-z_]+)*(\.[a-z0-9]+)?")
"""All names are ours: a job's id, a lease, a variant. Nothing of a client's is part of one."""


class Storage:
    """Files by name; each is there whole or not at all.

    Args:
        place: a folder, or an address such as ``s3://bucket/videos``.

    Raises:
        InputError: it cannot be used.
    """

    def __init__(self, place: str) -> None:
        import fsspec

        try:
            # Others write there, too: what is there is looked up every time.
            self._files, self._root = fsspec.core.url_to_fs(place, use_listings_cache=False)
        except (ImportError, ValueError, OSError) as error:
            raise InputError(f"The storage {place!r} cannot be used ({error}); give a folder.") from None
        self._root = self._root.rstrip("/")
        self.is_local = "://" not in place
        if self.is_local:
            Path(self._root).mkdir(parents=True, exist_ok=True)

    def put(self, name: str, content: bytes) -> None:
        """Keep bytes under a name."""
        path = self._path(name)
        if not self.is_local:
            self._files.pipe_file(path, content)
            return
        with self._written(Path(path)) as part:
            part.write_bytes(content)

    def put_file(self, name: str, file: Path) -> None:
        """Keep a copy of a file under a name."""
        path = self._path(name)
        if not self.is_local:
            self._files.put_file(str(file), path)
            return
        with self._written(Path(path)) as part:
            shutil.copyfile(file, part)

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: there is none.
        """
        return bytes(self._files.cat_file(self._path(name)))

    def chunks(self, name: str, size: int = 2**20) -> Iterator[bytes]:
        """A file's bytes, piece by piece."""
        with self._files.open(self._path(name), "rb") as file:
            while piece := file.read(size):
                yield piece

    def local_path(self, name: str) -> Path | None:
        """Where a file lies on this machine; None where it does not."""
        return Path(self._path(name)) if self.is_local else None

    def delete(self, folder: str) -> None:
        """Remove a folder with all that is in it."""
        with suppress(FileNotFoundError):
            self._files.rm(self._path(folder), recursive=True)

    def folders(self) -> dict[str, float]:
        """The jobs that have files here, and when the folder last changed, in seconds since 1970."""
        found: dict[str, float] = {}
        for each in self._files.ls(self._root, detail=True):
            name = str(each["name"]).rstrip("/").rpartition("/")[2]
            if each["type"] == "directory" and _NAME.fullmatch(name):
                found[name] = _changed(each)
        return found

    def subfolders(self, folder: str) -> list[str]:
        """The folders in a job's folder, by their full names."""
        with suppress(FileNotFoundError):
            entries = self._files.ls(self._path(folder), detail=True)
            names = [str(each["name"]).rstrip("/") for each in entries if each["type"] == "directory"]
            return [f"{folder}/{name.rpartition('/')[2]}" for name in names]
        return []

    def free(self) -> int | None:
        """Bytes that are left; None where nobody knows."""
        return shutil.disk_usage(self._root).free if self.is_local else None

    def _path(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of ours.")
        return f"{self._root}/{name}"

    def _written(self, path: Path) -> _Aside:
        return _Aside(path)


class _Aside:
    """A file beside the one that is meant, which takes its place when it is whole and on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.part

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            with self.part.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(self.part, self.path)
        else:
            self.part.unlink(missing_ok=True)


def _changed(entry: Mapping[str, Any]) -> float:
    when = entry.get("mtime", entry.get("LastModified", entry.get("created")))
    if isinstance(when, int | float):
        return float(when)
    return when.timestamp() if when is not None else time.time()
