"""StoryWorld's stories: what can happen, by which rule, and one telling of it drawn from a seed.

A ``Story`` is what an image and a prompt determine together through the world's rule: the prompt decides who, the
image decides what and when. A ``Take`` is one telling of a story: colours, places, speeds and timings, everything a
renderer needs. Level ``core`` has one object and one agent that comes in, acts or passes, and leaves. Level ``hard``
departs from that in one way per take (``VARIANTS``).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from reasondiff.errors import InputError
from reasondiff.storyworld.palette import COLOURS, FLOORS, WALLS

__all__ = [
    "AGENTS",
    "HELD_OUT",
    "INTERVAL",
    "NUM_FRAMES",
    "PAIRS",
    "SIZE",
    "SPEEDS",
    "VARIANTS",
    "Pose",
    "Story",
    "Take",
    "sample_take",
]

SIZE = 64
"""Width and height of a frame in pixels."""
NUM_FRAMES = 33
INTERVAL = 0.2
"""Seconds between frames, as in the paper's training (App. A.2)."""

AGENTS = ("cat", "dog", "pig", "ball", "person", "car")
CHANGES = {
    "vase": ("intact", "broken"),
    "table": ("whole", "broken"),
    "candle": ("burning", "out"),
    "window": ("whole", "cracked"),
    "book": ("flat", "turning"),
}
"""Objects that an agent changes by touching them; a person changes a candle or a book by opening the window."""
SCENES = {name: "room" for name in CHANGES} | {"bicycle": "outdoors", "dog": "outdoors"}

PAIRS: tuple[tuple[str, str], ...] = tuple(
    (thing, agent)
    for thing, scene in SCENES.items()
    for agent in AGENTS
    if agent != thing and (agent != "car" or scene == "outdoors")
)
"""Every (object, agent) of the world."""

HELD_OUT = frozenset(
    {("table", "pig"), ("candle", "cat"), ("book", "ball"), ("window", "dog"), ("bicycle", "pig"), ("dog", "cat")}
)
"""Pairs never shown in training, not even beside another, to measure composition. The eight published stories are not
among them."""

VARIANTS = ("present", "stays", "behind", "spared", "two_objects", "distractor")
"""Of level ``hard``: the agent is there from the start; stays to the end; passes behind; passes in front and is not the
cause of anything; a second object is left alone; a second agent crosses the scene."""


@dataclass(frozen=True, slots=True)
class Story:
    """What must happen, whoever tells it.

    Args:
        object: what the image shows.
        agent: who the prompt names.
        spared: the agent comes and goes without touching the object (level ``hard``).
    """

    object: str
    agent: str
    spared: bool = False

    def __post_init__(self) -> None:
        if (self.object, self.agent) not in PAIRS:
            raise InputError(f"StoryWorld has no story of {self.agent!r} and {self.object!r}; see stories.PAIRS.")

    @property
    def scene(self) -> str:
        return SCENES[self.object]

    @property
    def states(self) -> tuple[str, str]:
        """The object's state before and after; equal where the agent only passes by."""
        before, after = CHANGES.get(self.object, ("parked", "parked"))
        if self.object == "dog":  # a whistle makes it stand up; nothing else moves it
            before, after = ("sitting" if self.agent == "person" else "standing"), "standing"
        return (before, before if self.spared else after)

    @property
    def changes(self) -> bool:
        before, after = self.states
        return before != after

    @property
    def at_window(self) -> bool:
        """The agent acts from a distance: a person opens the window and the wind does the rest."""
        return self.agent == "person" and self.object in ("candle", "book") and not self.spared


@dataclass(frozen=True, slots=True)
class Pose:
    """Where an agent is in one frame: its foot in frame pixels (y down), what it faces (1 right), what it does."""

    x: float
    y: float
    facing: int
    acting: bool = False


_REACH = {"cat": 12, "dog": 15, "pig": 14, "ball": 8, "person": 7, "car": 16}  # from its middle to its front
_HALF_WIDTH = {"vase": 6, "table": 13, "candle": 4, "window": 9, "book": 12, "bicycle": 10, "dog": 8}
_FOOT = 61.0  # of agents, a little nearer to the viewer than the objects
OBJECT_FOOT = 57.0
SPEEDS = (4.6, 5.4)
"""Slowest and fastest of an agent's speeds, in pixels per frame."""
_ACT = 4  # frames, so that it owns a latent frame wherever it falls; the object changes in the second of them


