"""From what a reply says about time to frames.

Frames or seconds or percent, counted from 0 or from 1, ends included or not: a row of clips that must cover every frame
exactly once leaves one reading in which it does. Where no reading fits, the faults are named and a repair is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from reasondiff.narrator.marks import Mark, Unit
from reasondiff.narrator.sketch import Item

__all__ = ["Placement", "place_anchor", "place_items"]

_CONVENTIONS = {
    (0, 0): "",
    (1, 1): "frames counted from 0",
    (1, 0): "frames counted from 0, ends excluded",
    (0, -1): "ends excluded",
}
"""What to add to (start, end) to count from 1 with the end included."""


@dataclass(frozen=True)
class Placement:
    """Where each description holds.

    Args:
        ends: one past the last frame of each item, increasing, the last being the number of frames; an item that got
            no frames repeats the end before it.
        zero_based: the writer counted frames from 0.
        unit: in which the clips were written; ``implied`` if no unit stood there; ``shares`` if percents were
            written as 0..1.
        counted: how many frames the writer thought there are.
        faults: sentences to the writer; the ends are a repair if there are any.
        notes: how the reply was understood where it was not in the asked form.
    """

    ends: tuple[int, ...]
    zero_based: bool = False
    unit: Unit = "frame"
    implied: bool = False
    shares: bool = False
    counted: int = 0
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    order: tuple[int, ...] = ()


def place_items(items: Sequence[Item], num_frames: int, interval: float, *, cut: bool = False) -> Placement:
    """Understand when each item holds.

    Args:
        items: at least one.
        num_frames: f.
        interval: seconds between frames.
        cut: the reply was cut off; what is missing at its end is then no other count of frames.
    """
    untimed = [n for n, item in enumerate(items, 1) if not (item.start or item.end or item.at or item.length)]
    if len(untimed) == len(items):
        return _place_list(len(items), num_frames, cut)
    items, faults = _fill_in(items, untimed, num_frames)
    items, unit, scale = _in_one_unit(items, num_frames, interval)
    placed = _place_spans(items, unit, num_frames, interval, cut)
    return replace(
        placed, unit=unit, implied=scale > 0 and unit != "frame", shares=scale == 100, faults=(*faults, *placed.faults)
    )


def place_anchor(mark: Mark, clips: Placement, num_frames: int, interval: float) -> tuple[int, str, str]:
    """The anchor's frame (0-based), a fault or "", and a note or "".

    Args:
        mark: the position as written.
        clips: how the same reply writes about its clips.
        num_frames: f.
        interval: seconds between frames.
    """
    value, unit, last = mark.value, mark.unit, num_frames - 1
    if unit == "" and (mark.decimal or not mark.whole) and clips.unit == "second":
        unit = "second"
    elif unit == "" and (0 < value < 1 or (clips.shares and mark.decimal and value <= 1)):
        unit, value = "percent", value * 100
    elif unit == "" and clips.implied:
        longest = num_frames * interval if clips.unit == "second" else 1 if clips.shares else 100
        if clips.unit == "percent" and num_frames < value <= longest:
            unit = "percent"
        elif value <= longest:
            return _clamp(value - 1, last), f"Position {value:g} is not clearly a frame number.", ""
    if unit == "percent" and 0 <= value <= 100:
        return (
            _clamp(_round(value * num_frames / 100) - 1, last),
            "",
            f"position {value:g}% read as a share of the clip",
        )
    if unit == "second" and 0 <= value <= num_frames * interval + 1e-6:
        return _clamp(_round(value / interval), last), "", f"position {value:g} s read as a time"
    if unit in {"percent", "second"} or not float(value).is_integer():
        return _clamp(value - 1, last), f"Position {value:g} is not a frame number in 1..{num_frames}.", ""
    if value == 0 or (clips.zero_based and 0 < value <= last):
        return int(value), "", "position counted from 0"
    if not 1 <= value <= num_frames:
        return _clamp(value - 1, last), f"Position {value:g} is outside 1..{num_frames}.", ""
    return int(value) - 1, "", ""


def _round(value: float) -> int:
    return int(value + 0.5)


def _clamp(value: float, last: int) -> int:
    return min(max(int(value), 0), last)


def _place_list(count: int, num_frames: int, cut: bool) -> Placement:
    """The paper's literal form: one description per frame."""
    if count == num_frames:
        return Placement(tuple(range(1, num_frames + 1)), counted=count, order=tuple(range(count)))
    missing = "" if count > num_frames else f"; the last {num_frames - count} are missing"
    fault = f"You gave {count} descriptions where {num_frames} are needed, one per frame{missing}."
    if cut or _near(count, num_frames):
        ends = [*range(1, min(count, num_frames)), num_frames]
    else:
        ends = [round(k * num_frames / count) for k in range(1, count + 1)]
    ends += [num_frames] * (count - len(ends))
    return Placement(tuple(ends), counted=count, faults=(fault,), order=tuple(range(count)))


