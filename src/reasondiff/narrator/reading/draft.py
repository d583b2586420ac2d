"""The shapes in which models tell a story, as one shape: a position and a row of items.

Only what these shapes hold leaves this module: other keys of a reply are read by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from reasondiff.narrator.reading.loose_json import decode_twice, find_values
from reasondiff.narrator.reading.times import TimePoint, Unit, read_range, read_time_point, unit_of_key

__all__ = ["DraftReply", "Item", "read_draft", "read_script"]

MAX_ITEMS = 10_000
"""Descriptions that are read; no video has as many frames."""


@dataclass(frozen=True, slots=True)
class Item:
    """One description and whatever its writer said about when it holds.

    ``at`` is a single frame or time; ``text`` is None where there was nothing or an ellipsis.
    """

    text: str | None
    start: TimePoint | None = None
    end: TimePoint | None = None
    length: TimePoint | None = None
    at: TimePoint | None = None
    elided: bool = False


@dataclass(frozen=True, slots=True)
class DraftReply:
    """A story before its times are understood."""

    position: TimePoint | None = None
    items: tuple[Item, ...] = ()
    style: str = ""
    reasoning: str = ""
    image: str = ""


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_POSITION = _names(
    "position pos imageposition frameposition positionofimage positionoftheimage anchor anchorframe anchorposition "
    "imageframe imageindex conditionframe condidx frame frameindex index positionseconds positionpercent imagetime "
    "timestamp time"
)
_ITEMS = _names(
    "clips segments scenes shots timeline story storyline storyboard script narrative descriptions framedescriptions "
    "perframedescriptions description frames captions prompts sequence"
)
_STYLE = _names("style globalstyle visualstyle look")
_REASONING = _names("reasoning reason rationale thought thoughts thinking explanation analysis")
_IMAGE = _names("image imageshows theimageshows imagedescription imagecontent")

_TEXT = _names("description descriptions text caption prompt content scene action desc event summary")
_START = _names(
    "start starts from begin first startframe framestart firstframe starttime timestart startsecond startseconds "
    "startpercent startpct startposition startindex"
)
_END = _names(
    "end ends to until through stop last endframe frameend lastframe endtime timeend endsecond endseconds "
    "endpercent endpct endposition endindex"
)
_RANGE = _names(
    "frames framerange range span interval time times timerange timestamp timestamps segment clip seconds percent when"
)
_AT = _names("frame index number framenumber frameindex frameno id time timestamp position")
_LENGTH = _names("duration length count numframes nframes framecount framescount durationframes durationseconds")


def _plain(key: str) -> str:
    return re.sub(r"[\W_]", "", key.casefold())


def _pick(data: dict[str, object], names: frozenset[str]) -> tuple[str, object] | None:
    """The first entry whose key, without case and punctuation, is one of ``names``."""
    return next(((key, value) for key, value in data.items() if _plain(key) in names and value is not None), None)


def read_draft(value: object, depth: int = 0) -> DraftReply | None:
    """A value found in a reply as a story; None if it tells none."""
    if depth > 3:
        return None
    if isinstance(value, str):
        return _from_text(value, depth)
    if isinstance(value, list):
        return _from_list(value, depth)
    if isinstance(value, dict):
        return _from_object(value, depth)
    return None


def _from_text(text: str, depth: int) -> DraftReply | None:
    """The last story in JSON that was written into a text, as JSON."""
    story = None
    for found in find_values(decode_twice(text)):
        story = read_draft(found.value, depth + 1) or story
    return story


def _from_list(parts: list[object], depth: int) -> DraftReply | None:
    """The story that is the only element, or the one whose clips are the elements."""
    if len(parts) == 1 and isinstance(parts[0], dict | str):
        draft = read_draft(parts[0], depth + 1)
        if draft:
            return draft
    items = tuple(_items(parts))
    has_objects = any(isinstance(part, dict) for part in parts)
    return DraftReply(items=items) if has_objects and _timed(items) else None


def _from_object(data: dict[str, object], depth: int) -> DraftReply | None:
    """A story by its keys, by times for keys, or in one of the values."""
    for key, inside in data.items():
        if _plain(key) not in _ITEMS or not isinstance(inside, list | dict):
            continue
        items = tuple(_items(inside))
        if items:
            return _with_fields(data, items)
        nested = read_draft(inside, depth + 1) if isinstance(inside, dict) else None
        if nested:
            return nested if nested.position else _with_fields(data, nested.items)

    items = tuple(_items(data))  # {"position": 81, "1-20": "...", "21-45": "..."}
    if _timed(items):
        return _with_fields(data, items)

    for inside in data.values():  # {"answer": {...}}, {"output": "{...}"}
        draft = read_draft(inside, depth + 1)
        if draft:
            return draft if draft.position else _with_fields(data, draft.items)
    return None


def _with_fields(data: dict[str, object], items: tuple[Item, ...]) -> DraftReply:
    """The story of these items, with the position, the style, the reasoning and the image that ``data`` names."""
    whole = _inside(items)
    if whole and whole.position:
        return whole
    return DraftReply(
        _first_position(data),
        whole.items if whole else items,
        _text_under(data, _STYLE),
        _text_under(data, _REASONING),
        _text_under(data, _IMAGE),
    )


def _first_position(data: dict[str, object]) -> TimePoint | None:
    """The first that can be read; what is called a position comes before what is called a frame."""
    names = [key for key in data if _plain(key) in _POSITION]
    names.sort(key=lambda key: "position" not in key.casefold())
    for name in names:
        point = _position(name, data[name])
        if point:
            return point
    return None


def _text_under(data: dict[str, object], names: frozenset[str]) -> str:
    entry = _pick(data, names)
    return "" if entry is None else _text(entry[1])


def _inside(items: tuple[Item, ...]) -> DraftReply | None:
    """The story that stands as JSON in the only description; None if there is none."""
    texts = [item.text for item in items]
    if len(texts) != 1 or not texts[0] or not texts[0].lstrip().startswith(("{", "[")):
        return None
    return read_draft(texts[0], depth=1)


def _position(key: str, raw: object) -> TimePoint | None:
    if isinstance(raw, dict):  # {"position": {"frame": 81}}
        key, raw = _pick(raw, _POSITION | _names("value")) or ("", None)
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    return read_time_point(raw, unit_of_key(key))


def _items(value: object) -> Iterator[Item]:
    """The row of descriptions in a list or a dict, with what their keys say about time."""
    if isinstance(value, list):
        for part in value[:MAX_ITEMS]:
            yield _item(part)
    elif isinstance(value, dict):
        for key, part in islice(value.items(), MAX_ITEMS):
            when = _when(key)
            if part is Ellipsis or key == "...":
                yield Item(None, elided=True)
            elif when and isinstance(part, str):
                yield _timed_item(part, when)
            elif isinstance(part, dict) and (_has_text(part) or when):
                item = _item(part)
                untimed = not _timed((item,))
                yield _timed_item(item.text, when) if untimed and when else item


def _has_text(part: dict[str, object]) -> bool:
    entry = _pick(part, _TEXT)
    return entry is not None and isinstance(entry[1], str)


def _when(raw: object, unit: Unit = "") -> TimePoint | tuple[TimePoint, TimePoint] | None:
    return read_range(raw, unit) or read_time_point(raw, unit)


def _timed_item(text: str | None, when: TimePoint | tuple[TimePoint, TimePoint]) -> Item:
    return Item(text, start=when[0], end=when[1]) if isinstance(when, tuple) else Item(text, at=when)


def _timed(items: tuple[Item, ...]) -> bool:
    return any(item.start or item.end or item.at or item.length for item in items)


def _item(part: object) -> Item:
    if part is Ellipsis:
        return Item(None, elided=True)
    if isinstance(part, list) and len(part) in {2, 3} and isinstance(part[-1], str):  # [1, 20, "..."], ["1-20", "..."]
        when = read_range(part[:-1]) or read_range(part[0]) or read_time_point(part[0])
        return _timed_item(part[-1], when) if when else Item(part[-1])
    if isinstance(part, str):
        return _labelled(part)
    if isinstance(part, dict):
        return _item_of_object(part)
    return Item(None)


def _item_of_object(part: dict[str, object]) -> Item:
    text_entry = _pick(part, _TEXT)
    text = _text(text_entry[1]) if text_entry else None
    elided = any(raw is Ellipsis for raw in part.values())

    def point(names: frozenset[str]) -> TimePoint | None:
        entry = _pick(part, names)
        return read_time_point(entry[1], unit_of_key(entry[0])) if entry else None

    start, end, length = point(_START), point(_END), point(_LENGTH)
    if start or end or length:
        return Item(text, start, end, length, elided=elided)
    for key, raw in part.items():
        if _plain(key) in _RANGE | _AT and (when := _when(raw, unit_of_key(key))):
            return _timed_item(text, when)
        if text is None and isinstance(raw, str) and (when := _when(key)):  # [{"1-20": "..."}, {"21-45": "..."}]
            return _timed_item(raw, when)
    return Item(text, elided=elided)


_LABEL = re.compile(r"\s*[*_\-•\s]*(?P<when>[^:*|]{1,40}?)\s*[*_]*\s*(?::|\||—)\s*[*_]*\s*(?P<text>\S.*)", re.DOTALL)


def _labelled(text: str) -> Item:
    """``"Frame@1-20: An intact vase"`` (Figure 6) carries its own times; other texts are only texts."""
    match = _LABEL.match(text)
    if match and re.search(r"\d", match["when"]):
        if when := read_range(match["when"]):
            return _timed_item(match["text"].strip(), when)
        if re.match(r"\s*frame", match["when"], re.IGNORECASE) and (at := read_time_point(match["when"])):
            return _timed_item(match["text"].strip(), at)
    return Item(text)


def _text(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, list | dict):
        parts = raw.values() if isinstance(raw, dict) else raw
        return " ".join(part for part in parts if isinstance(part, str))
    return ""


def read_script(text: str) -> DraftReply | None:
    """A story told without JSON, a line per clip: Figure 6's ``Frame@1-20: ...`` with a line for the position."""
    position, items = None, []
    for line in text.splitlines():
        line = line.strip().strip("*-• ").replace("**", "")
        item = _labelled(line)
        if item.start or item.at:
            items.append(item)
        elif (
            match := re.match(r"(?:image\s+)?position(?: of (?:the )?image)?\s*[:=]\s*(.+)", line, re.I)
        ) and not position:
            position = read_time_point(match[1].strip())
    return DraftReply(position, tuple(items)) if items else None
