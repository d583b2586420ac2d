"""Stories that are known, and the plain ways to write them as a reply."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from reasondiff.narrative import Narrative

FRAMES = (17, 33, 49, 81)
INTERVAL = 0.2


@dataclass(frozen=True)
class Story:
    """What the writer means."""

    num_frames: int
    position: int  # from 1
    ends: tuple[int, ...]
    texts: tuple[str, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        return (1, *(end + 1 for end in self.ends[:-1]))

    @property
    def spans(self) -> list[tuple[int, int, str]]:
        return list(zip(self.starts, self.ends, self.texts, strict=True))

    @property
    def per_frame(self) -> list[str]:
        return [text for start, end, text in self.spans for _ in range(start, end + 1)]

    def is_told_by(self, narrative: Narrative) -> bool:
        told = [(clip.start + 1, clip.end, clip.description) for clip in narrative.clips]
        return told == self.spans and narrative.anchor_frame + 1 == self.position


_WHO = (
    "A grey cat",
    "The cat's kitten",
    "A man in a coat",
    "Mr. O'Neil",
    "Une fille",
    "犬",
    "A dog (brown)",
    "Two boys",
)
_DOES = (
    "enters the room",
    "runs past, fast",
    "breaks the vase",
    "looks up; waits",
    "opens the window: wind blows",
    "jumps - and falls",
    "blows out 3 of 5 candles",
    "turns 50% of the pages",
    "sits at the café",
    "is gone 🐈",
    "says “no”",
)
_HOW = (
    "",
    " slowly",
    ", then rests",
    " while it's raining",
    " at 10:30",
    " [off screen]",
    " / twice",
    " {blurred}",
    " #1",
    " on frame-like tiles",
)


def make_story(rng: random.Random) -> Story:
    frames = rng.choice(FRAMES)
    count = rng.randint(2, 6)
    ends = (*sorted(rng.sample(range(1, frames), count - 1)), frames)
    texts = []
    while len(texts) < count:
        text = f"{rng.choice(_WHO)} {rng.choice(_DOES)}{rng.choice(_HOW)}."
        if text not in texts:
            texts.append(text)
    position = rng.choice([1, frames, rng.randint(1, frames), rng.randint(1, frames)])
    return Story(frames, position, ends, tuple(texts))


def in_clips(story: Story) -> dict:
    return {"position": story.position, "clips": [{"end": end, "description": text} for _, end, text in story.spans]}


def in_spans(story: Story, start_by: int = 0, end_by: int = 0, position_by: int = 0) -> dict:
    clips = [{"start": s + start_by, "end": e + end_by, "description": text} for s, e, text in story.spans]
    return {"position": story.position + position_by, "clips": clips}


def in_a_list(story: Story) -> dict:
    return {"position": story.position, "descriptions": story.per_frame}


def dump(rng: random.Random, data: object) -> str:
    return json.dumps(data, indent=rng.choice([None, None, 2, 4]), ensure_ascii=rng.random() < 0.3)


def in_any_form(rng: random.Random, story: Story) -> dict:
    return rng.choice([in_clips, in_clips, in_spans, in_a_list])(story)


Family = Callable[[random.Random, Story], str | tuple[str, Story]]
"""A habit or a failure: returns the text and, where it cannot mean exactly the given story, the one it means."""