def _fill_in(items: Sequence[Item], untimed: list[int], num_frames: int) -> tuple[list[Item], list[str]]:
    """Give untimed items among timed ones a place: the last holds to the end, others share their neighbour's."""
    filled, faults = list(items), []
    for number in untimed:
        after = next((i for i in items[number:] if i.end or i.start or i.at), None)
        before = filled[number - 2] if number > 1 else None
        if number < len(items):
            faults.append(f"Clip {number} has no end.")
        if after is None or before is None:
            filled[number - 1] = replace(
                items[number - 1], end=Mark(num_frames, "frame") if after is None else after.end
            )
        else:
            filled[number - 1] = replace(items[number - 1], end=before.end, start=before.start, at=before.at)
    return filled, faults


def _in_one_unit(items: Sequence[Item], num_frames: int, interval: float) -> tuple[list[Item], Unit, float]:
    """Every mark in the unit that the row was written in; a unit nobody wrote follows from where the row ends.

    Returns the items, their unit, and what their values were multiplied by; 0 where the unit was written.
    """
    if all(item.length for item in items) and not any(item.end or item.start for item in items):
        total, summed = 0.0, []
        for item in items:
            assert item.length
            total += item.length.value
            summed.append(replace(item, end=Mark(total, item.length.unit), length=None))
        items = summed
    marks = [mark for item in items for mark in (item.start, item.end, item.at) if mark]
    named = {mark.unit for mark in marks if mark.unit}
    if named:
        unit = named.pop() if len(named) == 1 else "frame"
        return [_with_unit(item, unit) for item in items], unit, 0.0
    top, scale = max(mark.value for mark in marks), 1.0
    duration, whole = num_frames * interval, all(mark.whole for mark in marks)
    unit = "frame"
    if not whole or abs(top - num_frames) > 1:
        if duration - 1.01 * interval <= top <= duration + 0.01 * interval:
            unit = "second"
        elif not whole and top <= 1:
            unit, scale = "percent", 100.0
        elif abs(top - 100) < (0.5 if not whole else 1e-6):
            unit = "percent"
    return [_with_unit(item, unit, scale) for item in items], unit, scale


def _with_unit(item: Item, unit: Unit, scale: float = 1.0) -> Item:
    def change(mark: Mark | None) -> Mark | None:
        return mark and Mark(mark.value * scale, unit)

    return replace(item, start=change(item.start), end=change(item.end), at=change(item.at), length=change(item.length))


def _place_spans(items: Sequence[Item], unit: Unit, num_frames: int, interval: float, cut: bool) -> Placement:
    if sparse := all(item.at for item in items):
        items = [replace(item, start=item.at) for item in items]
    key = [item.end or item.start or item.at or Mark(0) for item in items]
    order = sorted(range(len(items)), key=lambda n: key[n].value)
    notes = ["clips put in order"] if order != list(range(len(items))) else []
    items = [items[n] for n in order]
    if unit in {"second", "percent"}:
        spans = _from_continuous(items, unit, num_frames, interval)
        notes.append(f"times read as {unit}s" if unit == "second" else "times read as percent")
    else:
        spans = _from_frames(items, num_frames)
    shift, faults = (0, 0), _faults(spans, num_frames)
    if unit == "frame" and faults:
        for candidate, note in _CONVENTIONS.items():
            shifted = [(start + candidate[0], end + candidate[1]) for start, end in spans]
            if not _faults(shifted, num_frames):
                shift, faults, spans = candidate, [], shifted
                notes.append(note)
                break
    if sparse and len(items) != num_frames:
        faults.append("Some frames have no description; say for every clip at which frame it ends.")
    ends, counted = _mend([end for _, end in spans], num_frames, cut) if faults else ([e for _, e in spans], num_frames)
    zero_based = shift[0] == 1 or (unit == "frame" and bool(faults) and spans[0][0] == 0)
    return Placement(
        tuple(ends), zero_based, counted=counted, faults=tuple(faults), notes=tuple(notes), order=tuple(order)
    )


