"""Clips that tell a story wrongly, each in one way: what the oracle must not let pass.

A corruption takes a take and a source of chance and returns a clip, uint8 [33, 64, 64, 3], or None where the take
does not lend itself to it (a story without a change cannot change too early).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any

import numpy as np

from reasondiff.storyworld import degradations
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.render import draw, draw_frame
from reasondiff.storyworld.stories import AGENTS, NUM_FRAMES, PAIRS, SCENES, SIZE, Pose, Story, Take

__all__ = ["FURTHER", "REQUIRED", "SPOILED", "Corruption", "Retold", "retell"]

Video = np.ndarray
Corruption = Callable[[Take, random.Random], "Video | None"]


@dataclass(frozen=True)
class Retold(Take):
    """A take with another object state or another pose in some frames."""

    state_in: Callable[[int], str] | None = None
    pose_in: Callable[[int], Pose | None] | None = None

    def object_state(self, frame: int) -> str:
        return self.state_in(frame) if self.state_in else super().object_state(frame)

    def agent_pose(self, frame: int) -> Pose | None:
        return self.pose_in(frame) if self.pose_in else super().agent_pose(frame)


def retell(
    take: Take,
    *,
    state_in: Callable[[int], str] | None = None,
    pose_in: Callable[[int], Pose | None] | None = None,
) -> Retold:
    """The take with another object state or another pose in each frame."""
    same = {field.name: getattr(take, field.name) for field in fields(Take)}
    return Retold(**same, state_in=state_in, pose_in=pose_in)


def frozen(take: Take, rng: random.Random) -> Video:
    """One frame for the whole clip."""
    return np.repeat(np.asarray(draw_frame(take, rng.randrange(NUM_FRAMES)))[None], NUM_FRAMES, axis=0)


def shuffled(take: Take, rng: random.Random) -> Video:
    """The frames in any order."""
    order = list(range(NUM_FRAMES))
    rng.shuffle(order)
    return draw(take)[order]


def reversed_in_time(take: Take, rng: random.Random) -> Video | None:
    """The frames from last to first."""
    return draw(take)[::-1] if take.story.changes else None


def wrong_agent(take: Take, rng: random.Random) -> Video:
    """Another agent does the same to the object."""
    story = take.story
    others = [a for a in AGENTS if a != story.agent and (story.object, a) in PAIRS]
    return draw(replace(take, story=replace(story, agent=rng.choice(others))))


def wrong_object(take: Take, rng: random.Random) -> Video | None:
    """The agent does the same to another object of the scene."""
    story = take.story
    others = [thing for thing in SCENES if (thing, story.agent) in PAIRS and SCENES[thing] == story.scene]
    others.remove(story.object)
    return draw(replace(take, story=replace(story, object=rng.choice(others)))) if others else None


def never_changing(take: Take, rng: random.Random) -> Video | None:
    """The object stays as it was."""
    return draw(retell(take, state_in=lambda frame: take.story.states[0])) if take.story.changes else None


def always_changed(take: Take, rng: random.Random) -> Video | None:
    """The object is changed from the start."""
    return draw(retell(take, state_in=lambda frame: take.story.states[1])) if take.story.changes else None


def reverting(take: Take, rng: random.Random) -> Video | None:
    """The object is whole again while it is in plain sight, for at least two frames."""
    if not take.story.changes:
        return None
    back = rng.randint(take.phases["after"].start, NUM_FRAMES - 2)
    return draw(retell(take, state_in=lambda frame: take.story.states[take.change_frame <= frame < back]))


def effect_before_cause(take: Take, rng: random.Random) -> Video | None:
    """The object changes while nobody is there yet."""
    if not take.story.changes or take.begin < 3:
        return None
    early = rng.randint(2, take.begin - 1)
    return draw(retell(take, state_in=lambda frame: take.story.states[frame >= early]))


def effect_after_all(take: Take, rng: random.Random) -> Video | None:
    """The object changes when everyone has gone."""
    if not take.story.changes or take.variant == "stays":
        return None
    late = rng.randint(take.phases["after"].start + 1, NUM_FRAMES - 2)
    return draw(retell(take, state_in=lambda frame: take.story.states[frame >= late]))


def nobody_comes(take: Take, rng: random.Random) -> Video:
    """The agent is never there."""
    return draw(retell(take, pose_in=lambda frame: None))


def teleporting(take: Take, rng: random.Random) -> Video | None:
    """Frames are cut out, over which the agent goes at least 20 pixels within the frame."""
    within = {}
    for frame in filter(take.visible, range(NUM_FRAMES)):
        pose = take.agent_pose(frame)
        if pose is not None and 2 < pose.x < SIZE - 2:
            within[frame] = pose.x
    cuts = [(before, after) for before, after in combinations(within, 2) if abs(within[before] - within[after]) >= 20]
    if not cuts:
        return None
    before, after = rng.choice(cuts)
    video = draw(take)
    rest = np.concatenate([video[: before + 1], video[after:]])
    return np.concatenate([rest, np.repeat(video[-1:], NUM_FRAMES - len(rest), axis=0)])


def doubled(take: Take, rng: random.Random) -> Video | None:
    """A second one of its kind comes along, ahead of or behind the first; both are well inside for three frames."""
    shift = rng.choice((-1, 1)) * rng.uniform(20, 30)

    def beside(frame: int) -> Pose | None:
        pose = take.agent_pose(frame)
        return replace(pose, x=pose.x + shift) if pose else None

    both = [f for f in range(NUM_FRAMES) if (a := take.agent_pose(f)) and 6 < a.x < 58 and 6 < a.x + shift < 58]
    if len(both) < 3:
        return None
    alone, empty, second = draw(take), nobody_comes(take, rng), draw(retell(take, pose_in=beside))
    return np.where((second != empty).any(-1, keepdims=True), second, alone)


def pasted_on(take: Take, rng: random.Random) -> Video:
    """A still image, with an agent that stands still pasted on for all or for some of the frames."""
    frame = rng.choice([*take.phases["before"], *take.phases["after"]] or [0])
    x = rng.uniform(8, SIZE - 8)
    start, stop = (0, NUM_FRAMES) if rng.random() < 0.5 else (rng.randint(3, 12), rng.randint(18, 30))
    pose = Pose(x, 61.0, rng.choice((-1, 1)))

    def still(now: int) -> Pose | None:
        return pose if start <= now < stop else None

    state = take.object_state(frame)
    return draw(retell(take, state_in=lambda now: state, pose_in=still))


def popping_up(take: Take, rng: random.Random) -> Video | None:
    """The agent is not seen coming: it is there, in the middle of the scene, from one frame to the next."""
    frames = [f for f in range(NUM_FRAMES) if (pose := take.agent_pose(f)) and 24 < pose.x < SIZE - 24]
    if take.variant == "present" or not frames:
        return None
    first = frames[0]
    return draw(retell(take, pose_in=lambda frame: take.agent_pose(frame) if frame >= first else None))


Spoil = Callable[[np.ndarray, int], np.ndarray]
"""What becomes of an agent's layer (``degradations``) in a frame."""


