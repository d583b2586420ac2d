"""Captions that are wrong in one thing: who comes, what state the object is in, its colour, or the moment."""

from __future__ import annotations

import random
from collections.abc import Sequence

from reasondiff.storyworld import captions
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.stories import PAIRS, Take

__all__ = ["other_colour", "other_moment", "other_species", "other_state", "species_of", "what_is_seen"]


def species_of(take: Take) -> list[str]:
    """Who else could have come to the take's object."""
    story = take.story
    return [agent for thing, agent in PAIRS if thing == story.object and agent != story.agent]


def other_species(take: Take, caption: str, agent: str) -> str | None:
    """The caption with another agent, of the same colour, who does it in its own way; None if it names nobody."""
    named = f"{take.agent_colour} {take.story.agent}"
    if named not in caption:
        return None
    wrong = caption.replace(named, f"{take.agent_colour} {agent}")
    for own, others in zip(captions.ACTS[take.story.agent], captions.ACTS[agent], strict=True):
        wrong = wrong.replace(own, others)
    return wrong


def other_state(take: Take, frame: int, caption: str) -> str | None:
    """The caption with the object in its other state; None if it has none, or the caption does not say it."""
    story, state = take.story, take.object_state(frame)
    states = [name for thing, name in captions.STATES if thing == story.object and name != state]
    if not states:
        return None
    wordings = zip(captions.STATES[story.object, state], captions.STATES[story.object, states[0]], strict=True)
    for right, wrong in wordings:
        changed = _swapped(caption, right.format(c=take.object_colour), wrong.format(c=take.object_colour))
        if changed != caption:
            return changed
    return None


def other_colour(take: Take, frame: int, caption: str, rng: random.Random) -> str | None:
    """The caption with the object in another colour; None if it does not say which."""
    colour = rng.choice([name for name in sorted(COLOURS) if name not in (take.object_colour, take.agent_colour)])
    for wording in captions.STATES[take.story.object, take.object_state(frame)]:
        changed = _swapped(caption, wording.format(c=take.object_colour), wording.format(c=colour))
        if changed != caption:
            return changed
    return None


def other_moment(take: Take, frame: int, told: Sequence[str], rng: random.Random) -> str | None:
    """A caption of the same take that another picture belongs to; None if nothing ever changes.

    Args:
        told: the captions of all frames.
    """
    here = what_is_seen(take, frame)
    others = [other for other in range(len(told)) if what_is_seen(take, other) != here]
    return told[rng.choice(others)] if others else None


def what_is_seen(take: Take, frame: int) -> tuple[str, ...]:
    """What a caption of the frame says, whatever its words: two frames of one meaning are no wrong pair."""
    story = take.story
    thing = (story.object, take.object_colour, take.object_state(frame))
    phase = take.phase_at(frame)
    if take.agent_pose(frame) is None:
        return (*thing, "nobody")
    return (*thing, story.agent, take.agent_colour, phase, str(take.from_left))


def _swapped(caption: str, right: str, wrong: str) -> str:
    """``right`` and its article in place of ``wrong`` and its own, at the start of a sentence or in it."""
    one, other = captions.article(right), captions.article(wrong)
    return caption.replace(one, other).replace(one[0].upper() + one[1:], other[0].upper() + other[1:])