def _from_frames(items: Sequence[Item], num_frames: int) -> list[tuple[int, int]]:
    """Spans as written, in frames; a missing start or end follows from the neighbours."""
    first = items[0].start
    zero = first is not None and first.value == 0
    spans: list[tuple[int, int]] = []
    for number, item in enumerate(items):
        following = items[number + 1].start if number + 1 < len(items) else Mark(num_frames + (not zero))
        previous = spans[-1][1] if spans else 0
        start = _whole(item.start.value) if item.start else previous + 1
        if item.end:
            end = _whole(item.end.value)
        elif item.length and item.length.unit == "frame":
            end = start + _whole(item.length.value) - 1
        else:
            end = _whole(following.value) - 1 if following else start
        spans.append((start, end))
    return spans


def _whole(value: float) -> int:
    return round(value)


def _from_continuous(items: Sequence[Item], unit: Unit, num_frames: int, interval: float) -> list[tuple[int, int]]:
    """Spans (from 1, end included) of clips written in seconds or percent.

    A frame stands for the time from its own to the next one. Between two clips that leave less than one frame (or one
    percent) to each other, seconds go by the start and percents by the end: "0-3.8 s, 4.0-..." and "0-25%, 26-...".
    """
    scale, step = (1 / interval, interval) if unit == "second" else (num_frames / 100, 1.0)
    last = num_frames / scale
    spans: list[tuple[float, float]] = []
    for number, item in enumerate(items):
        following = items[number + 1].start if number + 1 < len(items) else Mark(last)
        start = item.start.value if item.start else spans[-1][1] if spans else 0.0
        length = item.length.value if item.length else None
        end = (
            item.end.value
            if item.end
            else start + length
            if length is not None
            else following.value
            if following
            else start
        )
        spans.append((start, end))
    for number, (before, after) in enumerate(pairwise(spans)):
        if 0 <= after[0] - before[1] <= 1.01 * step:
            shared = after[0] if unit == "second" else before[1]
            spans[number], spans[number + 1] = (before[0], shared), (shared, after[1])
    if 0 < spans[0][0] <= 1.01 * step and unit == "percent":
        spans[0] = (0.0, spans[0][1])
    if abs(spans[-1][1] - last) <= 1.01 * step:
        spans[-1] = (spans[-1][0], last)
    return [(_round(start * scale) + 1, _round(end * scale)) for start, end in spans]


def _faults(spans: Sequence[tuple[int, int]], num_frames: int) -> list[str]:
    faults = []
    if spans[0][0] != 1:
        faults.append(f"The first clip starts at frame {spans[0][0]}, not at frame 1.")
    for number, (start, end) in enumerate(spans, 1):
        if end < start:
            faults.append(f"Clip {number} ends at frame {end}, before it starts.")
    for number, (before, after) in enumerate(pairwise(spans), 1):
        if after[0] > before[1] + 1:
            faults.append(f"Frames {before[1] + 1}..{after[0] - 1} are described by no clip.")
        elif after[0] <= before[1] <= after[1]:
            faults.append(f"Frames {after[0]}..{before[1]} are in both clip {number} and clip {number + 1}.")
    if spans[-1][1] != num_frames:
        faults.append(f"The last clip ends at frame {spans[-1][1]}, but the video has {num_frames} frames.")
    return faults


def _near(counted: int, num_frames: int) -> bool:
    """A slip of the count at the clip's end rather than another clip length."""
    return abs(counted - num_frames) <= 0.1 * num_frames


def _mend(ends: Sequence[int], num_frames: int, cut: bool) -> tuple[list[int], int]:
    """Ends win: each clip reaches from the one before to its own end; another count of frames is scaled to this one."""
    counted = max(ends)
    if counted < 1:
        return [num_frames] * len(ends), num_frames
    if not cut and not _near(counted, num_frames):
        ends = [round(end * num_frames / counted) for end in ends]
    else:
        counted = num_frames
    mended, previous = [], 0
    for end in ends:
        previous = min(max(end, previous), num_frames)
        mended.append(previous)
    # the last clip that has frames at all holds to the end
    last = next((n for n in range(len(mended)) if mended[n] == mended[-1]), 0)
    return [*mended[:last], *[num_frames] * (len(mended) - last)], counted
