"""When each description holds, from what a reply says about it.

Counted from 0 or from 1, ends included or not: of a row of clips that must cover every frame exactly once, one reading
does. Where none does, the faults are named and a repair is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from reasondiff.narrator.reading.draft import Item
from reasondiff.narrator.reading.times import TimePoint, Unit
from reasondiff.narrator.reading.units import Scale, in_one_unit, spans_of, to_whole

__all__ = ["Spans", "place_anchor", "place_items"]

_CONVENTIONS = {
    (0, 0): "",
    (1, 1): "frames counted from 0",
    (1, 0): "frames counted from 0, ends excluded",
    (0, -1): "ends excluded",
}
"""What to add to (start, end) to count from 1 with the end included."""


@dataclass(frozen=True)
class Spans:
    """Where each description holds.

    Args:
        ends: one past the last frame of each item, in order of time; the last is the number of frames. An item that
            got no frames repeats the end before it.
        order: which item each end belongs to.
        scale: how the row was written.
        zero_based: frames were counted from 0.
        counted: how many frames the writer thought there are.
        faults: sentences to the writer; the ends are a repair if there are any.
        notes: how the row was read where it was not in the asked form.
    """

    ends: tuple[int, ...]
    order: tuple[int, ...]
    scale: Scale = field(default_factory=Scale)
    zero_based: bool = False
    counted: int = 0
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def place_items(items: Sequence[Item], num_frames: int, interval: float, *, cut: bool = False) -> Spans:
    """Understand when each item holds.

    Args:
        items: at least one.
        num_frames: f.
        interval: seconds between frames.
        cut: the reply was cut off, so that a row which ends early is no other count of frames.
    """
    untimed = [n for n, item in enumerate(items) if not (item.start or item.end or item.at or item.length)]
    if len(untimed) == len(items):
        return _place_list(len(items), num_frames, cut)
    faults = [f"Clip {n + 1} has no end." for n in untimed if n + 1 < len(items)]
    items, scale = in_one_unit(_beside_neighbours(items, untimed, num_frames), num_frames, interval)
    if all(item.at for item in items):
        items = [replace(item, start=item.at) for item in items]
        if len(items) != num_frames:
            faults.append("Some frames have no description; say for every clip at which frame it ends.")
    times = [item.end or item.start or item.at or TimePoint(0) for item in items]
    order = sorted(range(len(items)), key=lambda n: times[n].value)
    notes = ["clips put in order"] if order != list(range(len(items))) else []
    if scale.unit == "second":
        notes.append("times read as seconds")
    if scale.unit == "percent":
        notes.append("times read as percent")
    spans = spans_of([items[n] for n in order], scale.unit, num_frames, interval)
    zero_based = spans[0][0] == 0 and scale.unit == "frame"
    if scale.unit == "frame":
        spans, convention = _recounted(spans, num_frames)
        notes += convention
    faults += _faults(spans, num_frames)
    ends, counted = [end for _, end in spans], num_frames
    if faults:
        ends, counted = _mend(ends, num_frames, cut)
    return Spans(tuple(ends), tuple(order), scale, zero_based, counted, tuple(faults), tuple(notes))


def place_anchor(point: TimePoint, clips: Spans, num_frames: int, interval: float) -> tuple[int, str, str]:
    """The anchor's frame (0-based), a fault or "", and a note or "".

    Args:
        point: the position as written.
        clips: how the same reply writes about its clips.
        num_frames: f.
        interval: seconds between frames.
    """
    duration = num_frames * interval
    nearest = min(max(int(point.value) - 1, 0), num_frames - 1)
    found = _with_unit(point, clips.scale, num_frames, duration)
    if found is None:
        return nearest, f"Position {point.value:g} is not clearly a frame number.", ""
    value, unit = found
    if unit == "percent" and 0 <= value <= 100:
        frame = max(to_whole(value * num_frames / 100) - 1, 0)
        return frame, "", f"position {value:g}% read as a share of the clip"
    if unit == "second" and 0 <= value <= duration + 1e-6:
        return min(to_whole(value / interval), num_frames - 1), "", f"position {value:g} s read as a time"
    if unit in {"percent", "second"} or not float(value).is_integer():
        return nearest, f"Position {value:g} is not a frame number in 1..{num_frames}.", ""
    if value == 0 or (clips.zero_based and 0 < value < num_frames):
        return int(value), "", "position counted from 0"
    if not 1 <= value <= num_frames:
        return nearest, f"Position {value:g} is outside 1..{num_frames}.", ""
    return int(value) - 1, "", ""


def _recounted(spans: list[tuple[int, int]], num_frames: int) -> tuple[list[tuple[int, int]], list[str]]:
    """Spans that do not fit as they are, by another way to count under which they do; and which that is."""
    if not _faults(spans, num_frames):
        return spans, []
    for (before, after), note in _CONVENTIONS.items():
        shifted = [(start + before, end + after) for start, end in spans]
        if not _faults(shifted, num_frames):
            return shifted, [note]
    return spans, []


def _with_unit(point: TimePoint, scale: Scale, num_frames: int, duration: float) -> tuple[float, Unit] | None:
    """A position and its unit, its own or what the clips' times suggest; None where it may be either."""
    value = point.value
    if point.unit != "":
        return value, point.unit
    if scale.unit == "second" and (point.decimal or not point.whole):
        return value, "second"
    is_share = scale.shares and point.decimal and value <= 1
    if is_share or 0 < value < 1:
        return value * 100, "percent"
    if not scale.implied:
        return value, ""
    end: float = 1 if scale.shares else 100
    if scale.unit == "second":
        end = duration
    if value > end:
        return value, ""
    if scale.unit == "percent" and value > num_frames:
        return value, "percent"
    return None


def _place_list(count: int, num_frames: int, cut: bool) -> Spans:
    """The paper's literal form: one description per frame."""
    order = tuple(range(count))
    if count == num_frames:
        return Spans(tuple(range(1, num_frames + 1)), order, counted=count)
    missing = "" if count > num_frames else f"; the last {num_frames - count} are missing"
    fault = f"You gave {count} descriptions where {num_frames} are needed, one per frame{missing}."
    if cut or _near(count, num_frames):
        ends = [min(n, num_frames) for n in range(1, count)] + [num_frames]
    else:
        ends = [round(n * num_frames / count) for n in range(1, count + 1)]
    return Spans(tuple(ends), order, counted=count, faults=(fault,))


def _beside_neighbours(items: Sequence[Item], untimed: list[int], num_frames: int) -> list[Item]:
    """Untimed items among timed ones: the last holds to the end, others get their neighbour's time, so no frames."""
    filled = list(items)
    placed = [n for n, item in enumerate(items) if item.start or item.end or item.at]
    for n in untimed:
        if not placed or placed[-1] <= n:
            filled[n] = replace(items[n], end=TimePoint(num_frames, "frame"))
        elif n == 0:
            later = items[placed[0]]
            filled[n] = replace(items[n], end=later.end or later.start or later.at)
        else:
            filled[n] = replace(filled[n - 1], text=items[n].text)
    return filled


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
    """Ends win: each clip reaches from the one before to its own end; another count of frames is scaled to this one.

    Returns the ends, and the count of frames that they were told for.
    """
    counted = max(ends)
    if cut or counted < 1 or _near(counted, num_frames):
        counted = num_frames
    mended, previous = [], 0
    for end in ends:
        previous = min(max(round(end * num_frames / counted), previous), num_frames)
        mended.append(previous)
    return [num_frames if end == mended[-1] else end for end in mended], counted
