"""How well a narrator tells StoryWorld's stories: where it puts the image, and what it says in each clip."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from reasondiff.errors import NarrationError
from reasondiff.narrative import Narrative
from reasondiff.narrator import Narrator
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import Case
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import AGENTS, INTERVAL, NUM_FRAMES, SCENES, SPEEDS, Take

__all__ = [
    "NEAR",
    "RULES",
    "WORDS",
    "Told",
    "distance",
    "image_of",
    "narrate_cases",
    "pace_marks",
    "prompt_of",
    "within",
    "word_marks",
]

NEAR = 3
"""Frames within which a position counts as right."""

RULES: Mapping[str, Callable[[Case], int]] = {
    "always first": lambda case: 0,
    "always last": lambda case: NUM_FRAMES - 1,
    "always middle": lambda case: NUM_FRAMES // 2,
    "by the object's state": lambda case: NUM_FRAMES - 1 if _changed(case.take, case.anchor_frame) else 0,
}
"""What can be had without a narrator; the last one is told the object's true state."""

WORDS = ("object", "state", "agent", "action", "object's colour", "agent's colour")

_STATES = {
    ("vase", "intact"): r"intact|in one piece",
    ("vase", "broken"): r"broken|in pieces",
    ("table", "whole"): r"on all its legs|sound",
    ("table", "broken"): r"broken leg|lost a leg",
    ("candle", "burning"): r"burning|with a flame",
    ("candle", "out"): r"is out|without a flame",
    ("window", "whole"): r"whole panes|undamaged",
    ("window", "cracked"): r"cracked|with a hole",
    ("book", "flat"): r"lying flat|still pages",
    ("book", "turning"): r"pages turning|blown up",
    ("bicycle", "parked"): r"parked|standing there",
    ("dog", "standing"): r"standing|on its feet",
    ("dog", "sitting"): r"sitting|that sits",
}
_EFFECTS = {
    "vase": r"vase (breaks|falls to pieces)",
    "table": r"table (leg breaks|loses a leg)",
    "candle": r"(candle|flame) goes out",
    "window": r"window (cracks|breaks)",
    "book": r"pages (of the book )?turn",
    "dog": r"dog (stands|gets) up",
}
_ACTIONS = {
    "before": r"nobody|only|stays near|stands beside",
    "enter": r"(comes|enters) from the (left|right)",
    "act": r"jumps at|touches|runs into|bumps into|hits|strikes|pushes|knocks against|opens the window|whistle",
    "leave": r"(leaves|goes off) to the (left|right)",
    "after": r"is left|remains|has gone|stays near|stands beside",
}
_WAYS = ("enter", "leave")


@dataclass(frozen=True)
class Told:
    """What a narrator made of a case.

    Args:
        case: the case.
        narrative: its story; None if it told none.
        valid: the reply that was taken stands as it was, without repair or question.
        first: and it was the first; see ``VisionNarrator.redraws``.
        away: frames between its position and the nearest one drawn like the image.
        words: per kind of ``WORDS``, right or wrong for every clip in which it can be known.
        pace: ``pace_marks`` of the narrative.
    """

    case: Case
    narrative: Narrative | None
    valid: bool
    first: bool
    away: int
    words: Mapping[str, tuple[bool, ...]]
    pace: tuple[bool, ...]

    @property
    def near(self) -> bool:
        return within(self.away)

    @property
    def whole(self) -> bool:
        """The position is right, and so are the object, its state, the agent and what it does in every clip."""
        return self.near and all(all(self.words[kind]) for kind in WORDS[:4])

    @property
    def warned(self) -> bool:
        """The narrator said that it does not know the image or a word."""
        return self.narrative is not None and bool(self.narrative.provenance.get("warnings"))


def image_of(case: Case) -> Image.Image:
    """The case's image."""
    return draw_frame(case.take, case.anchor_frame)


def prompt_of(case: Case) -> str:
    """The case's user prompt."""
    return captions.user_prompt(case.take, random.Random(f"prompt/{case.number}"))


