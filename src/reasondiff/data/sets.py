"""A set on disk: a folder with ``videos.jsonl``, ``unusable.jsonl`` and ``scan.json``; later steps add to it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from reasondiff.data.records import write_lines
from reasondiff.data.scan import Scan
from reasondiff.errors import InputError
from reasondiff.files import atomic_path

__all__ = ["source_of", "write_set"]


def write_set(folder: Path, scan: Scan) -> None:
    """Write what a scan found; the videos stay where they are.

    Raises:
        OutputError: there is no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "unusable.jsonl", scan.unusable)
    told = {
        "source": os.fspath(scan.root.resolve()),
        "conventions": scan.conventions,
        "notes": scan.notes,
        "unused": scan.unused,
    }
    with atomic_path(folder / "scan.json") as partial:
        partial.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    write_lines(folder / "videos.jsonl", scan.records)  # last: where it is, the rest is


def source_of(folder: Path, moved: Path | None = None) -> Path:
    """The folder that the records' paths begin at.

    Args:
        folder: of the set.
        moved: where it is now, if not where it was scanned.

    Raises:
        InputError: this is no set, or its videos are not there any more.
    """
    if not (folder / "videos.jsonl").is_file():
        raise InputError(f"{str(folder)!r} is no set; make one with reasondiff data scan FOLDER -o {folder}.")
    if moved is None:
        try:
            moved = Path(json.loads((folder / "scan.json").read_text(encoding="utf-8"))["source"])
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{str(folder / 'scan.json')!r} is damaged; scan again, or give --source.") from None
    if not moved.is_dir():
        raise InputError(f"The videos of {str(folder)!r} are no more in {str(moved)!r}; give their place by --source.")
    return moved
