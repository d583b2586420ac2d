"""Clips written in frames, seconds or percent, as spans of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from reasondiff.narrator.reading.draft import Item
from reasondiff.narrator.reading.times import TimePoint, Unit

__all__ = ["Scale", "in_one_unit", "spans_of", "to_whole"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How a row of clips was written.

    Args:
        unit: of its times.
        implied: no unit stood there; it follows from where the row ends.
        shares: percents were written as 0..1.
    """

    unit: Unit = "frame"
    implied: bool = False
    shares: bool = False


def to_whole(value: float) -> int:
    """The nearest whole number; halves go up."""
    return int(value + 0.5)


def in_one_unit(items: Sequence[Item], num_frames: int, interval: float) -> tuple[list[Item], Scale]:
    """The same items with ends where lengths stood, all in the unit that the row was written in."""
    has_lengths_alone = all(item.length and not item.start and not item.end for item in items)
    if has_lengths_alone:
        items = _ends_of_lengths(items)
    points = [point for item in items for point in (item.start, item.end, item.at) if point]
    scale = _scale_of(points, num_frames, interval)
    factor = 100.0 if scale.shares else 1.0

    def change(point: TimePoint | None) -> TimePoint | None:
        return point and TimePoint(point.value * factor, scale.unit)

    changed = [
        replace(item, start=change(item.start), end=change(item.end), at=change(item.at), length=change(item.length))
        for item in items
    ]
    return changed, scale


def _scale_of(points: Sequence[TimePoint], num_frames: int, interval: float) -> Scale:
    """The unit that is written beside the numbers, or else what they may be by their size."""
    named = {point.unit for point in points if point.unit}
    if not named:
        return _implied(points, num_frames, interval)
    if len(named) > 1:
        return Scale("frame")  # a mixture makes no sense, and so faults
    return Scale(named.pop())


def _ends_of_lengths(items: Sequence[Item]) -> list[Item]:
    ended, total = [], 0.0
    for item in items:
        assert item.length
        total += item.length.value
        ended.append(replace(item, end=TimePoint(total, item.length.unit), length=None))
    return ended


def _implied(points: Sequence[TimePoint], num_frames: int, interval: float) -> Scale:
    top, duration = max(point.value for point in points), num_frames * interval
    whole = all(point.whole for point in points)
    if whole and abs(top - num_frames) <= 1:
        return Scale("frame")
    if duration - 1.01 * interval <= top <= duration + 0.01 * interval:
        return Scale("second", implied=True)
    if not whole and top <= 1:
        return Scale("percent", implied=True, shares=True)
    if abs(top - 100) < (1e-6 if whole else 0.5):
        return Scale("percent", implied=True)
    return Scale("frame")


def spans_of(items: Sequence[Item], unit: Unit, num_frames: int, interval: float) -> list[tuple[int, int]]:
    """(first, last) of each item as written, in frames; what is not written follows from the neighbours."""
    if unit == "second":
        return _spans_in_time(items, interval, num_frames, by_start=True)
    if unit == "percent":
        return _spans_in_time(items, 100 / num_frames, num_frames, by_start=False)
    first = items[0].start
    beyond = TimePoint(num_frames + (first is None or first.value != 0))
    spans: list[tuple[int, int]] = []
    for item, following in zip(items, [*items[1:], None], strict=True):
        start = to_whole(item.start.value) if item.start else spans[-1][1] + 1 if spans else 1
        after = following.start if following else beyond
        if item.end:
            end = to_whole(item.end.value)
        elif item.length:
            end = start + to_whole(item.length.value) - 1
        else:
            end = to_whole(after.value) - 1 if after else start
        spans.append((start, end))
    return spans


def _spans_in_time(items: Sequence[Item], step: float, num_frames: int, *, by_start: bool) -> list[tuple[int, int]]:
    """Spans of clips written in seconds or percent, where ``step`` of these is a frame.

    A frame stands for the time from its own to the next one. Clips may leave less than a frame (or one percent) between
    them: seconds then go by the start and percents by the end, as in "0-3.8 s, 4.0-..." and "0-25%, 26-...".
    """
    last = num_frames * step
    slack = 1.01 * (step if by_start else max(step, 1.0))
    spans = _times_of(items, last)
    for number, ((_, before_end), (start, end)) in enumerate(pairwise(list(spans))):
        if 0 <= start - before_end <= slack:
            shared = start if by_start else before_end
            spans[number] = (spans[number][0], shared)
            spans[number + 1] = (shared, end)
    if not by_start and 0 < spans[0][0] <= slack:
        spans[0] = (0.0, spans[0][1])
    if abs(spans[-1][1] - last) <= slack:
        spans[-1] = (spans[-1][0], last)
    return [(to_whole(start / step) + 1, to_whole(end / step)) for start, end in spans]


def _times_of(items: Sequence[Item], last: float) -> list[tuple[float, float]]:
    """(start, end) of each item as written; what is not written follows from the neighbours."""
    spans: list[tuple[float, float]] = []
    for item, following in zip(items, [*items[1:], None], strict=True):
        before = spans[-1][1] if spans else 0.0
        start = item.start.value if item.start else before
        if item.end:
            end = item.end.value
        elif item.length:
            end = start + item.length.value
        elif following is None:
            end = last
        else:
            end = following.start.value if following.start else start
        spans.append((start, end))
    return spans
