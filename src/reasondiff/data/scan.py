"""From a folder of anybody's videos to records: what is used, what is not, and why."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from reasondiff.data.formats.base import Row, is_media
from reasondiff.data.formats.detect import readings
from reasondiff.data.media_files import opened_media
from reasondiff.data.places import Places, files_below
from reasondiff.data.records import Unusable, VideoRecord, digest
from reasondiff.errors import InputError

__all__ = ["Scan", "scan"]

_ARCHIVES = {".zip", ".rar", ".7z", ".gz"}
"""What people pack videos into; of these nothing is read."""


@dataclass(frozen=True)
class Scan:
    """What a source holds.

    Args:
        root: the folder that the records' paths begin at.
        conventions: by which it was read.
        records: what can be used, in the order of the source.
        unusable: what cannot.
        notes: sentences that a person should read.
        unused: keys, columns and kinds of files that were not used.
    """

    root: Path
    conventions: tuple[str, ...]
    records: tuple[VideoRecord, ...]
    unusable: tuple[Unusable, ...]
    notes: tuple[str, ...]
    unused: tuple[str, ...]


def scan(source: Path, *, probe: bool = True, progress: Callable[[int, int], None] | None = None) -> Scan:
    """Find the videos of a source and what is told about them, by detecting its convention.

    Args:
        source: a folder, or one table, dataset file or tar.
        probe: open every video and decode its first frame; without, only whether it is there is known.
        progress: called with the number of videos that were looked at, and of all.

    Raises:
        InputError: there is no such source, it is of no known kind, or it is damaged as a whole.
    """
    if not source.exists():
        raise InputError(f"There is no {str(source)!r}; check the path.")
    root = source if source.is_dir() else source.parent
    files, notes = files_below(root)
    if packed := [path.name for path in files if path.suffix.lower() in _ARCHIVES]:
        notes += (f"{packed[0]!r} is an archive and was not opened; unpack it, or pack its videos as a .tar.",)
    read, others = readings(source, files)
    if others:
        names = ", ".join(repr(path.relative_to(root).as_posix()) for path in others)
        notes += (f"{names} may name videos, too, and was not read; scan it by its own name.",)
    rows = [row for reading in read for row in reading.rows]
    places = Places(root, files)
    records, unusable, more = _records(root, places, rows)
    if source.is_dir():
        named = {found.path for row in rows if row.videos and (found := places.find(row)).path is not None}
        unusable += _unnamed(root, files, named | {file for reading in read for file in reading.files})
    if probe:
        records, bad = _probed(root, records, progress)
        unusable += bad
    used = {file for reading in read for file in reading.files}
    return Scan(
        root,
        tuple(dict.fromkeys(reading.title for reading in read)),
        tuple(records),
        tuple(unusable),
        notes + tuple(note for reading in read for note in reading.notes) + tuple(more),
        tuple(dict.fromkeys(name for reading in read for name in reading.unused)) + _left_over(source, files, used),
    )


def _records(root: Path, places: Places, rows: list[Row]) -> tuple[list[VideoRecord], list[Unusable], list[str]]:
    """Rows whose file is there as records, the others with their reason, and notes; a repeated video is one record."""
    found: dict[str, VideoRecord] = {}
    unusable: list[Unusable] = []
    notes: list[str] = []
    for row in rows:
        if row.problem:
            unusable.append(Unusable.of(row.where, row.problem))
            continue
        place = places.find(row)
        if place.note:
            notes.append(place.note)
        if place.path is None:
            unusable.append(Unusable.of(row.where, place.problem))
            continue
        record = _record(root, place.path, row)
        before = found.get(record.id)
        if before is None:
            found[record.id] = record
        elif set(record.captions) <= set(before.captions) and record.frame_captions == before.frame_captions:
            unusable.append(Unusable(row.where, "it repeats another row", before.origin))
        elif record.frame_captions or before.frame_captions:
            unusable.append(Unusable(row.where, "it tells another story of the same video", before.origin))
        else:
            captions = tuple(dict.fromkeys(before.captions + record.captions))
            found[record.id] = replace(before, captions=captions)
            notes.append(f"{row.where} names the video of {before.origin}; its caption is taken as an alternative.")
    return list(found.values()), unusable, notes


def _record(root: Path, path: Path, row: Row) -> VideoRecord:
    absolute = Path(path.parent.resolve()) / path.name
    inside = absolute.is_relative_to(root.resolve())
    name = (absolute.relative_to(root.resolve()) if inside else absolute).as_posix()
    identity = digest(unicodedata.normalize("NFC", name), row.member, row.start, row.end)
    return VideoRecord(
        identity, name, row.member, row.captions, row.frame_captions, row.start, row.end, row.fps, row.where,
        row.split,
    )  # fmt: skip


def _unnamed(root: Path, files: list[Path], named: set[Path]) -> list[Unusable]:
    """Videos in the folder that nothing names, so that they are not left out in silence."""
    known = {path.resolve() for path in named}
    names = [path.relative_to(root).as_posix() for path in files if is_media(path) and path.resolve() not in known]
    return [Unusable(name, "no row names it") for name in names]


def _left_over(source: Path, files: list[Path], used: set[Path]) -> tuple[str, ...]:
    """Other files of a folder, counted by their ending."""
    if not source.is_dir():
        return ()
    counts: dict[str, int] = {}
    for path in files:
        if path not in used and not is_media(path):
            counts[path.suffix.lower()] = counts.get(path.suffix.lower(), 0) + 1
    return tuple(
        f"{count} {'files that end' if count > 1 else 'file that ends'} in {suffix!r}"
        for suffix, count in sorted(counts.items())
    )


def _probed(
    root: Path, records: list[VideoRecord], progress: Callable[[int, int], None] | None
) -> tuple[list[VideoRecord], list[Unusable]]:
    good: list[VideoRecord] = []
    bad: list[Unusable] = []
    for number, record in enumerate(records, 1):
        problem = _problem_of(root, record)
        if problem is None:
            good.append(record)
        else:
            bad.append(Unusable.of(record.name, problem))
        if progress is not None:
            progress(number, len(records))
    return good, bad


def _problem_of(root: Path, record: VideoRecord) -> str | None:
    """Why a video cannot be used, after opening it; None where it can."""
    from reasondiff.media import timed_frames, video_info

    try:
        with opened_media(root / record.path, record.member) as path:
            if path.stat().st_size == 0:
                return "it is empty: 0 bytes"
            info = video_info(path)
            next(timed_frames(path))
    except (InputError, OSError) as error:
        return f"it cannot be played: {error}"
    if info.num_frames < 2:
        return "it has a single frame: a picture is no video"
    seconds = info.num_frames / (record.fps or info.fps)
    if record.start >= seconds:
        return f"its span begins after the video's end: {record.start:g} s of {seconds:.2f} s"
    if record.frame_captions and len(record.frame_captions) != info.num_frames:
        return f"its captions are not one per frame: {len(record.frame_captions)} captions, {info.num_frames} frames"
    return None
