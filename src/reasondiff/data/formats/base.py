"""What every convention is read into: rows that name a video and say what is told about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

__all__ = ["CAPTION_SUFFIX", "MEDIA_SUFFIXES", "Reading", "Row", "is_media", "split_alternatives"]

MEDIA_SUFFIXES = frozenset(
    {
        ".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".gif", ".m2ts", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4",
        ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
    }
)  # fmt: skip
"""File names that are taken for videos; what is in them is found out by opening them."""

CAPTION_SUFFIX = ".txt"


@dataclass(frozen=True)
class Row:
    """One video as a file names it; whether it is there is not known yet.

    Args:
        where: file and row, to name it to a person.
        videos: ways to write its path, the most likely first.
        folder: of the file that names it.
        captions: alternatives that describe the whole video.
        frame_captions: one per frame.
        start: seconds.
        end: seconds, or None.
        fps: the rate to play at, or None.
        member: name inside the video's file, which is a tar.
        split: the part of the set that it belongs to, where the set has parts.
        anywhere: the file may lie in any folder below, found by its name without suffix.
        problem: why it cannot be used, where that is known already; after the first ": ", what is special about it.
    """

    where: str
    videos: tuple[str, ...]
    folder: Path
    captions: tuple[str, ...] = ()
    frame_captions: tuple[str, ...] = ()
    start: float = 0.0
    end: float | None = None
    fps: float | None = None
    member: str | None = None
    split: str | None = None
    anywhere: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class Reading:
    """What a file or folder holds.

    Args:
        title: the convention, as a person would call it.
        rows: in the order of the file.
        notes: sentences that a person should read.
        unused: keys or columns that were not used.
        files: that were read, or belong to what was read.
    """

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def is_media(path: PurePath) -> bool:
    """Whether a file's name is that of a video."""
    return path.suffix.lower() in MEDIA_SUFFIXES


def split_alternatives(text: str) -> tuple[str, ...]:
    """The lines of a caption file that say something, each once."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))
