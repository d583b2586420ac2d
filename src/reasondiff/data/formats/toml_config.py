"""Dataset files of musubi-tuner (``[[datasets]]``) and diffusion-pipe (``[[directory]]``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reasondiff.data.formats.base import CAPTION_SUFFIX, Reading, Row
from reasondiff.data.formats.beside import read_folder
from reasondiff.data.formats.table import read_table
from reasondiff.data.formats.text import read_text
from reasondiff.errors import InputError

__all__ = ["read_toml", "recognises_toml"]


def recognises_toml(path: Path) -> bool:
    """Whether a TOML file is a dataset file of one of the two."""
    if path.suffix.lower() != ".toml":
        return False
    try:
        return bool({"datasets", "directory"} & _values(path).keys())
    except InputError:
        return False


def read_toml(path: Path) -> Reading:
    """Read a dataset file; whatever it says beyond places, captions and rates is listed as not used.

    Raises:
        InputError: it is no TOML, of neither kind, or names a folder or table that is not there.
    """
    values = _values(path)
    general = values.get("general", {})
    general = general if isinstance(general, dict) else {}
    blocks, title, key = values.get("datasets"), "a dataset file of musubi-tuner", "datasets"
    if blocks is None:
        blocks, title, key = values.get("directory"), "a dataset file of diffusion-pipe", "directory"
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise InputError(f"{str(path)!r} has no [[datasets]] and no [[directory]]; give a dataset file of a trainer.")
    used: set[str] = set()
    readings: list[Reading] = []
    for number, block in enumerate(blocks):
        label = f"{key}[{number}]"
        reading = _read_block(path, label, block, general, used)
        if reading is not None:
            readings.append(reading)
    everything = _flat("", {name: value for name, value in values.items() if name != key})
    for number, block in enumerate(blocks):
        everything += _flat(f"{key}[{number}].", block)
    unused = tuple(f"key {name!r}" for name in everything if name not in used)
    rows, repeated = _once(readings)
    notes = [note for reading in readings for note in reading.notes]
    if repeated:
        notes.append(f"{repeated} videos are named by several blocks of {path.name!r} and are taken once.")
    columns = tuple(name for reading in readings for name in reading.unused)
    files = tuple(file for reading in readings for file in reading.files)
    return Reading(title, rows, tuple(notes), unused + columns, (path, *files))


def _read_block(
    path: Path, label: str, block: Mapping[str, object], general: Mapping[str, object], used: set[str]
) -> Reading | None:
    """The videos of one block; None where it has images only. Adds the keys that it uses to ``used``."""

    def take(name: str) -> object:
        if name in block:
            used.add(f"{label}.{name}")
            return block[name]
        if name in general:
            used.add(f"general.{name}")
            return general[name]
        return None

    fps = take("source_fps")
    if fps is not None and not (isinstance(fps, int | float) and 0 < fps <= 1000):
        raise InputError(f"source_fps of {label} in {str(path)!r} is {fps!r}; give a number above 0, at most 1000.")
    rate = None if fps is None else float(fps)
    table = take("video_jsonl_file")
    if isinstance(table, str):
        return read_table(_place(path, label, table), fps=rate)
    folder = take("video_directory" if label.startswith("datasets") else "path")
    if not isinstance(folder, str):
        return None
    suffix = take("caption_extension") or CAPTION_SUFFIX
    place = _place(path, label, folder)
    reading = read_folder(place, suffix=str(suffix).lower(), deep=False, fps=rate)
    return replace(reading, rows=tuple(replace(row, where=f"{label} {row.where}") for row in reading.rows))


def _place(path: Path, label: str, name: str) -> Path:
    """Where a block's folder or table is: from the file's own folder first, then from here."""
    places = [path.parent / name, Path(name)]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise InputError(f"{label} of {str(path)!r} names {name!r}, which is not there; correct the path.")
    return found


def _once(readings: list[Reading]) -> tuple[tuple[Row, ...], int]:
    """Rows without those that an earlier block has already, and how many those are."""
    seen: dict[tuple[object, ...], Row] = {}
    repeated = 0
    for reading in readings:
        within = {(row.folder, row.videos) for row in reading.rows if row.videos} & seen.keys()
        repeated += len(within)
        for number, row in enumerate(reading.rows):
            name = (row.folder, row.videos) if row.videos else (row.where, number)
            if name not in within:
                # Within one block a repetition is a fault, which the scan reports.
                seen[name if name not in seen else (*name, number)] = row
    return tuple(seen.values()), repeated


def _values(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is no TOML ({error}); correct it.") from None


def _flat(prefix: str, values: Mapping[str, object]) -> list[str]:
    """The names of all values, tables in tables joined by dots."""
    names: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict):
            names += _flat(f"{prefix}{name}.", value)
        else:
            names.append(f"{prefix}{name}")
    return names
