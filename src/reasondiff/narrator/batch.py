"""Many narratives: a row in, a row out, whatever happens in between.

The result file is JSON Lines and only ever grows by whole lines. A killed run is continued by the same call: rows that
are in the file are not asked for again.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from reasondiff.claims import only_writer
from reasondiff.errors import CheckpointError, InputError, ProviderError, ReasonDiffError
from reasondiff.media import load_image
from reasondiff.narrator.base import Narrator
from reasondiff.narrator.in_flight import in_flight
from reasondiff.narrator.providers.base import UnavailableError
from reasondiff.narrator.result_file import append, keep_lines, read_lines
from reasondiff.secrets import without_secrets

__all__ = ["Result", "Row", "finished", "read_rows", "run_batch"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"}

PATIENCE = 5
"""Rows in a row that a narrator could not be asked for, before a batch gives up."""


@dataclass(frozen=True)
class Row:
    """One question.

    Args:
        key: tells it from all other rows of the batch; equal questions get different ones.
        image: path.
        prompt: the user's text.
        num_frames: f.
        interval: seconds between frames.
        fault: why it cannot be asked; "" if it can.
    """

    key: str
    image: str
    prompt: str
    num_frames: int
    interval: float
    fault: str = ""


@dataclass(frozen=True)
class Result:
    """One answer: a narrative's file content, or the sentence that says why there is none."""

    row: Row
    narrative: Mapping[str, Any] | None
    error: str
    seconds: float
    unavailable: bool = False
    """The narrator could be asked nothing at that time."""

    def to_dict(self) -> dict[str, Any]:
        """The line of the result file."""
        told = {"narrative": self.narrative} if self.narrative else {"error": self.error}
        return {"key": self.row.key, "status": "ok" if self.narrative else "failed", "image": self.row.image,
                "prompt": self.row.prompt, "seconds": self.seconds, **told}  # fmt: skip


def read_rows(source: str | Path, *, num_frames: int, interval: float) -> list[Row]:
    """The questions of a CSV file, a JSON Lines file, or a folder.

    Files have the columns ``image`` (a path relative to the file) and ``prompt``, and may have ``num_frames`` and
    ``interval``. A folder holds images, with the prompt of ``x.png`` in ``x.txt``, or a ``prompts.csv``.

    Args:
        source: path.
        num_frames: of rows that do not say.
        interval: of rows that do not say.

    Returns:
        One row per line or image; what is wrong with a single one is in its ``fault``.

    Raises:
        InputError: the source cannot be read as a whole.
    """
    source = Path(source)
    if source.is_dir() and (source / "prompts.csv").is_file():
        source = source / "prompts.csv"
    try:
        folder = source if source.is_dir() else source.parent
        if source.is_dir():
            entries = _folder(source)
        else:  # bytes that are no UTF-8 become surrogates, which _row reports where they stand
            _check_bytes(source)
            with source.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
                entries = _entries(file, source.suffix.lower())
    except (OSError, csv.Error) as error:
        raise InputError(f"The batch {str(source)!r} cannot be read ({error}); give a CSV, JSONL or folder.") from None
    if not entries:
        raise InputError(f"The batch {str(source)!r} has no rows; give the columns 'image' and 'prompt'.")
    if not any("image" in entry and "prompt" in entry for entry in entries):
        raise InputError(f"The batch {str(source)!r} has no columns 'image' and 'prompt'; name them so.")
    seen: Counter[str] = Counter()
    return [_row(entry, folder, num_frames, interval, seen) for entry in entries]


def _check_bytes(source: Path) -> None:
    """Raise ``InputError`` for UTF-16, which spreadsheets write as "Unicode text", and for whatever is no text."""
    with source.open("rb") as file:
        if b"\0" in file.read(4096):
            raise InputError(f"The batch {str(source)!r} is not UTF-8 text; save it as CSV in UTF-8.")


def finished(out: str | Path) -> dict[str, bool]:
    """Keys of the rows that a result file holds, with whether they succeeded; {} if there is no file.

    Raises:
        InputError: the file is something else.
    """
    return {str(row["key"]): row["status"] == "ok" for row in read_lines(Path(out), _is_result)}


def _is_result(row: Mapping[str, object]) -> bool:
    return "key" in row and "status" in row


