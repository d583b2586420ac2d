"""The story rules: what must be seen over time for a video to tell a story, and what is said if it is not.

The story is fixed by the image, the prompt and the world's rule; when things happen is free. Level ``core`` asks that
the agent comes in and goes out again. Each variant of level ``hard`` waives one thing:

    present       the agent may be there from the start
    stays         it may be there at the end; passing, it need only reach the object
    behind        it may be hidden while it is behind the object
    spared        likewise; as ``behind``, nothing may change
    two_objects   a second object may be there, and must keep its state
    distractor    another agent may be there

On every level the agent is the same one from its first to its last frame, in kind and colour, and legible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from reasondiff.errors import InputError
from reasondiff.storyworld.oracle.detector import Detection
from reasondiff.storyworld.oracle.thresholds import THRESHOLDS, Thresholds
from reasondiff.storyworld.oracle.tracks import AgentTrack, Frames, ObjectTrack, state_name, track_agent, track_object
from reasondiff.storyworld.stories import AGENTS, VARIANTS, Story

__all__ = ["Anchor", "Verdict", "judge_detections"]


@dataclass(frozen=True)
class Anchor:
    """The frame told to the method, and what its image shows."""

    frame: int
    detections: Sequence[Detection]


@dataclass(frozen=True)
class Verdict:
    """What the oracle says of a video; ``str()`` of it is one line.

    Args:
        reasons: why it fails, the plainest first; empty if it passes.
        agent_right: the named agent is clearly seen, once, and no other.
        state_right: the object is in its state before at the start, in its state after at the end, and changes once.
        anchor_right: the anchor's frame shows what the anchor's image shows; None without an anchor.
        change: the first frame in which the object is seen in its state after.
        visit: the first and last frames in which the agent is clearly seen.
    """

    reasons: tuple[str, ...]
    agent_right: bool
    state_right: bool
    anchor_right: bool | None
    change: int | None
    visit: tuple[int, int] | None

    @property
    def passed(self) -> bool:
        return not self.reasons

    def __str__(self) -> str:
        return "pass" if self.passed else f"fail: {self.reasons[0]}"


def judge_detections(
    frames: Frames, story: Story, variant: str = "core", anchor: Anchor | None = None, t: Thresholds = THRESHOLDS
) -> Verdict:
    """Judge what was detected.

    Args:
        frames: the detections of every frame.
        story: what must happen.
        variant: ``core``, or the variant of level ``hard`` that the story is told in.
        anchor: what the given image shows, and the frame it was given for.

    Raises:
        InputError: there is no such variant, or the anchor is outside the video.
    """
    if variant not in ("core", *VARIANTS):
        raise InputError(f"StoryWorld has no variant {variant!r}; give 'core' or one of {', '.join(VARIANTS)}.")
    if anchor and not 0 <= anchor.frame < len(frames):
        raise InputError(f"The anchor's frame {anchor.frame} is outside the video's 0..{len(frames) - 1}.")
    thing, agent = track_object(frames, story.object, t), track_agent(frames, story.agent, t)
    change = find_change(thing.states, story) if story.changes else None
    who = [*_who(frames, agent, story, variant, t), *_identity(agent, thing, story, variant, t)]
    what = list(_what(thing, agent, change, story, t))
    other = list(_strangers(frames, story, variant, t))
    way = list(_way(agent, thing, story, variant, anchor, len(frames), t)) if not who else []
    cause = list(_cause(frames, agent, thing, change, story, t)) if change and not (who or what) else []
    at_anchor = list(_at_anchor(frames, thing, agent, story, anchor, t)) if anchor else []
    return Verdict(
        reasons=(*who, *what, *other, *cause, *way, *at_anchor),
        agent_right=not who,
        state_right=not what,
        anchor_right=not at_anchor if anchor else None,
        change=change[1] if change else None,
        visit=(agent.frames[0], agent.frames[-1]) if agent.frames else None,
    )


# -- who is seen ------------------------------------------------------------------------------------------------------


def _who(frames: Frames, agent: AgentTrack, story: Story, variant: str, t: Thresholds) -> Iterator[str]:
    if len(agent.frames) < t.detections:
        yield f"the {story.agent} is {'hardly' if agent.frames else 'never'} seen"
    if agent.doubled > t.slips:
        yield f"there are two of the {story.agent}"
    if variant == "distractor":
        return
    alone = [_without_outshone(detections, story, t) for detections in frames]
    for name, count in _count(alone, t).items():
        is_another = name in AGENTS and name not in (story.agent, story.object)
        if is_another and count > t.slips:
            yield f"a {name} is seen, which nobody named"


def _identity(agent: AgentTrack, thing: ObjectTrack, story: Story, variant: str, t: Thresholds) -> Iterator[str]:
    """From its first to its last frame it is one agent, and a person would name it."""
    uncovered = _uncovered(agent, thing, story, variant, t)
    if _colour_slips(uncovered, t) > t.colour_slips:
        yield f"the {story.agent} does not keep its colour"
    named = sum(one.score >= t.named for one in uncovered)
    if named < t.legible * len(uncovered):
        yield f"the {story.agent} can hardly be told"


def _uncovered(agent: AgentTrack, thing: ObjectTrack, story: Story, variant: str, t: Thresholds) -> Sequence[Detection]:
    """The agent wherever it is wholly in the picture and nothing is in front of it."""
    whole = [agent.at(frame) for frame in agent.frames if not agent.edge(frame, t.whole)]
    passes_near = variant in ("behind", "spared")
    if not passes_near or not thing.place:
        return whole
    middle = thing.place[0]
    near = _near(story, t)
    return [one for one in whole if abs(one.x - middle) > near]


def _colour_slips(detections: Sequence[Detection], t: Thresholds) -> int:
    """In how many of them the colour is another than it mostly is."""
    colours = np.array([one.colour for one in detections if one.colour])
    if not len(colours):
        return 0
    distances = np.linalg.norm(colours - np.median(colours, axis=0), axis=1)
    return int((distances > t.same_colour).sum())


def _without_outshone(detections: Sequence[Detection], story: Story, t: Thresholds) -> list[Detection]:
    return [one for one in detections if not _outshone(one, detections, story, t)]


def _outshone(one: Detection, detections: Sequence[Detection], story: Story, t: Thresholds) -> bool:
    """The same place looks more like the agent: it is one thing that also looks a little like another."""
    return any(
        other.name == story.agent
        and other.score > one.score
        and abs(other.x - one.x) <= t.same_place
        and abs(other.y - one.y) <= t.same_place
        for other in detections
    )


def _strangers(frames: Frames, story: Story, variant: str, t: Thresholds) -> Iterator[str]:
    others = {name.split("/")[0] for name in _count(frames, t) if "/" in name} - {story.object, "wall"}
    for name in sorted(others):
        states = Counter(state for state in track_object(frames, name, t).states if state)
        if variant != "two_objects" and states.total() > t.slips:
            yield f"a {name} is seen, which is not in the story"
        elif states.total() - max(states.values(), default=0) > t.slips:
            yield f"the {name} changes too"


def _count(frames: Frames, t: Thresholds) -> Counter[str]:
    """In how many frames each class is clearly seen."""
    return Counter(name for detections in frames for name in {one.name for one in detections if one.score >= t.clear})


# -- what happens to the object ---------------------------------------------------------------------------------------


def find_change(states: Sequence[str | None], story: Story) -> tuple[int, int] | None:
    """The last frame seen before and the first seen after the change that ``states`` tell best, if they tell one."""
    before, after = (state_name(story.object, state) for state in story.states)
    best = min(range(1, len(states)), key=lambda c: _contradictions(states, [before] * c, after), default=0)
    earlier = [frame for frame in range(best) if states[frame] == before]
    later = [frame for frame in range(best, len(states)) if states[frame] == after]
    return (earlier[-1], later[0]) if earlier and later else None


def _contradictions(states: Sequence[str | None], head: Sequence[str], tail: str) -> int:
    expected = [*head, *[tail] * (len(states) - len(head))]
    return sum(state is not None and state != wanted for state, wanted in zip(states, expected, strict=True))


def _what(
    thing: ObjectTrack, agent: AgentTrack, change: tuple[int, int] | None, story: Story, t: Thresholds
) -> Iterator[str]:
    name, (before, after) = story.object, (state_name(story.object, state) for state in story.states)
    if thing.place is None or sum(state is not None for state in thing.states) < t.states:
        yield f"the {name} is never seen"
        return
    if thing.elsewhere > t.slips:
        yield f"the {name} does not stay the same one in its place"
    bare = [
        state
        for frame, state in enumerate(thing.states)
        if not ((one := agent.detections[frame]) and abs(one.x - thing.place[0]) <= _near(story, t))
    ]
    if bare.count(None) > t.unclear * len(bare):
        yield f"the {name} is not clear"
    if change is None and story.changes:
        said = story.states[0] if before in thing.states else story.states[1]
        yield f"the {name} is never other than {said}"
        return
    head = [before] * change[1] if change else []
    if _contradictions(thing.states, head, after) > t.slips:
        yield (
            f"the {name} does not change from {' to '.join(story.states)} once"
            if change
            else (f"the {name} does not stay {story.states[0]}")
        )
    elif change and min(thing.states.count(before), thing.states.count(after)) < t.states:
        yield f"the {name} is hardly seen {story.states[thing.states.count(before) >= t.states]}"


# -- cause and effect -------------------------------------------------------------------------------------------------


def _near(story: Story, t: Thresholds) -> float:
    """The distance at which the agent acts, in pixels."""
    near = t.reach[story.agent] + t.width[story.object] + t.contact
    return near + t.whistle * (story.object == "dog" and story.agent == "person")


def _cause(
    frames: Frames, agent: AgentTrack, thing: ObjectTrack, change: tuple[int, int], story: Story, t: Thresholds
) -> Iterator[str]:
    last, first = change
    assert thing.place is not None, "a change was seen"
    target, near = thing.place[0], _near(story, t)
    if story.at_window:
        panes = [
            (frame, one)
            for frame, detections in enumerate(frames)
            for one in detections
            if one.name.startswith("wall/") and one.score >= t.clear
        ]
        if not panes:
            yield "there is no window to open"
            return
        target, near = median(one.x for _, one in panes), t.reach["person"] + t.contact
        if sum(frame >= last and one.name == "wall/open" for frame, one in panes) < t.states:
            yield "the window is never opened"
    if agent.frames[0] >= first:
        yield f"the {story.object} changes before the {story.agent} comes"
    elif not any(last - t.before <= f < first and abs(agent.at(f).x - target) <= near for f in agent.frames):
        yield f"the {story.object} changes while the {story.agent} is away"


# -- the agent's way --------------------------------------------------------------------------------------------------


def _way(
    agent: AgentTrack,
    thing: ObjectTrack,
    story: Story,
    variant: str,
    anchor: Anchor | None,
    count: int,
    t: Thresholds,
) -> Iterator[str]:
    name = f"the {story.agent}"
    yield from _ends_of_way(agent, story, variant, anchor, count, t)
    if any(_jumps(agent, before, after, t) for before, after in pairwise(agent.frames)):
        yield f"{name} jumps from one place to another"
    if _is_lost(agent, thing, story, variant, t):
        yield f"{name} is lost on its way"
    if not story.changes and thing.place and not _passes(agent, thing.place[0], variant, t):
        yield f"{name} does not pass the {story.object}"


def _ends_of_way(
    agent: AgentTrack, story: Story, variant: str, anchor: Anchor | None, count: int, t: Thresholds
) -> Iterator[str]:
    """It comes in and goes out, unless the variant or an image at that end of the video has it there."""
    name = f"the {story.agent}"
    first, last = agent.frames[0], agent.frames[-1]
    shown_at = anchor.frame if anchor is not None and _shows_agent(anchor, story, t) else None
    is_there_at_first = variant == "present" or (shown_at is not None and shown_at < t.ends)
    is_there_at_last = variant == "stays" or (shown_at is not None and shown_at >= count - t.ends)
    if not is_there_at_first:
        if first == 0:
            yield f"{name} is there from the start"
        elif not agent.edge(first, t.edge):
            yield f"{name} appears out of nothing"
    if not is_there_at_last:
        if last == count - 1:
            yield f"{name} is still there at the end"
        elif not agent.edge(last, t.edge):
            yield f"{name} vanishes into nothing"


def _shows_agent(anchor: Anchor, story: Story, t: Thresholds) -> bool:
    return any(one.name == story.agent and one.score >= t.clear for one in anchor.detections)


def _jumps(agent: AgentTrack, before: int, after: int, t: Thresholds) -> bool:
    """Between two frames it goes farther than it can."""
    sideways = abs(agent.at(after).x - agent.at(before).x)
    upwards = abs(agent.at(after).y - agent.at(before).y)
    frames = after - before
    return sideways > t.jolt + t.stride * frames or upwards > t.rise * frames


def _is_lost(agent: AgentTrack, thing: ObjectTrack, story: Story, variant: str, t: Thresholds) -> bool:
    """It is not seen for too long at once, or for too much of its way."""
    hidden_at = thing.place[0] if thing.place and variant in ("behind", "spared") else None
    gaps = []
    for before, after in pairwise(agent.frames):
        gap = after - before - 1
        side = agent.edge(before, t.half_out)
        half_out = side and side == agent.edge(after, t.half_out) and gap <= t.half_out_gap
        covered = hidden_at is not None and abs(agent.at(before).x - hidden_at) <= _near(story, t)
        gaps.append(0 if half_out or covered else gap)
    length = agent.frames[-1] - agent.frames[0] + 1
    return max(gaps) > t.gap or sum(gaps) > t.lost * length


def _passes(agent: AgentTrack, middle: float, variant: str, t: Thresholds) -> bool:
    """It is seen on both sides of the object; where it may stay, it need only reach it."""
    places = [agent.at(frame).x for frame in agent.frames]
    if min(places) < middle - t.crossing and max(places) > middle + t.crossing:
        return True
    return variant == "stays" and min(abs(place - middle) for place in places) <= 2 * t.crossing


# -- the anchor -------------------------------------------------------------------------------------------------------


def _at_anchor(
    frames: Frames, thing: ObjectTrack, agent: AgentTrack, story: Story, anchor: Anchor, t: Thresholds
) -> Iterator[str]:
    yield from _object_at_anchor(thing, story, anchor, t)
    yield from _agent_at_anchor(frames[anchor.frame], agent, story, anchor, t)


def _object_at_anchor(thing: ObjectTrack, story: Story, anchor: Anchor, t: Thresholds) -> Iterator[str]:
    wanted = track_object([anchor.detections], story.object, t)
    state, frame = wanted.states[0], anchor.frame
    shown = thing.states[frame]
    around = thing.states[max(0, frame - 1) : frame + 2]
    if state and (shown not in (state, None) or state not in around):
        yield f"frame {frame + 1} does not show the {story.object} as the image does"
    elif wanted.place and thing.place and abs(wanted.place[0] - thing.place[0]) > t.same_place:
        yield f"the {story.object} is not where the image has it"


def _agent_at_anchor(
    shown: Sequence[Detection], agent: AgentTrack, story: Story, anchor: Anchor, t: Thresholds
) -> Iterator[str]:
    place = anchor.frame + 1
    given = [one for one in anchor.detections if one.name == story.agent]
    if not given:
        if agent.detections[anchor.frame]:
            yield f"frame {place} shows the {story.agent}, the image does not"
        return
    wanted = given[0]
    if wanted.score < t.clear:
        return
    near = [one for one in shown if one.name == story.agent and abs(one.x - wanted.x) <= t.at_anchor]
    if not any(one.score >= t.faint for one in near):
        yield f"frame {place} does not show the {story.agent} as the image does"
