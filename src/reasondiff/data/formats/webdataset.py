"""WebDataset tars: files of one sample share their name up to the first dot, ``key.mp4``, ``key.txt``, ``key.json``."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from reasondiff.data.formats.base import Reading, Row, is_media, split_alternatives
from reasondiff.data.formats.table import CAPTION_COLUMNS

__all__ = ["read_tars"]

_LARGEST_TEXT = 2**20
"""Bytes of a text in a tar that are read: far above any caption, far below what would fill the memory."""


@dataclass
class _Sample:
    """The files of one key, while a tar is read."""

    media: list[str] = field(default_factory=list)
    captions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By kind of file; ``txt`` is preferred to ``json``."""
    problem: str | None = None


def read_tars(paths: Sequence[Path]) -> Reading:
    """Read the names and texts of tars; the videos stay in them."""
    rows: list[Row] = []
    kinds: dict[str, int] = {}
    for path in paths:
        rows += _read_tar(path, kinds)
    unused = tuple(f"{count} members that end in {kind!r}" for kind, count in sorted(kinds.items()))
    several = sum(len(row.captions) > 1 for row in rows)
    notes = (f"{several} videos have several caption lines; each line is taken as an alternative.",) if several else ()
    return Reading("WebDataset tars", tuple(rows), notes, unused, tuple(paths))


def _read_tar(path: Path, kinds: dict[str, int]) -> list[Row]:
    samples: dict[str, _Sample] = {}
    broken: str | None = None
    count = 0
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                count += 1
                if member.isfile():
                    _take(tar, member, samples, kinds)
                elif not member.isdir():
                    kinds["link"] = kinds.get("link", 0) + 1
    except (tarfile.TarError, EOFError, OSError) as error:
        broken = f"the tar is damaged: {' '.join(str(error).split())}"
    rows = [row for key, sample in samples.items() for row in _rows(path, key, sample)]
    if broken:
        rows.append(Row(f"{path.name} after member {count}", (), path.parent, problem=broken))
    return rows


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, samples: dict[str, _Sample], kinds: dict[str, int]) -> None:
    name = PurePosixPath(member.name)
    stem, _, kind = name.name.partition(".")
    sample = samples.setdefault((name.parent / stem).as_posix(), _Sample())
    kind = kind.lower()
    if is_media(PurePosixPath(f"a.{kind}")):
        sample.media.append(member.name)
    elif kind in ("txt", "json") and member.size <= _LARGEST_TEXT:
        file = tar.extractfile(member)
        data = b"" if file is None else file.read()
        try:
            sample.captions[kind] = _captions(kind, data.decode("utf-8-sig"))
        except ValueError:
            sample.problem = f"its caption cannot be read: {member.name!r} is no {kind.upper()} in UTF-8"
    else:
        kinds[f".{kind}"] = kinds.get(f".{kind}", 0) + 1


def _captions(kind: str, text: str) -> tuple[str, ...]:
    if kind == "txt":
        return split_alternatives(text)
    value = json.loads(text)
    told = next((value[name] for name in CAPTION_COLUMNS if name in value), "") if isinstance(value, dict) else ""
    texts = told if isinstance(told, list) else [told]
    return split_alternatives("\n".join(" ".join(each.split()) for each in texts if isinstance(each, str)))


def _rows(path: Path, key: str, sample: _Sample) -> list[Row]:
    where = f"{path.name}::{key}"
    captions = sample.captions.get("txt") or sample.captions.get("json") or ()
    if not sample.media:
        return [Row(where, (), path.parent, problem="it has no video in the tar")]
    if len(sample.media) > 1:
        names = ", ".join(map(repr, sample.media))
        return [Row(where, (), path.parent, problem=f"several files of the tar have this name: {names}")]
    return [Row(where, (path.name,), path.parent, captions, member=sample.media[0], problem=sample.problem)]
