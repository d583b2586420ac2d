"""A second judge of stories, that draws what should be there and compares.

It shares the palette and the sprites' drawings with the world, and nothing with the oracle: no network, no thresholds,
no rules. A sprite is moved over every frame, in every size, direction and colour; it is there where it explains most of
what distinguishes the frame from the scene without it (``matching``). So a shade, a smear, a blob, an animal of two
halves or of three colours is nobody. Of the story it weighs that the named agent is told on its way, in one colour and
without jumps, that the object is told in its states, that it changes once, and that the agent was near.

It knows nothing of a second agent, nor of the anchor; the oracle does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reasondiff.errors import InputError
from reasondiff.storyworld.stories import VARIANTS, Story
from reasondiff.storyworld.template_judge.matching import SIDE, Match, best_matches, softened
from reasondiff.storyworld.template_judge.templates import agent_templates, object_templates
from reasondiff.storyworld.template_judge.thresholds import THRESHOLDS, Thresholds

__all__ = ["THRESHOLDS", "Reading", "TemplateVerdict", "Thresholds", "judge_by_templates", "judge_reading", "read"]


@dataclass(frozen=True)
class TemplateVerdict:
    """What the template judge says of a video; ``str()`` of it is one line.

    Args:
        reasons: why it fails, the plainest first; empty if it passes.
    """

    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons

    def __str__(self) -> str:
        return "pass" if self.passed else f"fail: {self.reasons[0]}"


@dataclass(frozen=True)
class Reading:
    """What was matched.

    Args:
        agent: per frame, the best match of the named agent; None where there is nothing.
        thing: the best match of the object at the start and at the end.
        states: per frame, which of the two the object looks like, 0 or 1; None where it is covered or unclear.
    """

    agent: Sequence[Match | None]
    thing: tuple[Match | None, Match | None]
    states: Sequence[int | None]


def judge_by_templates(
    video: np.ndarray, story: Story, *, variant: str = "core", t: Thresholds = THRESHOLDS
) -> TemplateVerdict:
    """Judge a video against a story.

    Args:
        video: uint8 [frames, height, width, 3], 0.2 s between frames; other sizes than 64 x 64 are resized.
        story: the object, its states before and after, and the agent.
        variant: ``core`` or one of ``stories.VARIANTS``.

    Raises:
        InputError: no video, or an unknown variant.
    """
    if video.ndim != 4 or video.shape[-1] != 3 or video.dtype != np.uint8 or not video.size:
        raise InputError(f"The judge was given {video.dtype} {video.shape}; give uint8 [frames, height, width, 3].")
    if variant not in ("core", *VARIANTS):
        raise InputError(f"StoryWorld has no variant {variant!r}; give 'core' or one of {', '.join(VARIANTS)}.")
    return TemplateVerdict(tuple(judge_reading(read(video, story, variant, t), story, variant, t)))


def read(video: np.ndarray, story: Story, variant: str = "core", t: Thresholds = THRESHOLDS) -> Reading:
    """Match the story's object, and then its agent before the scenes that the object is in."""
    frames = softened(video)
    empty = _backdrop(frames)
    before, after = things = _objects(frames, empty, story, t)
    start, end = np.median(frames[: t.ends], axis=0), np.median(frames[-t.ends :], axis=0)
    if variant == "present" and before is not None:  # no frame shows how it was without the agent
        start = _with(end, before, after, empty)
    if variant == "stays" and after is not None:
        end = _with(start, after, before, empty)
    agent = best_matches(frames, [start, end], agent_templates(story.agent))
    return Reading(agent, things, _states(frames, empty, things, agent, t))


def _objects(frames: np.ndarray, empty: np.ndarray, story: Story, t: Thresholds) -> tuple[Match | None, Match | None]:
    """The object's best match early on in its state before, and later on in its state after."""
    starts = range(0, max(1, len(frames) - t.ends), t.ends)
    scenes = np.stack([np.median(frames[start : start + t.ends], axis=0) for start in starts])
    moving = ((scenes - empty) ** 2).sum(-1).min(0)  # what is not there for a while is no part of the object
    half = (len(scenes) + 1) // 2
    parts = (scenes[:half], scenes[-half:]) if story.changes else (scenes, scenes)
    found = []
    for some, state in zip(parts, story.states, strict=True):
        away = np.broadcast_to(moving, some.shape[:3])
        matches = best_matches(some, [empty], object_templates(story.object, state), away=away, accents=True)
        found.append(max(filter(None, matches), key=lambda match: match.explained, default=None))
    return found[0], found[1]


def _with(scene: np.ndarray, thing: Match, other: Match | None, empty: np.ndarray) -> np.ndarray:
    """A scene with ``thing`` where it has ``other``."""
    place = (thing.cover() > 0) | (other.cover() > 0 if other else False)
    return np.where(place[..., None], thing.on(empty), scene)


