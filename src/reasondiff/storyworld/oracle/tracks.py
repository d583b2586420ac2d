"""From what is seen frame by frame to what a story is about: one object's states, one agent's way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from statistics import median

from reasondiff.storyworld.oracle.detector import SIDE, Detection
from reasondiff.storyworld.oracle.thresholds import THRESHOLDS, Thresholds

__all__ = ["AgentTrack", "Frames", "ObjectTrack", "state_name", "track_agent", "track_object"]

Frames = Sequence[Sequence[Detection]]
"""What is seen in every frame."""


def state_name(thing: str, state: str) -> str:
    """The class of an object in a state; a standing dog looks the same whether it is the object or the agent."""
    return "dog" if (thing, state) == ("dog", "standing") else f"{thing}/{state}"


def names_of(thing: str) -> tuple[str, ...]:
    """Prefixes of the classes an object can be seen as."""
    return ("dog", "dog/") if thing == "dog" else (f"{thing}/",)


@dataclass(frozen=True)
class ObjectTrack:
    """An object over time.

    Args:
        place: its middle in pixels; None if it is never clearly seen.
        states: the class it is clearly seen as, frame by frame; None where it is unclear or covered.
        elsewhere: frames in which such an object is clearly seen in another place.
    """

    place: tuple[float, float] | None
    states: tuple[str | None, ...]
    elsewhere: int


def track_object(frames: Frames, thing: str, t: Thresholds = THRESHOLDS) -> ObjectTrack:
    """Read the states of ``thing`` at the place where it is mostly seen."""
    prefixes = names_of(thing)

    def is_it(one: Detection) -> bool:
        return one.name == prefixes[0] or one.name.startswith(prefixes[-1])

    candidates = [list(filter(is_it, detections)) for detections in frames]
    clear = [one for one in chain.from_iterable(candidates) if one.score >= t.clear]
    if not clear:
        return ObjectTrack(None, (None,) * len(frames), 0)
    x, y = median(one.x for one in clear), median(one.y for one in clear)

    def here(one: Detection) -> bool:
        return abs(one.x - x) <= t.same_place and abs(one.y - y) <= t.same_place

    states = tuple(_clear_state(filter(here, detections), t) for detections in candidates)
    elsewhere = 0
    for detections in candidates:
        elsewhere += any(one.score >= t.clear and not here(one) for one in detections)
    return ObjectTrack((x, y), states, elsewhere)


def _clear_state(detections: Iterable[Detection], t: Thresholds) -> str | None:
    """The name of the state that is clearly seen in a frame, and more clearly than any other."""
    best: dict[str, float] = {}
    for one in detections:
        best[one.name] = max(one.score, best.get(one.name, 0.0))
    if not best:
        return None
    name, score = max(best.items(), key=lambda item: item[1])
    rival = max((other for state, other in best.items() if state != name), default=0.0)
    return name if score >= t.clear and score - rival >= t.margin else None


@dataclass(frozen=True)
class AgentTrack:
    """An agent over time.

    Args:
        detections: where it is seen, frame by frame; None where it is not.
        doubled: frames in which two of its kind are clearly seen.
    """

    detections: tuple[Detection | None, ...]
    doubled: int

    @cached_property
    def frames(self) -> tuple[int, ...]:
        return tuple(frame for frame, one in enumerate(self.detections) if one)

    def at(self, frame: int) -> Detection:
        one = self.detections[frame]
        assert one is not None, "only `frames` are asked for"
        return one

    def edge(self, frame: int, width: float) -> str:
        """The side of the frame that the agent is at, within ``width`` pixels; empty if it is at none."""
        x = self.at(frame).x
        return "left" if x <= width else "right" if x >= SIDE - width else ""


def track_agent(frames: Frames, agent: str, t: Thresholds = THRESHOLDS) -> AgentTrack:
    """Track ``agent`` from frame to frame, each time to the nearest one of its kind.

    A faint detection counts if it leads to a clear one without a break: half outside the frame, a cat is faint.
    """
    path: list[Detection | None] = []
    last: Detection | None = None
    doubled = 0
    for detections in frames:
        there = [one for one in detections if one.name == agent and one.score >= t.faint]
        doubled += sum(one.score >= t.clear for one in there) > 1
        if there and last:
            x, y = last.x, last.y
            there.sort(key=lambda one: abs(one.x - x) + abs(one.y - y))
        path.append(there[0] if there else None)
        last = path[-1] or last
    for is_there, run in groupby(range(len(path)), key=lambda frame: path[frame] is not None):
        visit = list(run)
        if is_there and not any((one := path[frame]) and one.score >= t.clear for frame in visit):
            path[visit[0] : visit[-1] + 1] = [None] * len(visit)
    return AgentTrack(tuple(path), doubled)
