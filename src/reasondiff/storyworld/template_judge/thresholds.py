"""The template judge's thresholds: fixed on drawn clips, whole and spoiled, before any generator was scored."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["THRESHOLDS", "Thresholds"]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """How well a template must fit, and how long; lengths in pixels of a 64 x 64 frame, times in frames of 0.2 s."""

    fits: dict[str, float] = field(
        default_factory=lambda: {"cat": 0.8, "dog": 0.8, "pig": 0.8, "ball": 0.8, "person": 0.8, "car": 0.65}
    )
    """An agent's template that explains more than this of what is there is what is there. A car has the most edges: of
    cars that a person still names the lowest has 0.67, of others 0.83; of spoiled cars the highest has 0.62."""
    object_fits: float = 0.55
    """Likewise for the object, whose backdrop is guessed from the rows around it."""
    covers: float = 0.4
    """An agent's template that explains more than this may hide the object."""
    visible: float = 0.35
    """An agent of which less than this share is inside the frame is not weighed."""
    edge: float = 14.0
    """Nearer to the edge than this it may be so."""
    whole: float = 12.0
    """Nearer to the edge than this its colour may be guessed from a small part of it."""
    trace: float = 0.25
    """A template that explains more than this may be the agent, who may be half covered or half outside."""
    matches: int = 3
    """Frames in which the agent must be told."""
    told: float = 0.7
    """Share of its way on which it must be told."""
    border: float = 22.0
    """It comes in and goes out within this distance of the left or right edge."""
    one_colour: float = 0.8
    """Share of its matches that must be of one colour."""
    stride: float = 8.0
    """Pixels it may move per frame, and ``jolt`` more at once."""
    jolt: float = 4.0
    slips: int = 2
    """Frames that may contradict the object's states."""
    states: int = 2
    """Frames in which each state must be seen."""
    margin: float = 0.25
    """By how much of their difference one state must fit better than the other."""
    uncovered: float = 0.3
    """Share of the object that must be in sight for its state to be read."""
    ends: int = 4
    """Frames whose median is what the scene looks like for a while; at either end, without the agent."""
    same_place: float = 6.0
    """The object is told in both states within this distance."""
    before: int = 3
    """Frames that may lie between the agent being near and the change."""
    contact: float = 8.0
    """Slack of the distance at which an agent touches an object; twice that for a whistle."""
    reach: dict[str, float] = field(
        default_factory=lambda: {"cat": 15, "dog": 19, "pig": 17, "ball": 10, "person": 9, "car": 20}
    )
    """From an agent's middle to its front."""
    width: dict[str, float] = field(
        default_factory=lambda: {
            "vase": 8,
            "table": 16,
            "candle": 6,
            "window": 12,
            "book": 16,
            "bicycle": 14,
            "dog": 12,
        }
    )
    """From an object's middle to its side."""


THRESHOLDS = Thresholds()
