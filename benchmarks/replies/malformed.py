"""Replies as models write them, made from stories that are known.

A family is one habit or failure. The recoverable ones say beyond doubt which story they mean; the others have lost
something, which only has to be noticed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.replies.known_stories import Story, make_story
from benchmarks.replies.lost_replies import LOST
from benchmarks.replies.recoverable_replies import RECOVERABLE


@dataclass(frozen=True)
class Malformed:
    """A reply and what its writer means."""

    family: str
    recoverable: bool
    story: Story
    text: str
    cut: bool = False


def replies(per_family: int = 20, seed: int = 0) -> list[Malformed]:
    """The same replies for the same arguments."""
    made = []
    for recoverable, families in ((True, RECOVERABLE), (False, LOST)):
        for name, family in families.items():
            rng = random.Random(f"{seed}/{name}")
            for _ in range(per_family):
                story = make_story(rng)
                written = family(rng, story)
                text, story = (written, story) if isinstance(written, str) else written
                cut = name == "cut_off" and rng.random() < 0.5  # the other half says nothing about it
                made.append(Malformed(name, recoverable, story, text, cut))
    return made