@dataclass(frozen=True)
class Take:
    """One telling of a story.

    Phases, in frames: ``before`` (nobody there), ``enter``, ``act`` (only where the story has a change), ``leave``,
    ``after``. Coordinates are frame pixels.

    Args:
        story: what happens.
        variant: ``core`` or one of ``VARIANTS``.
        from_left: the agent comes in from the left.
        goes_on: it leaves on the other side; otherwise it turns back.
        begin: frame in which the agent sets off.
        speed: pixels per frame.
    """

    story: Story
    variant: str
    wall: int
    floor: int
    horizon: float
    object_x: float
    object_scale: float
    object_facing: int
    object_colour: str
    accent: str
    agent_colour: str
    agent_scale: float
    from_left: bool
    goes_on: bool
    begin: int
    speed: float
    window_x: float = 0.0
    bystander: Story | None = None
    bystander_x: float = 0.0
    bystander_colour: str = "red"
    names_colour: bool = field(default=False)

    @property
    def level(self) -> str:
        return "core" if self.variant == "core" else "hard"

    @property
    def direction(self) -> int:
        return 1 if self.from_left else -1

    @property
    def object_y(self) -> float:
        return self.horizon - 6 if self.story.object == "window" else OBJECT_FOOT

    @property
    def has_wall_window(self) -> bool:
        return self.story.object in ("candle", "book")

    @cached_property
    def _track(self) -> tuple[float, float, float, int, int]:
        """The agent's path: x at the start, at the object and at the end, and the frames the two ways take."""
        margin = (_REACH[self.story.agent] + 3) * self.agent_scale
        start = -margin if self.from_left else SIZE + margin
        target = self.window_x if self.story.at_window else self.object_x
        gap = 2.0 if self.story.at_window else _REACH[self.story.agent] * self.agent_scale + 0.4 * self._half_width
        if self.story.object == "dog" and self.story.agent == "person":
            gap += 8  # whistling is done from afar
        contact = target - self.direction * gap
        if not self.story.changes:
            contact = target  # it only passes
        end = SIZE - start if self.goes_on else start
        if self.variant == "present":
            start = contact - self.direction * 14
        if self.variant == "stays":
            end = contact - self.direction * 12
        ways = (abs(contact - start), abs(end - contact))
        enter, leave = (max(2, math.ceil(way / self.speed)) for way in ways)
        return start, contact, end, enter, leave

    @property
    def _half_width(self) -> float:
        return _HALF_WIDTH[self.story.object] * self.object_scale

    @cached_property
    def phases(self) -> dict[str, range]:
        """Frames of each phase, in order; they cover the clip once and may be empty."""
        *_, enter, leave = self._track
        lengths = {
            "before": self.begin,
            "enter": enter,
            "act": _ACT if self.story.changes else 0,
            "leave": leave,
        }
        phases, start = {}, 0
        for name, length in lengths.items():
            phases[name] = range(start, min(NUM_FRAMES, start + length))
            start = phases[name].stop
        return phases | {"after": range(start, NUM_FRAMES)}

    def phase_at(self, frame: int) -> str:
        return next(name for name, frames in self.phases.items() if frame in frames)

    @property
    def change_frame(self) -> int:
        """The first frame in which the object is in its state after; ``NUM_FRAMES`` if it never changes."""
        return self.phases["act"].start + 1 if self.story.changes else NUM_FRAMES

    def object_state(self, frame: int) -> str:
        return self.story.states[frame >= self.change_frame]

    def agent_pose(self, frame: int) -> Pose | None:
        """The agent in ``frame``; None while it is not in the scene."""
        start, contact, end, enter, leave = self._track
        phase, phases = self.phase_at(frame), self.phases
        back = 0 if self.goes_on and self.variant != "stays" else 1
        facing = self.direction * (-1 if back else 1)
        if phase == "before":
            return Pose(start, self._foot(0.0), self.direction) if self.variant == "present" else None
        if phase == "enter":
            share = (frame - phases["enter"].start + 1) / enter
            return Pose(start + (contact - start) * share, self._foot(share), self.direction)
        if phase == "act":
            lunge = (0.0, 3.0, 3.0, 1.0)[frame - phases["act"].start]
            return Pose(contact + self.direction * lunge, self._foot(1.0), self.direction, acting=True)
        if phase == "leave":
            share = (frame - phases["leave"].start + 1) / leave
            return Pose(contact + (end - contact) * share, self._foot(1 - share), facing)
        return Pose(end, self._foot(0.0), facing) if self.variant == "stays" else None

    def _foot(self, nearness: float) -> float:
        """The agent's foot: on the ground, a ball bouncing, and up in the air near a window that it will hit."""
        story, foot = self.story, _FOOT
        if self.variant == "behind":
            foot = self.horizon + 4 if story.object != "window" else _FOOT
        hop = 5.0 * abs(math.sin(3 * math.pi * nearness)) if story.agent == "ball" else 0.0
        if story.object == "window" and story.changes and story.agent != "person":
            rise = max(0.0, 1 - 1.6 * (1 - nearness))  # over the last part of the way
            hop = hop * (1 - rise) + (_FOOT - self.object_y - 1) * math.sin(rise * math.pi / 2)
        return foot - hop

    def bystander_pose(self, frame: int) -> Pose | None:
        """The second agent of variant ``distractor``: it crosses the scene in the distance while the first is away."""
        if self.variant != "distractor":
            return None
        margin, span = 18.0, 12
        begin = self.phases["leave"].stop - 2
        share = (frame - begin) / span
        if not 0 <= share <= 1:
            return None
        start, end = (-margin, SIZE + margin)[:: -self.direction]
        return Pose(start + (end - start) * share, self.horizon + 3, -self.direction)

    def visible(self, frame: int) -> bool:
        """The agent can be told from the frame: at least its middle is inside."""
        pose = self.agent_pose(frame)
        return pose is not None and -2 <= pose.x <= SIZE + 2

    def same_moment(self, frame: int) -> list[int]:
        """All frames drawn exactly like ``frame``."""
        key = (self.object_state(frame), self.agent_pose(frame), self.bystander_pose(frame))
        return [
            other
            for other in range(NUM_FRAMES)
            if (self.object_state(other), self.agent_pose(other), self.bystander_pose(other)) == key
        ]

    def canonical_frame(self, frame: int) -> int:
        """Of all frames drawn like ``frame``, the one to name: the clip's first, else its last, else ``frame``."""
        same = self.same_moment(frame)
        return 0 if 0 in same else NUM_FRAMES - 1 if NUM_FRAMES - 1 in same else frame


