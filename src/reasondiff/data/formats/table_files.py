"""The files that tables come in: CSV, TSV, JSON, JSON Lines and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reasondiff.data.formats.text import read_json, read_text
from reasondiff.errors import InputError

__all__ = ["TABLE_SUFFIXES", "Table", "header_of", "read_rows"]

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".parquet"})


@dataclass(frozen=True)
class Table:
    """A table as it stands in its file.

    Args:
        columns: their names in lower case.
        rows: (number, values by column, or the sentence that says why they cannot be read).
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, object] | str], ...]


def header_of(path: Path) -> tuple[str, ...]:
    """The columns of a table, without reading the whole; none where it is no table.

    JSON files are read whole, because their first value says too little.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in (".csv", ".tsv"):
            with path.open("rb") as file:
                start = file.readline(2**20)
            first = start.decode("utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "ignore")
            return tuple(_names(first.rstrip("\r\n\0").split(_delimiter(first))))
        if suffix in TABLE_SUFFIXES:
            return read_rows(path).columns
    except InputError:
        return ()
    return ()


def read_rows(path: Path) -> Table:
    """Read a table in whatever kind of file.

    Raises:
        InputError: it is damaged, of another kind, or needs a package that is not installed.
    """
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return _csv(path)
        case ".jsonl":
            return _json_lines(path)
        case ".json":
            value = read_json(path)
            if not isinstance(value, list):
                raise InputError(f"{str(path)!r} is no list of rows; write one object per video in a list.")
            return _of_objects(enumerate(value, 1))
        case ".parquet":
            return _parquet(path)
    raise InputError(f"{str(path)!r} is no table; give one that ends in {', '.join(sorted(TABLE_SUFFIXES))}.")


def _csv(path: Path) -> Table:
    text = read_text(path)
    lines = csv.reader(io.StringIO(text), delimiter=_delimiter(text.partition("\n")[0]), strict=True)
    try:
        columns = _names(next(lines, []))
        # Row 1 is the first below the header, as in a data frame; a spreadsheet counts one more.
        rows = [(number, _cells(columns, cells)) for number, cells in enumerate(lines, 1) if cells]
    except csv.Error as error:
        raise InputError(f"Line {lines.line_num} of {str(path)!r} is no CSV ({error}); write it again.") from None
    return Table(columns, tuple(rows))


def _cells(columns: Sequence[str], cells: list[str]) -> dict[str, object] | str:
    if len(cells) > len(columns):
        return "it has more cells than the header; put captions with the separator in them in quotes"
    return dict(zip(columns, cells, strict=False))


def _delimiter(header: str) -> str:
    """The separator that the header uses most; spreadsheets of half the world write semicolons."""
    return max(",;\t|", key=header.count)


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.strip().strip('"').strip().lower() for cell in cells)


def _json_lines(path: Path) -> Table:
    def values() -> Iterator[tuple[int, object]]:
        for number, line in enumerate(read_text(path).split("\n"), 1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, None

    return _of_objects(values())


def _of_objects(values: Iterator[tuple[int, object]] | enumerate[object]) -> Table:
    columns: dict[str, None] = {}
    rows: list[tuple[int, dict[str, object] | str]] = []
    for number, value in values:
        if not isinstance(value, dict):
            rows.append((number, "it is no JSON object"))
            continue
        row = {str(key).strip().lower(): each for key, each in value.items()}
        columns |= dict.fromkeys(row)
        rows.append((number, row))
    return Table(tuple(columns), tuple(rows))


def _parquet(path: Path) -> Table:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise InputError(
            f"Reading {str(path)!r} needs pyarrow; run pip install 'reasondiff[parquet]', or save it as CSV."
        ) from None
    try:
        rows = parquet.read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{str(path)!r} is no Parquet file ({reason}); download it again.") from None
    return _of_objects(enumerate(rows, 1))
