"""Benchmarks of drawn clips, whose truth is known: the real sets' two forms, and the form in which a user types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from reasondiff.errors import InputError
from reasondiff.evaluation.bench.clips import IMAGE_AT, TrueClip, paired_case, unpaired_case, user_case
from reasondiff.evaluation.bench.layout import Built, BuiltCase
from reasondiff.evaluation.suites.storyworld import PHASES, SPLITS, with_agent, world_hash
from reasondiff.storyworld import captions, dataset
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import AGENTS, INTERVAL, NUM_FRAMES, PAIRS

__all__ = ["StoryWorldBuilder"]

Form = Literal["unpaired", "paired", "user", "customised"]

AGENTS_PER_IMAGE = 3
"""Of the form ``customised``, as in the paper's Figure 5b."""


@dataclass(frozen=True)
class StoryWorldBuilder:
    """Unseen drawn clips.

    Args:
        form: ``unpaired``: one end's frame and the other end's caption; ``paired``: the first frame and a text that
            tells the whole clip; ``user``: any frame, and a text that names the agent only; ``customised``: the last
            frame with each of three such texts, which name three agents (Sec. 4.4).
        count: how many; of ``customised`` so many images.
        split: ``test`` or ``validation``.
        level: ``core`` or ``hard``.
        seed: of the choice between first and last frame.

    Raises:
        InputError: no case, or a split that is trained on.
    """

    form: Form
    count: int = 300
    split: str = "test"
    level: str = "core"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"{self.count} cases are none; give 1 or more.")
        if self.split not in SPLITS:
            raise InputError(f"There are no unseen clips in the split {self.split!r}; choose {' or '.join(SPLITS)}.")

    def build(self) -> Built:
        if self.form == "customised" and self.level != "core":
            raise InputError("Another agent does the same in core stories only; leave out --level.")
        drawn = dataset.cases(self.count, split=self.split, level=self.level)
        settings = {"cases": self.count, "split": self.split, "level": self.level, "seed": self.seed}
        return Built(
            cases=self._cases(drawn),
            settings=settings,
            source={"world": world_hash()},
            total=self.count * (AGENTS_PER_IMAGE if self.form == "customised" else 1),
            strata=IMAGE_AT if self.form == "unpaired" else PHASES,
        )

    def _cases(self, drawn: list[dataset.Case]) -> Iterator[BuiltCase]:
        for case in drawn:
            if self.form == "unpaired":
                yield unpaired_case(self._clip(case), case.number, self.seed)
            elif self.form == "customised":
                yield from self._customised(case)
            elif self.form == "paired":
                yield paired_case(self._clip(replace(case, anchor_frame=0)), case.number)
            else:
                prompt = captions.user_prompt(case.take, case.rng("prompt"))
                yield user_case(self._clip(case), case.number, case.anchor_frame, prompt)

    def _customised(self, case: dataset.Case) -> Iterator[BuiltCase]:
        """The clip's last frame, in which nobody is left, after three agents, of whom any may have been there."""
        thing = case.take.story.object
        agents = [agent for agent in AGENTS if (thing, agent) in PAIRS][:AGENTS_PER_IMAGE]
        last = NUM_FRAMES - 1
        for agent in agents:
            told = replace(case, take=with_agent(case.take, agent), anchor_frame=last)
            prompt = captions.user_prompt(told.take, told.rng("prompt"))
            clip = replace(self._clip(told), frames=draw(told.take))
            clip = replace(clip, world={**clip.world, "agent": agent})
            yield replace(user_case(clip, case.number, last, prompt), id=f"{case.number:04d}-{agent}")

    def _clip(self, case: dataset.Case) -> TrueClip:
        """The clip, told as a narrator would: a description per phase, and who is who as the style."""
        told = captions.narrative(case.take, case.anchor_frame, case.rng("narrative"))
        strata: dict[str, str | bool] = {"held_out": case.held_out}
        if self.form != "unpaired":
            strata["anchor_phase"] = case.anchor_phase
        return TrueClip(
            frames=draw(case.take),
            fps=1 / INTERVAL,
            captions=told.per_frame(),
            caption=captions.clip_caption(case.take, case.rng("caption")),
            origin=f"{self.split}/{case.number}",
            style=told.style,
            strata=strata,
            world={"split": self.split, "level": self.level, "number": case.number},
        )