def run_batch(
    rows: Sequence[Row], narrator: Narrator, out: str | Path, *, concurrency: int = 4, retry_failed: bool = False
) -> Iterator[Result]:
    """Answer every row that ``out`` does not hold yet, in no particular order.

    Each result is on disk before it is yielded. Closing the iterator stops the batch; rows in flight are not recorded
    and will be asked again.

    Args:
        rows: from ``read_rows``.
        narrator: safe to call from several threads, as all of ours are.
        out: the JSON Lines file.
        concurrency: questions in flight at the same time.
        retry_failed: ask again for rows that failed before; their old lines go.

    Raises:
        InputError: ``out`` cannot be written, is being written by another run, or holds other things.
        ProviderError: the narrator cannot be asked at all; rows that it was not asked for are left for another time.
    """
    if concurrency < 1:
        raise InputError(f"{concurrency} questions at a time ask nothing; give 1 or more.")
    out = Path(out)
    with only_writer(out):
        done = finished(out)
        kept = {key for key, succeeded in done.items() if succeeded or not retry_failed}
        keep_lines(out, _is_result, lambda row: str(row["key"]) in kept)
        waiting = [row for row in rows if row.key not in done or (retry_failed and not done[row.key])]
        answers = in_flight(waiting, lambda row: _answer(row, narrator), concurrency)
        try:
            with out.open("ab") as file:
                for result in _in_order_of_trust(answers, len(waiting)):
                    append(file, result.to_dict())
                    yield result
        except OSError as error:
            raise InputError(f"{str(out)!r} cannot be written ({error.strerror}); choose another -o.") from None


def _in_order_of_trust(results: Iterator[Result], expected: int) -> Iterator[Result]:
    """The same results; those of a narrator that cannot be asked are held back until one shows that it can.

    Raises:
        ProviderError: it could not be asked ``PATIENCE`` times in a row, and there are more rows to ask.
    """
    held: list[Result] = []
    for count, result in enumerate(results, 1):
        if not result.unavailable:
            yield from (*held, result)
            held.clear()
            continue
        held.append(result)
        if len(held) == PATIENCE and count < expected:
            raise ProviderError(f"{PATIENCE} rows in a row, the last: {result.error} The same command goes on later.")
    yield from held


def _answer(row: Row, narrator: Narrator) -> Result:
    started, narrative, error, unavailable = time.perf_counter(), None, row.fault, False
    if not error:
        try:
            image = load_image(row.image)
            narrative = narrator.narrate(image, row.prompt, num_frames=row.num_frames, interval=row.interval)
        except ReasonDiffError as failure:
            error = " ".join(str(failure).split())
            unavailable = isinstance(failure, UnavailableError | CheckpointError)
        except Exception as failure:  # one bad row must not stop the others
            error = without_secrets(f"Unexpected: {type(failure).__name__}: {failure}")
    seconds = round(time.perf_counter() - started, 3)
    return Result(row, narrative.to_dict() if narrative else None, error, seconds, unavailable)


def _row(entry: Mapping[str, Any], folder: Path, num_frames: int, interval: float, seen: Counter[str]) -> Row:
    image = str(entry.get("image") or "")
    prompt = str(entry.get("prompt") or "")
    fault = str(entry.get("fault") or "") or _fault_of(image, prompt)
    try:
        num_frames = int(entry.get("num_frames") or num_frames)
        interval = float(entry.get("interval") or interval)
    except (TypeError, ValueError):
        fault = fault or f"The row's num_frames or interval is no number: {entry.get('num_frames')!r}."
    asked = hashlib.sha256(json.dumps([image, prompt, num_frames, interval]).encode()).hexdigest()[:16]
    seen[asked] += 1
    key = asked if seen[asked] == 1 else f"{asked}-{seen[asked]}"
    return Row(key, str(folder / image) if image else "", prompt, num_frames, interval, fault)


def _fault_of(image: str, prompt: str) -> str:
    """Why nothing can be asked of a row; "" where it can."""
    if re.search("[\ud800-\udfff]", image + prompt):
        return "The row is not UTF-8 text; save the file as UTF-8."
    if not image:
        return "The row names no image; fill in 'image'."
    if not prompt.strip():
        return "The row has no prompt; fill in 'prompt'."
    return ""


def _entries(file: TextIO, suffix: str) -> list[Mapping[str, object]]:
    """One mapping per row; a line that is none says so under ``fault``."""
    if suffix in {".jsonl", ".ndjson"}:  # by line feeds only: a text in JSON may hold other line breaks
        return [_object(line) for line in file.read().split("\n") if line.strip()]
    return list(csv.DictReader(file))


def _object(line: str) -> Mapping[str, object]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {"fault": f"The line is not JSON: {line[:60]!r}."}
    return entry if isinstance(entry, dict) else {"fault": f"The line is not a JSON object: {line[:60]!r}."}


def _folder(folder: Path) -> list[Mapping[str, object]]:
    entries: list[Mapping[str, object]] = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):  # ._x.png is a Mac's note about x.png
            continue
        text = path.with_suffix(".txt")
        try:
            entries.append({"image": path.name, "prompt": text.read_text(encoding="utf-8").strip()})
        except (OSError, UnicodeDecodeError):
            fault = f"There is no readable {text.name!r} with the prompt of {path.name!r}; write one."
            entries.append({"image": path.name, "prompt": "", "fault": fault})
    return entries