def _backdrop(frames: np.ndarray) -> np.ndarray:
    """The scene without anything, [64, 64, 3]: row by row the colour that most of its pixels have."""
    rows = frames.transpose(1, 0, 2, 3).reshape(SIDE, -1, 3)
    coarse = (rows // 16).astype(np.int64) @ np.array([256, 16, 1])
    commonest = [np.bincount(row).argmax() for row in coarse]
    colours = [np.median(row[kind == most], axis=0) for row, kind, most in zip(rows, coarse, commonest, strict=True)]
    return np.repeat(np.array(colours, np.float32)[:, None], SIDE, axis=1)


def _states(
    frames: np.ndarray, empty: np.ndarray, things: Sequence[Match | None], agent: Sequence[Match | None], t: Thresholds
) -> list[int | None]:
    """Per frame the one of two matches that the object looks like."""
    first, second = things
    if first is None or second is None:
        return [None] * len(frames)
    pictures = [first.on(empty), second.on(empty)]
    place = (first.cover() > 0.5) | (second.cover() > 0.5)
    differs = ((pictures[0] - pictures[1]) ** 2).sum(-1)
    place &= differs > differs.max() / 8 if differs.max() > 0 else True
    found: list[int | None] = []
    for frame, match in zip(frames, agent, strict=True):
        visible = place if match is None or match.explained < t.covers else place & (match.cover() < 0.05)
        if visible.sum() < t.uncovered * place.sum():
            found.append(None)
            continue
        away = [float(((frame - picture) ** 2).sum(-1)[visible].mean()) for picture in pictures]
        clear = abs(away[0] - away[1]) > t.margin * float(differs[visible].mean())
        found.append(int(away[1] < away[0]) if clear else None)
    return found


# -- the rules --------------------------------------------------------------------------------------------------------


def judge_reading(reading: Reading, story: Story, variant: str, t: Thresholds = THRESHOLDS) -> Iterator[str]:
    """Why what was matched is not the story; nothing if it is."""
    told = {
        frame: match
        for frame, match in enumerate(reading.agent)
        if match and match.explained >= t.fits[story.agent] and match.visible >= t.visible
    }
    yield from _agent(told, reading, story, variant, t)
    change = None
    objects = list(_object(reading, story, t))
    yield from objects
    if story.changes and not objects:
        change = next(frame for frame, state in enumerate(reading.states) if state == 1)
        traces = {frame: m for frame, m in enumerate(reading.agent) if m and m.explained >= t.trace}
        yield from _cause(traces, reading.thing[0], change, story, t)


def _agent(told: dict[int, Match], reading: Reading, story: Story, variant: str, t: Thresholds) -> Iterator[str]:
    name = f"the {story.agent}"
    if len(told) < t.matches:
        yield f"{name} is {'hardly' if told else 'never'} told"
        return
    colours = Counter(match.colour for match in told.values() if t.whole <= match.x <= SIDE - t.whole)
    if colours and max(colours.values()) < t.one_colour * colours.total():
        yield f"{name} is of several colours"
    frames = sorted(told)
    if any(abs(told[g].x - told[f].x) > t.jolt + t.stride * (g - f) for f, g in pairwise(frames)):
        yield f"{name} jumps"
    ends = [(frames[0], "present", "comes out of"), (frames[-1], "stays", "goes into")]
    for frame, waived, how in ends:
        if variant not in (waived, "behind") and t.border < told[frame].x < SIDE - t.border:
            yield f"{name} {how} nothing"
    way = [
        frame
        for frame in range(frames[0], frames[-1] + 1)
        if not _excused(frame, frames, told, reading, story, variant, t)
    ]
    if len([frame for frame in way if frame in told]) < t.told * len(way):
        yield f"{name} cannot be told on its way"


def _excused(
    frame: int,
    frames: Sequence[int],
    told: dict[int, Match],
    reading: Reading,
    story: Story,
    variant: str,
    t: Thresholds,
) -> bool:
    """The agent is at the edge or behind something: it need not be told."""
    if frame in told:
        return False
    x = float(np.interp(frame, frames, [told[f].x for f in frames]))
    if not t.edge <= x <= SIDE - t.edge:
        return True
    thing = reading.thing[0]
    return variant in ("behind", "spared") and thing is not None and abs(x - thing.x) <= _near(story, t)


def _object(reading: Reading, story: Story, t: Thresholds) -> Iterator[str]:
    for match, state in zip(reading.thing, story.states, strict=True):
        if match is None or match.explained < t.object_fits:
            yield f"the {story.object} is not told {state}"
            return
    before, after = reading.thing
    assert before is not None and after is not None, "both were told"
    if abs(before.x - after.x) > t.same_place:
        yield f"the {story.object} does not stay in its place"
    if not story.changes:
        return
    states = reading.states
    counts = Counter(state for state in states if state is not None)
    if min(counts[0], counts[1]) < t.states:
        yield f"the {story.object} is hardly told in both states"
        return
    wrong = min(
        sum(state is not None and state != (frame >= change) for frame, state in enumerate(states))
        for change in range(1, len(states))
    )
    if wrong > t.slips:
        yield f"the {story.object} does not change once"


def _near(story: Story, t: Thresholds) -> float:
    whistle = story.object == "dog" and story.agent == "person"
    return t.reach[story.agent] + t.width[story.object] + t.contact * (2 if whistle else 1)


def _cause(traces: dict[int, Match], thing: Match | None, change: int, story: Story, t: Thresholds) -> Iterator[str]:
    assert thing is not None, "a change was told"
    if min(traces, default=change) >= change:
        yield f"the {story.object} changes before the {story.agent} comes"
    elif not story.at_window and not any(
        change - t.before - 1 <= frame <= change and abs(match.x - thing.x) <= _near(story, t)
        for frame, match in traces.items()
    ):
        yield f"the {story.object} changes while the {story.agent} is away"