def narrate_cases(
    narrator: Narrator,
    cases: Sequence[Case],
    *,
    images: Sequence[Image.Image] | None = None,
    prompts: Sequence[str] | None = None,
) -> list[Told]:
    """Let ``narrator`` tell every case, and mark it.

    Args:
        narrator: is asked for 33 frames of 0.2 s.
        cases: what to tell.
        images: instead of the cases' own, such as the same ones shuffled.
        prompts: instead of the cases' own.
    """
    results = []
    for number, case in enumerate(cases):
        prompt = prompts[number] if prompts else prompt_of(case)
        try:
            with warnings.catch_warnings(action="ignore"):  # they are in the provenance
                narrative = narrator.narrate(
                    images[number] if images else image_of(case), prompt, num_frames=NUM_FRAMES, interval=INTERVAL
                )
        except NarrationError:
            nothing = {kind: (False,) for kind in WORDS}
            results.append(Told(case, None, False, False, NUM_FRAMES, nothing, (False,)))
            continue
        complaints, known = len(narrative.provenance.get("complaints", ())), narrative.provenance
        valid = not known.get("repairs") and not known.get("reasks") and complaints < known.get("requests", 1)
        first = valid and not complaints
        away = distance(case.take, case.anchor_frame, narrative.anchor_frame)
        words = word_marks(narrative, case, prompt_of(case))
        results.append(Told(case, narrative, valid, first, away, words, pace_marks(narrative, case.take)))
    return results


def distance(take: Take, anchor_frame: int, frame: int) -> int:
    """Frames from ``frame`` to the nearest one that is drawn exactly like ``anchor_frame``."""
    return min(abs(frame - same) for same in take.same_moment(anchor_frame))


def within(away: int) -> bool:
    """This distance counts as right."""
    return away <= NEAR


def word_marks(narrative: Narrative, case: Case, prompt: str) -> dict[str, tuple[bool, ...]]:
    """Right or wrong, clip by clip; a clip too many or too few is wrong in everything.

    Colours count where they can be known: the object's from the image, the agent's if it is in the image or named.
    """
    take = case.take
    phases = [(name, frames.start) for name, frames in take.phases.items() if frames]
    clips = [
        _clip_marks(take, phase, start, clip.description.casefold())
        for (phase, start), clip in zip(phases, narrative.clips, strict=False)
    ]
    too_many_or_too_few = (False,) * abs(len(phases) - len(narrative.clips))
    marks = {kind: tuple(clip[kind] for clip in clips if kind in clip) + too_many_or_too_few for kind in WORDS}
    colour_told = take.visible(case.anchor_frame) or any(colour in prompt.casefold() for colour in COLOURS)
    if not colour_told:
        marks["agent's colour"] = too_many_or_too_few
    return marks


def pace_marks(narrative: Narrative, take: Take) -> tuple[bool, ...]:
    """Whether each way, in and out, lasts as long as it takes at a speed of this world, to a frame.

    The way is the one that the narrative tells, on whichever side, from or to where the object is in the image. A
    shorter time makes an agent jump, whoever draws it. One wrong mark if the narrative has other clips than the story.
    """
    phases = [name for name, frames in take.phases.items() if frames]
    clips = dict(zip(phases, narrative.clips, strict=False))
    sides = [re.search(r"(?:from|to) the (left|right)", clips[name].description) for name in _WAYS if name in clips]
    if len(phases) != len(narrative.clips) or not all(sides):
        return (False,)
    entry, *leaving = [side[1] for side in sides if side]
    told = replace(take, from_left=entry == "left", goes_on=leaving != [entry])
    slow, fast = (replace(told, speed=speed).phases for speed in SPEEDS)
    return tuple(
        len(fast[name]) - 1 <= clips[name].end - clips[name].start <= len(slow[name]) + 1
        for name in _WAYS
        if name in clips
    )


def _clip_marks(take: Take, phase: str, start: int, text: str) -> dict[str, bool]:
    """What the true clip says, compared with ``text``; only what the true clip says at all."""
    story, state = take.story, take.object_state(start)
    there = take.agent_pose(start) is not None
    named = {agent for agent in AGENTS if _has(text, agent)} - (
        {story.object} if story.object != story.agent else set()
    )
    marks = {"agent": named == ({story.agent} if there else set()), "action": _has(text, _ACTIONS[phase])}
    if phase == "act":  # the object is "it" here
        return (
            marks
            | {"state": _has(text, _EFFECTS[story.object])}
            | _colour("agent", take.agent_colour, story.agent, text)
        )
    things = {thing for thing in SCENES if _has(text, thing)} - ({story.agent} if there else set())
    marks |= {"object": things == {story.object}, "state": _states(text, story.object) == {state}}
    marks |= _colour("object", take.object_colour, story.object, text)
    return marks | (_colour("agent", take.agent_colour, story.agent, text) if there else {})


def _states(text: str, thing: str) -> set[str]:
    return {state for (owner, state), words in _STATES.items() if owner == thing and _has(text, words)}


def _colour(kind: str, colour: str, noun: str, text: str) -> dict[str, bool]:
    return {f"{kind}'s colour": _has(text, f"{colour} {noun}")}


def _has(text: str, pattern: str) -> bool:
    return re.search(rf"\b({pattern})", text) is not None


def _changed(take: Take, frame: int) -> bool:
    return take.story.changes and take.object_state(frame) == take.story.states[1]
