"""ActivityNet's JSON: ``{"database": {ID: {"annotations": [{"segment": [s, e], "label": ...}]}}}``, and its captions.

ActivityNet Captions is ``{"v_ID": {"duration": ..., "timestamps": [[s, e]], "sentences": [...]}}``. Every span becomes
a record of its own.
"""

from __future__ import annotations

from pathlib import Path

from reasondiff.data.formats.base import Reading, Row, split_alternatives
from reasondiff.data.formats.text import read_json
from reasondiff.errors import InputError

__all__ = ["read_activitynet", "recognises_activitynet"]

_SUFFIXES = (".mp4", ".mkv", ".webm")


def recognises_activitynet(path: Path) -> bool:
    """Whether a JSON file is one of the two."""
    if path.suffix.lower() != ".json":
        return False
    try:
        value = read_json(path)
    except InputError:
        return False
    if not isinstance(value, dict):
        return False
    first = next(iter(value.values()), None)
    return isinstance(value.get("database"), dict) or (isinstance(first, dict) and "timestamps" in first)


def read_activitynet(path: Path) -> Reading:
    """Read the spans of every video; ``v_ID.mp4`` may lie in any folder below."""
    value = read_json(path)
    assert isinstance(value, dict)
    whole = value.get("database")
    captions = whole is None
    videos = value if whole is None else whole
    rows: list[Row] = []
    empty = 0
    for key, entry in videos.items():
        spans = _spans(entry, captions)
        empty += not spans
        subset = entry.get("subset") if isinstance(entry, dict) else None
        rows += [_row(path, str(key), number, span, subset) for number, span in enumerate(spans, 1)]
    title = "ActivityNet Captions' JSON" if captions else "ActivityNet's JSON"
    notes = (f"{empty} videos of {path.name!r} have no span, as those of its test set, and are not used.",)
    return Reading(title, tuple(rows), notes if empty else (), files=(path,))


def _spans(entry: object, captions: bool) -> list[tuple[object, object]]:
    """Each span, as (start, end), and what is told about it."""
    if not isinstance(entry, dict):
        return []
    if captions:
        times, texts = entry.get("timestamps"), entry.get("sentences")
        if not isinstance(times, list) or not isinstance(texts, list):
            return []
        return list(zip(times, texts, strict=False))
    told = entry.get("annotations")
    if not isinstance(told, list):
        return []
    return [(each.get("segment"), each.get("label")) for each in told if isinstance(each, dict)]


def _row(path: Path, key: str, number: int, told: tuple[object, object], subset: object) -> Row:
    where = f"{path.name} {key} span {number}"
    span, text = told
    if not (isinstance(span, list) and len(span) == 2 and all(isinstance(end, int | float) for end in span)):
        return Row(where, (), path.parent, problem="its span is no pair of seconds")
    start, end = max(0.0, float(span[0])), float(span[1])
    if end <= start:
        return Row(where, (), path.parent, problem="its span ends before it begins")
    name = key if key.startswith("v_") else f"v_{key}"
    files = tuple(f"{name}{suffix}" for suffix in _SUFFIXES)
    captions = split_alternatives(" ".join(text.split())) if isinstance(text, str) else ()
    split = subset if isinstance(subset, str) else None
    return Row(where, files, path.parent, captions, start=start, end=end, split=split, anywhere=True)
