"""Tables with a row per video, under the column names that people use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reasondiff.data.formats.base import Reading, Row, split_alternatives
from reasondiff.data.formats.frame_captions import split_frame_captions
from reasondiff.data.formats.table_files import read_rows
from reasondiff.errors import InputError

__all__ = ["CAPTION_COLUMNS", "VIDEO_COLUMNS", "read_table"]

VIDEO_COLUMNS = ("file_name", "video", "video_path", "media_path", "path", "filename")
"""Columns that name the file: VideoFolder and the released research code, DiffSynth and OpenVid, musubi-tuner, LTX."""

CAPTION_COLUMNS = ("caption", "text", "prompt", "captions")
"""Columns that describe the video."""


def read_table(path: Path, *, fps: float | None = None, anywhere: bool = False, title: str = "") -> Reading:
    """Read a table by the names of its columns.

    Args:
        path: of the table.
        fps: the rate of all of its videos, whatever their files say.
        anywhere: its videos may lie in any folder below.
        title: of the convention.

    Raises:
        InputError: it is damaged, or no column names a video.
    """
    table = read_rows(path)
    video = _first(VIDEO_COLUMNS, table.columns)
    caption = _first(CAPTION_COLUMNS, table.columns)
    if video is None:
        raise InputError(
            f"{str(path)!r} has no column that names a video ({', '.join(table.columns) or 'no columns'}); "
            f"name one {', '.join(VIDEO_COLUMNS)}."
        )
    notes: tuple[str, ...] = ()
    if caption is None:
        notes = (f"{path.name!r} has no column of captions; name one {', '.join(CAPTION_COLUMNS)}.",)
    rows = [_row(path, number, row, video, caption, fps=fps, anywhere=anywhere) for number, row in table.rows]
    rows, more = split_frame_captions(path.name, rows)
    unused = tuple(f"column {name!r}" for name in table.columns if name not in (video, caption))
    return Reading(title or "a table with a row per video", tuple(rows), notes + more, unused, (path,))


def _row(
    path: Path,
    number: int,
    values: dict[str, object] | str,
    video: str,
    caption: str | None,
    *,
    fps: float | None,
    anywhere: bool,
) -> Row:
    where = f"{path.name} row {number}"
    if isinstance(values, str):
        return Row(where, (), path.parent, problem=values)
    name = values.get(video)
    if isinstance(name, dict) and name.get("bytes"):
        return Row(where, (), path.parent, problem="it holds the video itself, not the name of a file")
    if isinstance(name, dict):
        name = name.get("path")
    if not isinstance(name, str) or not name.strip():
        return Row(where, (), path.parent, problem=f"its {video!r} is empty")
    captions = _captions(values.get(caption)) if caption else ()
    return Row(where, (name.strip(),), path.parent, captions, fps=fps, anywhere=anywhere)


def _captions(value: object) -> tuple[str, ...]:
    """One text is one caption, however many lines it has; a list is alternatives."""
    if isinstance(value, str):
        return split_alternatives(" ".join(value.split()))
    if isinstance(value, list):
        return split_alternatives("\n".join(" ".join(text.split()) for text in value if isinstance(text, str)))
    return ()


def _first(wanted: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in columns), None)
