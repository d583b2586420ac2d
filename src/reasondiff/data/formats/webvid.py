"""WebVid's CSV: ``videoid,contentUrl,duration,page_dir,name``, for those who have the videos already."""

from __future__ import annotations

from pathlib import Path

from reasondiff.data.formats.base import Reading, Row, split_alternatives
from reasondiff.data.formats.table_files import header_of, read_rows

__all__ = ["read_webvid", "recognises_webvid"]

_USED = ("videoid", "page_dir", "name")


def recognises_webvid(path: Path) -> bool:
    """Whether a table has WebVid's columns."""
    return path.suffix.lower() in (".csv", ".parquet") and {"videoid", "name"} <= set(header_of(path))


def read_webvid(path: Path) -> Reading:
    """Read the table; videos lie at ``videos/PAGE_DIR/VIDEOID.mp4``, or anywhere below under their number."""
    table = read_rows(path)
    rows = [_row(path, number, values) for number, values in table.rows]
    unused = tuple(f"column {name!r}" for name in table.columns if name not in _USED)
    return Reading("WebVid's CSV", tuple(rows), unused=unused, files=(path,))


def _row(path: Path, number: int, values: dict[str, object] | str) -> Row:
    where = f"{path.name} row {number}"
    if isinstance(values, str):
        return Row(where, (), path.parent, problem=values)
    video, page = (str(values.get(name) or "").strip() for name in ("videoid", "page_dir"))
    if not video:
        return Row(where, (), path.parent, problem="its 'videoid' is empty")
    places = [f"videos/{page}/{video}.mp4", f"{page}/{video}.mp4"] if page else []
    caption = split_alternatives(" ".join(str(values.get("name") or "").split()))
    return Row(where, (*places, f"{video}.mp4"), path.parent, caption, anywhere=True)
