"""Points in time as language models write them: 81, "frame 81", "81/81", "16.0 s", "100%", "0:16", "last"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["TimePoint", "Unit", "read_range", "read_time_point", "unit_of_key"]

Unit = Literal["", "frame", "second", "percent"]

_UNIT = r"(?P<unit{0}>%|percent|pct|milliseconds?|ms|seconds?|secs?|s)?"
_VALUE = r"(?P<clock{0}>\d+:)?(?P<value{0}>[+-]?\d+(?:[.,]\d+)?)(?:st|nd|rd|th)?\s*" + _UNIT + r"(?![\w%])"
_WORD = r"(?:frames?|positions?|index|no\.?|number|nr\.?|f|seconds?|time|t|clip|scene|shot|segment)"
_BEFORE = rf"(?P<before>(?:{_WORD}[\s_@#:=.(\[]*-?|[\s_@#:=(\[]*))"
_AFTER = r"\s*(?:frames?)?[\s)\].:]*"
_TIME_POINT = re.compile(
    rf"(?:the\s+)?{_BEFORE}{_VALUE.format('')}(?:\s*(?:/|of|out of)\s*\d+)?\s*(?:frames?)?(?:\s*\([^()]*\))?[\s)\].:]*",
    re.I,
)
_RANGE = re.compile(
    rf"{_BEFORE}{_VALUE.format('1')}\s*(?:frames?)?\s*(?:-|–|—|to|till|until|through|\.\.\.?|…|,)\s*(?:frames?\s*)?{_VALUE.format('2')}{_AFTER}",
    re.I,
)
_FIRST = {
    "first",
    "first frame",
    "the first frame",
    "start",
    "the start",
    "beginning",
    "the beginning",
    "first frame of the video",
}
_LAST = {"last", "last frame", "the last frame", "final", "final frame", "the final frame", "end", "the end"}


@dataclass(frozen=True, slots=True)
class TimePoint:
    """A point in time in some unit; ``""`` where the writer named none."""

    value: float
    unit: Unit = ""
    decimal: bool = False
    """Written with a decimal point, as times are and frame numbers are not."""

    @property
    def whole(self) -> bool:
        return float(self.value).is_integer()


def unit_of_key(key: str) -> Unit:
    """The unit that a key like ``start_seconds`` names."""
    key = key.casefold()
    if "percent" in key or "pct" in key:
        return "percent"
    if "second" in key or re.search(r"(?:^|[^a-z])(?:secs?|s)$", key) or "time" in key.replace("timeline", ""):
        return "second"
    return "frame" if "frame" in key else ""


def read_time_point(raw: object, unit: Unit = "") -> TimePoint | None:
    """A number or a text as a point in time; None where it names none, or more than one.

    Args:
        raw: what stood in the reply.
        unit: to assume where ``raw`` names none.
    """
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int | float):
        return TimePoint(float(raw), unit, isinstance(raw, float)) if abs(raw) < 1e9 and math.isfinite(raw) else None
    if not isinstance(raw, str) or len(raw) > 80:
        return None
    text = raw.strip().casefold()
    if text in _FIRST:
        return TimePoint(0.0, "percent")
    if text in _LAST:
        return TimePoint(100.0, "percent")
    match = _TIME_POINT.fullmatch(text)
    return _time_point(match, "", unit) if match else None


def read_range(raw: object, unit: Unit = "") -> tuple[TimePoint, TimePoint] | None:
    """A text such as ``"Frames 1-20"`` or a pair such as ``[1, 20]`` as its two ends."""
    if isinstance(raw, list) and len(raw) == 2:
        low, high = read_time_point(raw[0], unit), read_time_point(raw[1], unit)
        return (low, high) if low and high else None
    if not isinstance(raw, str) or len(raw) > 80:
        return None
    match = _RANGE.fullmatch(raw.strip().casefold())
    if not match:
        return None
    low, high = _time_point(match, "1", unit), _time_point(match, "2", unit)
    if low.unit != high.unit:  # "0-4 s": the unit is written once
        low = _time_point(match, "1", high.unit)
    return low, high


_SCALE: dict[str, tuple[Unit, float]] = {
    "%": ("percent", 1),
    "p": ("percent", 1),
    "m": ("second", 0.001),
    "s": ("second", 1),
}


def _time_point(match: re.Match[str], which: str, unit: Unit) -> TimePoint:
    value = float(match[f"value{which}"].replace(",", "."))
    if clock := match[f"clock{which}"]:
        return TimePoint(60 * float(clock[:-1]) + value, "second")
    before = match["before"].strip()
    if written := match[f"unit{which}"]:
        kind, scale = _SCALE[written[0]]
        return TimePoint(value * scale, kind)
    if before.startswith(("second", "time", "t")):
        return TimePoint(value, "second")
    return TimePoint(value, "frame" if before.startswith(("f", "pos")) else unit)
