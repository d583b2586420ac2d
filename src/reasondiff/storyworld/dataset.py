"""Takes by number: clip ``index`` of a split is always the same telling, on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from reasondiff.errors import InputError
from reasondiff.storyworld.stories import HELD_OUT, PAIRS, Take, sample_take

__all__ = ["SPLITS", "Case", "TakeSet", "case", "cases"]

SPLITS = {"train": 0, "validation": 1, "test": 2, "clip": 3}
"""Splits draw from disjoint streams of seeds; ``clip`` is what the network that scores captions is trained on."""


@dataclass(frozen=True)
class TakeSet:
    """An endless list of takes.

    Args:
        split: one of ``SPLITS``; held-out pairs are never drawn in ``train``.
        hard: share of takes of level ``hard``.
        pairs: (object, agent) pairs to draw from; every pair that the split may show by default.
    """

    split: str = "train"
    hard: float = 0.0
    pairs: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"StoryWorld has no split {self.split!r}; give one of {', '.join(SPLITS)}.")

    def rng(self, index: int, purpose: str = "take") -> random.Random:
        """A source of chance for one clip and one purpose, such as its captions."""
        return random.Random(f"{self.split}/{index}/{purpose}")

    def __getitem__(self, index: int) -> Take:
        rng = self.rng(index)
        level = "hard" if rng.random() < self.hard else "core"
        allowed = self.pairs or tuple(p for p in PAIRS if self.split != "train" or p not in HELD_OUT)
        return sample_take(rng, pairs=allowed, level=level)


@dataclass(frozen=True)
class Case:
    """One unpaired task: the image is one frame of ``take``, the prompt names the agent only.

    Args:
        take: the true telling.
        anchor_frame: where the image comes from, 0-based; a method is not told.
        number: of the case in its set.
    """

    take: Take
    anchor_frame: int
    number: int
    split: str = "test"

    def rng(self, purpose: str) -> random.Random:
        """A source of chance for one purpose, such as the case's prompt."""
        return TakeSet(self.split).rng(self.number, purpose)

    @property
    def held_out(self) -> bool:
        return (self.take.story.object, self.take.story.agent) in HELD_OUT

    @property
    def anchor_phase(self) -> str:
        """``start``: before the agent; ``middle``: with it in the scene; ``end``: after it."""
        phase = self.take.phase_at(self.anchor_frame)
        return {"before": "start", "after": "end"}.get(phase, "middle")


def cases(count: int, *, split: str = "test", level: str = "core", held_out: float = 0.25) -> list[Case]:
    """Unseen unpaired cases: anchors at the start, in the middle and at the end in turn.

    Args:
        count: how many.
        level: ``core`` (the anchor is never mid-action) or ``hard`` (it may be).
        held_out: share of cases with a pair never shown in training; none in the split ``train``.

    Raises:
        InputError: there is no such level, split or share.
    """
    return [case(number, split=split, level=level, held_out=held_out) for number in range(count)]


def case(number: int, *, split: str = "test", level: str = "core", held_out: float = 0.25) -> Case:
    """One case of ``cases``, the same in lists of every length.

    Raises:
        InputError: there is no such level, split or share.
    """
    if level not in ("core", "hard"):
        raise InputError(f"StoryWorld has no level {level!r}; give 'core' or 'hard'.")
    if not 0 <= held_out <= 1:
        raise InputError(f"A share of {held_out:g} held-out pairs cannot be drawn; give 0 to 1.")
    if split == "train":
        held_out = 0.0
    unseen = int((number + 1) * held_out) > int(number * held_out)
    seen = tuple(pair for pair in PAIRS if pair not in HELD_OUT)
    takes = TakeSet(split, hard=float(level == "hard"), pairs=tuple(sorted(HELD_OUT)) if unseen else seen)
    take = takes[number]
    frame = _anchor(take, ("start", "middle", "end")[number % 3], takes.rng(number, "anchor"))
    return Case(take, frame, number, split)


def _anchor(take: Take, anchor_phase: str, rng: random.Random) -> int:
    names: Sequence[str] = {"start": ("before",), "end": ("after",)}.get(anchor_phase, ("enter", "leave"))
    if anchor_phase == "middle" and take.level == "hard":
        names = ("enter", "act", "leave")
    frames = [frame for name in names for frame in take.phases[name]]
    if anchor_phase == "middle":
        frames = [frame for frame in frames if take.visible(frame)]
    return rng.choice(frames or range(1))
