"""The oracle's thresholds: fixed on drawn clips, before any generator was scored."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["THRESHOLDS", "Thresholds"]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """How sure, how near and how long; lengths in pixels of a 64 x 64 frame, times in frames of 0.2 s.

    A drawn agent moves at 4.6 to 5.4 pixels a frame, lunges by 3 when it acts, and acts for 4 frames.
    """

    clear: float = 0.5
    """A detection surer than this counts. The network is trained to stay below it for ghosts, blends and blobs."""
    faint: float = 0.3
    """Enough for an agent that is clearly seen in the frames before or after, or in the anchor's image."""
    margin: float = 0.2
    """By how much an object's state must beat its other state; between them it is neither."""
    same_place: float = 9.0
    """An object is seen within 2 pixels of its place on drawn clips; a third of an object is still the same place."""

    detections: int = 3
    """Frames in which the agent must be seen; the shortest drawn visit shows it in 6."""
    slips: int = 1
    """Frames that may contradict a rule about states, doubles or strangers: one misread frame is no story."""
    named: float = 0.4
    """An agent seen surer than this is one that a person would name. Of drawn clips that are softer, fainter, smeared
    or turned a little the lowest has 0.42; of shades, halves, smears, melts, blobs and wrong parts the highest 0.37."""
    legible: float = 0.8
    """Share of the frames with the agent well inside in which a person would name it."""
    same_colour: float = 48.0
    """How far (Euclidean, RGB 0..255) its colour may be from its usual one; the palette's are 60 and more apart."""
    colour_slips: int = 2
    """Frames in which it may be farther: where a thing behind it shines through."""
    whole: float = 8.0
    """Nearer to the edge than this it is half outside, and neither its colour nor its clearness counts."""
    states: int = 2
    """Frames in which the states before and after must each be seen."""
    unclear: float = 0.25
    """Share of frames in which the object may be unclear with no agent in front of it."""

    stride: float = 8.0
    """Pixels an agent may move per frame, and ``jolt`` more at once: 11 for neighbouring frames, twice its speed."""
    jolt: float = 3.0
    rise: float = 18.0
    """Pixels it may move up or down per frame; animals jump up to a window by 13."""
    gap: int = 3
    """Frames in a row in which it may be lost on its way."""
    lost: float = 0.25
    """Share of its way on which it may be lost."""
    edge: float = 18.0
    """It comes in and goes out within this distance of the left or right edge: three frames from being half outside."""
    ends: int = 3
    """An image that shows the agent, given for one of so many first or last frames, waives its coming or leaving."""
    half_out: float = 9.0
    """Nearer to the edge than this it is half outside, where it may be lost for longer ..."""
    half_out_gap: int = 8
    """... but not for longer than this."""

    crossing: float = 4.0
    """Who only passes is seen this far to both sides of the object."""
    contact: float = 5.0
    """Slack, in pixels, of the distance at which an agent touches an object."""
    before: int = 2
    """Frames that may lie between an agent being near and the last look at the object's state before."""
    at_anchor: float = 12.0
    """The agent is as near as this to where the anchor's image shows it: two frames of its way."""

    reach: dict[str, float] = field(
        default_factory=lambda: {"cat": 15, "dog": 19, "pig": 17, "ball": 10, "person": 9, "car": 20}
    )
    """From an agent's middle to its front, at its largest."""
    width: dict[str, float] = field(
        default_factory=lambda: {"vase": 4, "table": 8, "candle": 3, "window": 6, "book": 8, "bicycle": 7, "dog": 6}
    )
    """How far an object reaches towards who touches it."""
    whistle: float = 10.0
    """A dog hears a whistle from this much farther away."""


THRESHOLDS = Thresholds()
