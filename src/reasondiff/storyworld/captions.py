"""Words for takes: the unpaired user prompt, the narrative, per-frame captions and the whole clip's caption.

The prompt names who comes and never what the image shows; the narrative tells everything. Wording varies with the
random source, so that nothing is learned by heart.
"""

from __future__ import annotations

import random

from reasondiff.narrative import Anchor, Clip, Narrative
from reasondiff.storyworld.stories import INTERVAL, NUM_FRAMES, Story, Take

__all__ = [
    "ACTS",
    "STATES",
    "article",
    "clip_caption",
    "frame_captions",
    "narrative",
    "reasoning",
    "style",
    "user_prompt",
]

_AGENT_NAMES = {
    "cat": ("cat", "cat", "kitten"),
    "dog": ("dog", "dog", "puppy"),
    "pig": ("pig", "pig", "piglet"),
    "ball": ("ball", "soccer ball", "football"),
    "person": ("person", "man", "woman"),
    "car": ("car", "car", "motor car"),
}
_PROMPTS: dict[str, dict[str, tuple[str, ...]]] = {
    "room": {
        "cat": ("{A} plays in the room.", "{A} is playing.", "{A} runs around indoors.", "There is {a} in the house."),
        "dog": ("{A} plays in the room.", "{A} is playing.", "{A} runs around indoors.", "There is {a} in the house."),
        "pig": ("{A} plays in the room.", "{A} is playing.", "{A} runs around indoors.", "There is {a} in the house."),
        "ball": ("{A} flies through the room.", "{A} bounces.", "{A} is kicked.", "Somebody kicks {a}."),
        "person": ("{A} walks in the room.", "{A} comes home.", "{A} looks around.", "{A} enters."),
    },
    "outdoors": {
        "cat": ("{A} walks on the road.", "{A} strolls outside.", "{A} runs on the street."),
        "dog": ("{A} running on the road.", "{A} runs outside.", "{A} runs on the street."),
        "pig": ("{A} running on the road.", "{A} runs outside.", "{A} trots on the street."),
        "ball": ("{A} rolls on the road.", "{A} bounces along the street.", "Somebody kicks {a}."),
        "person": ("{A} walks on the road.", "{A} takes a walk.", "{A} walks down the street."),
        "car": ("{A} running on the road.", "{A} drives by.", "{A} drives down the street."),
    },
}
_WINDOW_PROMPTS = ("{A} opens the window.", "{A} lets some air in.", "{A} opens a window.")
_WHISTLE_PROMPTS = ("{A} whistles.", "{A} is whistling.", "{A} gives a whistle.")
_SPARED_PROMPTS = ("{A} passes by at the back.", "{A} goes by without touching anything.")

STATES = {
    ("vase", "intact"): ("intact {c} vase", "{c} vase in one piece"),
    ("vase", "broken"): ("broken {c} vase", "{c} vase in pieces"),
    ("table", "whole"): ("{c} table on all its legs", "sound {c} table"),
    ("table", "broken"): ("{c} table with a broken leg", "{c} table that has lost a leg"),
    ("candle", "burning"): ("burning {c} candle", "{c} candle with a flame"),
    ("candle", "out"): ("{c} candle that is out", "{c} candle without a flame"),
    ("window", "whole"): ("{c} window with whole panes", "undamaged {c} window"),
    ("window", "cracked"): ("cracked {c} window", "{c} window with a hole"),
    ("book", "flat"): ("{c} book lying flat", "{c} book with still pages"),
    ("book", "turning"): ("{c} book with its pages turning", "{c} book with pages blown up"),
    ("bicycle", "parked"): ("parked {c} bicycle", "{c} bicycle standing there"),
    ("dog", "standing"): ("standing {c} dog", "{c} dog on its feet"),
    ("dog", "sitting"): ("sitting {c} dog", "{c} dog that sits"),
}
"""Two wordings of each object in each state; ``c`` is its colour."""
_EFFECTS = {
    "vase": ("the vase breaks", "the vase falls to pieces"),
    "table": ("a table leg breaks", "the table loses a leg"),
    "candle": ("the candle goes out", "the flame goes out"),
    "window": ("the window cracks", "the window breaks"),
    "book": ("the pages turn", "the pages of the book turn"),
    "dog": ("the dog stands up", "the dog gets up"),
}
ACTS = {
    "cat": ("jumps at it", "touches it"),
    "dog": ("runs into it", "bumps into it"),
    "pig": ("runs into it", "bumps into it"),
    "ball": ("hits it", "strikes it"),
    "person": ("pushes it", "knocks against it"),
    "car": ("hits it", "runs into it"),
}
"""Two wordings of what each agent does to an object."""
_WINDOW_ACTS = ("opens the window", "opens the window wide")
_WHISTLE_ACTS = ("whistles", "gives a whistle")
_PHRASES = {
    "before": ("{O} {place}, nobody there.", "Only {o} can be seen.", "{O}, and nobody else yet."),
    "enter": ("{A} comes from the {entry} towards {o}.", "{A} enters from the {entry}; {o} ahead."),
    "act": ("{A} {act} and {effect}.", "{A} {act}; {effect}."),
    "leave": ("{A} leaves to the {exit}; {o} behind.", "{A} goes off to the {exit}, away from {o}."),
    "after": ("{O} is left, nobody there.", "Only {o} remains.", "{O}; everyone has gone."),
}