def spoiled(take: Take, spoil: Spoil) -> Video:
    """The take with its agent spoiled in every frame."""
    whole, empty = draw(take), draw(retell(take, pose_in=lambda frame: None))
    layers = [degradations.layer_of(picture, rest) for picture, rest in zip(whole, empty, strict=True)]
    return np.stack(
        [degradations.onto(rest, spoil(layer, f)) for f, (layer, rest) in enumerate(zip(layers, empty, strict=True))]
    )


def instead(take: Take, **changes: Any) -> Video:
    """What the take's agent adds to every frame, were it another: float32 [33, 64, 64, 3]."""
    other = replace(retell(take, state_in=take.object_state, pose_in=take.agent_pose), **changes)
    empty = draw(retell(take, pose_in=lambda frame: None))
    return degradations.layer_of(draw(other), empty)


def middle_of(take: Take, frame: int) -> tuple[float, float]:
    pose = take.agent_pose(frame)
    return (pose.x, pose.y - 12) if pose else (0.0, 0.0)


def _other_agent(take: Take, rng: random.Random) -> Story | None:
    """The story with another agent that acts in the same way."""
    story = take.story
    if story.at_window:
        return None
    others = [a for a in AGENTS if a not in (story.agent, story.object) and (story.object, a) in PAIRS]
    return replace(story, agent=rng.choice([a for a in others if not replace(story, agent=a).at_window]))


def ghostly(take: Take, rng: random.Random) -> Video:
    """The agent is a shade: four tenths of its ink."""
    return spoiled(take, lambda layer, frame: degradations.fade(layer, 0.4))