def sample_take(
    rng: random.Random,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    level: str = "core",
) -> Take:
    """Draw one telling.

    Args:
        rng: the only source of chance.
        pairs: (object, agent) pairs to draw from; all but the held-out ones by default.
        level: ``core`` or ``hard``.
    """
    if level not in ("core", "hard"):
        raise InputError(f"StoryWorld has no level {level!r}; give 'core' or 'hard'.")
    while True:
        take = _draw(rng, pairs or [pair for pair in PAIRS if pair not in HELD_OUT], level)
        if take.variant == "stays" or len(take.phases["after"]) >= 3:
            return take


def _draw(rng: random.Random, pairs: Sequence[tuple[str, str]], level: str) -> Take:
    thing, agent = rng.choice(list(pairs))
    variant = "core"
    if level == "hard":
        changeable = Story(thing, agent).changes
        variant = rng.choice([v for v in VARIANTS if changeable or v not in ("spared", "behind", "two_objects")])
    story = Story(thing, agent, spared=variant in ("spared", "behind"))
    colours = rng.sample(sorted(COLOURS), 4)
    object_x = rng.uniform(22, 42)
    window_x = object_x + rng.uniform(20, 24) * (1 if object_x < SIZE / 2 else -1)
    second = None
    if variant == "two_objects":
        others = [
            t for t in SCENES if SCENES[t] == story.scene and t not in (thing, "window") and (t, agent) not in HELD_OUT
        ]
        second = Story(rng.choice(others), "person")
        object_x = rng.choice([16.0, 48.0])
    if variant == "distractor":
        others = [a for t, a in PAIRS if t == thing and a not in (agent, "car") and (t, a) not in HELD_OUT]
        second = Story(thing, rng.choice(others))
    from_left = rng.random() < 0.5
    # Passing means crossing; having acted, an agent goes on or turns back.
    goes_on = not story.changes or (rng.random() < 0.5 and not story.at_window)
    return Take(
        story=story,
        variant=variant,
        wall=rng.randrange(len(WALLS)),
        floor=rng.randrange(len(FLOORS)),
        horizon=rng.uniform(40, 46),
        object_x=object_x,
        object_scale=rng.uniform(1.08, 1.25),
        object_facing=rng.choice((-1, 1)),
        object_colour=colours[0],
        accent=colours[1],
        agent_colour=colours[2],
        agent_scale=rng.uniform(1.08, 1.25),
        from_left=from_left,
        goes_on=goes_on,
        begin=0 if variant == "present" else rng.randint(3, 6),
        speed=rng.uniform(*SPEEDS),
        window_x=window_x,
        bystander=second,
        bystander_x=SIZE - object_x,
        bystander_colour=colours[3],
        names_colour=rng.random() < 0.5,
    )
