"""OpenVid's CSV: ``video,caption,aesthetic score,motion score,...``; the videos come in many archives."""

from __future__ import annotations

from pathlib import Path

from reasondiff.data.formats.base import Reading
from reasondiff.data.formats.table import read_table
from reasondiff.data.formats.table_files import header_of

__all__ = ["read_openvid", "recognises_openvid"]


def recognises_openvid(path: Path) -> bool:
    """Whether a table has OpenVid's columns."""
    names = {name.replace("_", " ") for name in header_of(path)}
    return {"video", "caption", "aesthetic score", "motion score"} <= names


def read_openvid(path: Path) -> Reading:
    """Read the table; a video may lie in any folder below, as the archives were unpacked."""
    return read_table(path, anywhere=True, title="OpenVid's CSV")