def half_faded(take: Take, rng: random.Random) -> Video:
    """Half of the agent is missing, or almost."""
    angle, rest = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.25)
    return spoiled(take, lambda layer, frame: degradations.fade_part(layer, 0.5, angle, rest))


def smeared(take: Take, rng: random.Random) -> Video:
    """The agent is drawn out over two or three frames of its way."""
    span = rng.uniform(10, 16)
    return spoiled(take, lambda layer, frame: degradations.smear(layer, span))


def melted(take: Take, rng: random.Random) -> Video:
    """The agent has run out of its shape."""
    amount, seed = rng.uniform(3, 5), rng.randrange(2**31)
    return spoiled(take, lambda layer, frame: degradations.warp(layer, middle_of(take, frame), amount, seed))


def blob(take: Take, rng: random.Random) -> Video:
    """The agent is a patch in its colour."""
    return spoiled(take, lambda layer, frame: degradations.clot(layer, 4.5))


def many_coloured(take: Take, rng: random.Random) -> Video:
    """The agent is in three colours, patch by patch."""
    others = rng.sample([colour for colour in sorted(COLOURS) if colour != take.agent_colour], 2)
    layers = [instead(take, agent_colour=colour) for colour in (take.agent_colour, *others)]
    seed = rng.randrange(2**31)

    def patched(layer: np.ndarray, frame: int) -> np.ndarray:
        return degradations.patch([each[frame] for each in layers], middle_of(take, frame), seed)[0]

    return spoiled(take, patched)


def of_wrong_parts(take: Take, rng: random.Random) -> Video | None:
    """Half of the agent is another's."""
    story, angle = _other_agent(take, rng), rng.choice((0.0, 0.5, 1.0, 1.5)) * math.pi
    if story is None:
        return None
    other = instead(take, story=story)
    return spoiled(take, lambda layer, frame: degradations.graft(layer, other[frame], 0.5, angle))


def _midway(take: Take, rng: random.Random) -> int | None:
    """A frame well inside the agent's way."""
    inside = [f for f in range(NUM_FRAMES) if (pose := take.agent_pose(f)) and 12 < pose.x < SIZE - 12]
    return rng.choice(inside[3:-3]) if len(inside) > 6 else None


def changing_colour(take: Take, rng: random.Random) -> Video | None:
    """The agent is of another colour from a frame in the middle of its way."""
    frame = _midway(take, rng)
    if frame is None or take.variant == "behind":
        return None
    other = rng.choice([colour for colour in sorted(COLOURS) if colour != take.agent_colour])
    return np.concatenate([draw(take)[:frame], draw(replace(take, agent_colour=other))[frame:]])


def changing_kind(take: Take, rng: random.Random) -> Video | None:
    """The agent is another one from a frame in the middle of its way."""
    frame, story = _midway(take, rng), _other_agent(take, rng)
    if frame is None or story is None:
        return None
    other = replace(retell(take, state_in=take.object_state, pose_in=take.agent_pose), story=story)
    return np.concatenate([draw(take)[:frame], draw(other)[frame:]])


REQUIRED: dict[str, Corruption] = {
    "frozen": frozen,
    "shuffled": shuffled,
    "wrong agent": wrong_agent,
    "wrong object": wrong_object,
    "never changing": never_changing,
    "teleporting agent": teleporting,
    "doubled agent": doubled,
    "effect before cause": effect_before_cause,
    "state that reverts": reverting,
    "agent pasted on a still image": pasted_on,
    "reversed": reversed_in_time,
}
"""Each may pass at most two times in a hundred."""

SPOILED: dict[str, Corruption] = {
    "ghostly agent": ghostly,
    "half-faded agent": half_faded,
    "smeared agent": smeared,
    "melted agent": melted,
    "agent that is a blob": blob,
    "many-coloured agent": many_coloured,
    "agent of wrong parts": of_wrong_parts,
    "agent that changes colour": changing_colour,
    "agent that changes kind": changing_kind,
}
"""Likewise: the story is told, but the agent is not one that a person would name."""

FURTHER: dict[str, Corruption] = {
    "changed from the start": always_changed,
    "effect when all have gone": effect_after_all,
    "nobody comes": nobody_comes,
    "agent out of nothing": popping_up,
}
"""Not asked for, measured all the same."""