def user_prompt(take: Take, rng: random.Random) -> str:
    """What a user types: who comes, never what the image shows."""
    story = take.story
    choices = _PROMPTS[story.scene][story.agent]
    if story.spared:
        choices = _SPARED_PROMPTS
    elif story.at_window:
        choices = _WINDOW_PROMPTS
    elif story.object == "dog" and story.agent == "person":
        choices = _WHISTLE_PROMPTS
    name = rng.choice(_AGENT_NAMES[story.agent])
    agent = article(f"{take.agent_colour} {name}" if take.names_colour else name)
    return rng.choice(choices).format(A=_capital(agent), a=agent)


def style(take: Take) -> str:
    """The story-wide text: subjects with their colours, and the place."""
    subject, agent = _noun(take.object_colour, take.story.object), _noun(take.agent_colour, take.story.agent)
    return f"{_capital(agent)} and {subject} {_place(take.story)}."


def narrative(take: Take, anchor_frame: int, rng: random.Random) -> Narrative:
    """The true story in the narrator's manner: one description per phase."""
    clips = tuple(
        Clip(frames.start, frames.stop, _describe(take, frames.start, rng)) for frames in take.phases.values() if frames
    )
    return Narrative(
        clips, (Anchor(anchor_frame),), NUM_FRAMES, INTERVAL, style=style(take), reasoning=reasoning(take, anchor_frame)
    )


def reasoning(take: Take, anchor_frame: int) -> str:
    """Why the image belongs where it does, and which way the agent takes: when things happen follows from both."""
    story, phase = take.story, take.phase_at(anchor_frame)
    entry, leaving = _sides(take)
    state = _state(take, anchor_frame, 0)
    when = {
        "before": f"the image comes before the {story.agent}",
        "enter": f"the {story.agent} is on its way in",
        "act": f"this is the moment the {story.agent} acts",
        "leave": f"the {story.agent} is on its way out",
        "after": f"the image comes after the {story.agent}",
    }[phase]
    way = f"from the {entry} " + ("and back" if entry == leaving else f"to the {leaving}")
    return f"The image shows {state}; {when}. The way is {way}."


def frame_captions(take: Take, rng: random.Random) -> tuple[str, ...]:
    """One caption per frame, as a captioner writes them (Sec. 3.4): each says its own words."""
    return tuple(_describe(take, frame, rng) for frame in range(NUM_FRAMES))


def clip_caption(take: Take, rng: random.Random) -> str:
    """What happens in the whole clip, in one sentence, for plain image-to-video."""
    story, sides = take.story, _sides(take)
    agent, state = _noun(take.agent_colour, story.agent), _state(take, 0, rng.randrange(2))
    middle = f"{_act(story, rng)}, {rng.choice(_EFFECTS[story.object])}" if story.changes else "passes by"
    return (
        f"{_capital(state)} {_place(story)}: {agent} comes from the {sides[0]}, {middle}, and leaves to the {sides[1]}."
    )


def _describe(take: Take, frame: int, rng: random.Random) -> str:
    story, phase = take.story, take.phase_at(frame)
    entry, leaving = _sides(take)
    agent, state = _noun(take.agent_colour, story.agent), _state(take, frame, rng.randrange(2))
    if phase in ("before", "after") and take.agent_pose(frame) is not None:
        text = rng.choice(("{A} stays near {o}.", "{A} stands beside {o}."))
    else:
        text = rng.choice(_PHRASES[phase])
    return text.format(
        A=_capital(agent), O=_capital(state), o=state, place=_place(story), entry=entry, exit=leaving,
        act=_act(story, rng), effect=rng.choice(_EFFECTS[story.object]) if story.changes else "",
    )  # fmt: skip


def _act(story: Story, rng: random.Random) -> str:
    if story.at_window:
        return rng.choice(_WINDOW_ACTS)
    if story.object == "dog" and story.agent == "person":
        return rng.choice(_WHISTLE_ACTS)
    return rng.choice(ACTS[story.agent])


def _sides(take: Take) -> tuple[str, str]:
    entry, other = ("left", "right") if take.from_left else ("right", "left")
    return entry, other if take.goes_on else entry


def _state(take: Take, frame: int, wording: int) -> str:
    return article(STATES[take.story.object, take.object_state(frame)][wording].format(c=take.object_colour))


def _place(story: Story) -> str:
    return "in a room" if story.scene == "room" else "on a street"


def _noun(colour: str, name: str) -> str:
    return article(f"{colour} {name}")


def article(noun: str) -> str:
    """The noun with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
