"""MSR-VTT's JSON in both flavours: ``videos`` and ``sentences``, or ``annotations`` with ``image_id``."""

from __future__ import annotations

from pathlib import Path

from reasondiff.data.formats.base import Reading, Row, split_alternatives
from reasondiff.data.formats.text import read_json
from reasondiff.errors import InputError

__all__ = ["read_msrvtt", "recognises_msrvtt"]

_SUFFIXES = (".mp4", ".avi", ".webm")


def recognises_msrvtt(path: Path) -> bool:
    """Whether a JSON file is one of the two."""
    if path.suffix.lower() != ".json":
        return False
    try:
        value = read_json(path)
    except InputError:
        return False
    return isinstance(value, dict) and _sentences(value) is not None


def read_msrvtt(path: Path) -> Reading:
    """Read the captions of every video, some 20 alternatives each; ``video7.mp4`` may lie in any folder below.

    The files are cut already: the times in the JSON are those in the films they were cut from and are not used.
    """
    value = read_json(path)
    assert isinstance(value, dict)
    found = _sentences(value)
    assert found is not None
    sentences, key = found
    listed = value.get("videos")
    named = [each for each in listed if _names(each, "video_id")] if isinstance(listed, list) else []
    videos = [each["video_id"] for each in named]
    splits = {each["video_id"]: each.get("split") for each in named}
    told: dict[str, list[str]] = {name: [] for name in videos}
    bad: list[Row] = []
    for number, each in sorted(enumerate(sentences, 1), key=_sentence_number):
        if not _names(each, key) or not isinstance(each.get("caption"), str):
            where = f"{path.name} sentence {number}"
            bad.append(Row(where, (), path.parent, problem=f"it has no {key!r} or no 'caption'"))
            continue
        told.setdefault(each[key], []).append(" ".join(each["caption"].split()))
    rows = [_row(path, name, captions, splits.get(name)) for name, captions in told.items()]
    notes = ("The captions of one video are taken as alternatives.",)
    unused = ("key 'start time'", "key 'end time'", "key 'category'") if videos else ()
    return Reading("MSR-VTT's JSON", (*rows, *bad), notes, unused, (path,))


def _sentences(value: dict[str, object]) -> tuple[list[dict[str, str]], str] | None:
    """The captions and the key that names their video; None where this is no MSR-VTT."""
    for name, key in (("sentences", "video_id"), ("annotations", "image_id")):
        rows = value.get(name)
        if isinstance(rows, list) and rows and _names(rows[0], key) and "caption" in rows[0]:
            return rows, key
    return None


def _names(value: object, key: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(key), str)


def _sentence_number(numbered: tuple[int, dict[str, str]]) -> tuple[int, int]:
    """By ``sen_id`` where there is one, so that the first alternative is the same whatever the order of the file."""
    number, sentence = numbered
    told = sentence.get("sen_id") if isinstance(sentence, dict) else None
    return (told, number) if isinstance(told, int) else (0, number)


def _row(path: Path, name: str, captions: list[str], split: object) -> Row:
    files = tuple(f"{name}{suffix}" for suffix in _SUFFIXES)
    texts = split_alternatives("\n".join(captions))
    part = split if isinstance(split, str) else None
    return Row(f"{path.name} {name}", files, path.parent, texts, split=part, anywhere=True)
