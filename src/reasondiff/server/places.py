"""Where a server keeps its things unless told otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reasondiff.errors import InputError

__all__ = ["Places"]


@dataclass(frozen=True)
class Places:
    """What server and workers share.

    Args:
        database: its address.
        storage: a folder, or an address that fsspec knows.
        scratch: a folder of this machine.
    """

    database: str
    storage: str
    scratch: Path

    @classmethod
    def of(cls, data: Path | None, database: str | None, storage: str | None) -> Places:
        """From what was given; the rest is below ``data``, which is ``~/.local/share/reasondiff`` unless given.

        Raises:
            InputError: this user has no home, or the folder cannot be written.
        """
        folder = (data or _home()).absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{str(folder)!r} cannot be written ({error.strerror}); give another --data.") from None
        return cls(database or f"sqlite:///{folder / 'queue.db'}", storage or str(folder / "videos"), folder / "work")


def _home() -> Path:
    if chosen := os.environ.get("XDG_DATA_HOME"):
        return Path(chosen) / "reasondiff"
    try:
        return Path.home() / ".local" / "share" / "reasondiff"
    except RuntimeError:
        raise InputError("This user has no home for videos; give --data FOLDER.") from None
