"""What is known of a training video before it is sampled: one kind of record, whatever convention it came from.

A set is a folder; ``videos.jsonl`` in it holds the records, a line each.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar

from reasondiff.errors import InputError
from reasondiff.files import atomic_path

__all__ = ["Unusable", "VideoRecord", "digest", "read_lines", "write_lines"]

ID_LENGTH = 16
"""Hexadecimal digits of an id: 64 bits, with which two of ten million videos share one in 3 of a million sets."""

Line = TypeVar("Line")


@dataclass(frozen=True)
class VideoRecord:
    """One video, or a span of one.

    Args:
        id: hexadecimal; the same for the same place in the set, on every machine.
        path: of the file, with "/"; relative to the set's source folder where it lies inside, else absolute.
        member: name inside ``path`` where that is a tar.
        captions: alternatives that describe the whole video; often none.
        frame_captions: one per frame of a video that is already sampled; else none.
        start: seconds from the video's first frame.
        end: seconds; None is the video's end.
        fps: the rate to play the video at, whatever its file says; None believes the file.
        origin: file and row that named it.
        split: the part of the set that it belongs to, such as ``train``; None where the set has no parts.
    """

    id: str
    path: str
    member: str | None = None
    captions: tuple[str, ...] = ()
    frame_captions: tuple[str, ...] = ()
    start: float = 0.0
    end: float | None = None
    fps: float | None = None
    origin: str = ""
    split: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "captions", tuple(self.captions))
        object.__setattr__(self, "frame_captions", tuple(self.frame_captions))

    @property
    def name(self) -> str:
        """As a person would call it."""
        return f"{self.path}::{self.member}" if self.member else self.path


@dataclass(frozen=True)
class Unusable:
    """A row, file or clip that cannot be used.

    Args:
        row: which one.
        reason: the same words for the same cause, so that equal causes can be counted.
        detail: what is special about this one.
    """

    row: str
    reason: str
    detail: str = ""

    @classmethod
    def of(cls, row: str, problem: str) -> Unusable:
        """From one text: the reason, and after the first ": " the detail."""
        reason, _, detail = problem.partition(": ")
        return cls(row, reason, detail)


def digest(*parts: object) -> str:
    """An id made of JSON values, independent of machine and run."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def write_lines(path: Path, rows: Iterable[object]) -> None:
    """Write dataclass instances as JSON Lines, whole or not at all."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", errors="surrogateescape") as file:
        for row in rows:
            assert not isinstance(row, type)
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")  # type: ignore[call-overload]


def read_lines(path: Path, kind: type[Line]) -> list[Line]:
    """Read JSON Lines of dataclass instances.

    Raises:
        InputError: a line is no such instance; ``FileNotFoundError`` is left to the caller, who knows what is missing.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    rows: list[Line] = []
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            try:
                values = json.loads(line)
                unknown = values.keys() - known
                if unknown:
                    raise ValueError(f"unknown keys {sorted(unknown)}")
                rows.append(kind(**values))
            except (ValueError, TypeError, AttributeError) as error:
                raise InputError(
                    f"Line {number} of {os.fspath(path)!r} is no {kind.__name__} ({error}); make the set again."
                ) from None
    return rows
