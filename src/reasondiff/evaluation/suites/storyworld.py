"""StoryWorld as a suite: unseen unpaired cases, judged by the oracle and by templates; a pass needs both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from reasondiff import storyworld
from reasondiff.checkpoints import bundled_folder, model_hashes
from reasondiff.errors import InputError
from reasondiff.evaluation.suites.base import Case, Judgement, Stratum
from reasondiff.storyworld import captions, dataset
from reasondiff.storyworld.judges import judge_story
from reasondiff.storyworld.oracle import ORACLE
from reasondiff.storyworld.render import draw, draw_frame
from reasondiff.storyworld.stories import Take

__all__ = ["PHASES", "SPLITS", "StoryWorldSuite", "judgement_of", "judges_hashes", "with_agent", "world_hash"]

SPLITS = ("test", "validation")
"""Those that are never trained on."""

PHASES: tuple[tuple[str, str, str | bool], ...] = (
    ("start", "anchor_phase", "start"),
    ("middle", "anchor_phase", "middle"),
    ("end", "anchor_phase", "end"),
    ("seen pair", "held_out", False),
    ("held-out pair", "held_out", True),
)
"""Groups of cases: a title, the key of a case's strata, and its value."""


@dataclass(frozen=True)
class StoryWorldSuite:
    """Cases whose image is one frame of a drawn clip and whose text names the agent only.

    Args:
        count: how many cases.
        split: ``test``, or ``validation`` to choose between weights or settings without a look at ``test``.
        level: ``core`` or ``hard``.
        paired: the image is the clip's first frame, which is what plain image-to-video is made for.

    Raises:
        InputError: no case, or a split that is not unseen.
    """

    count: int = 100
    split: str = "test"
    level: str = "core"
    paired: bool = False
    name: str = "storyworld"
    strata: Sequence[Stratum] = tuple(Stratum(*phase) for phase in PHASES)
    has_judge: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"{self.count} cases are none; give 1 or more.")
        if self.split not in SPLITS:
            raise InputError(f"There are no unseen cases in the split {self.split!r}; choose {' or '.join(SPLITS)}.")

    @cached_property
    def drawn(self) -> Mapping[str, dataset.Case]:
        """StoryWorld's own cases by id."""
        drawn = dataset.cases(self.count, split=self.split, level=self.level)
        if self.paired:
            drawn = [replace(case, anchor_frame=0) for case in drawn]
        return {f"{case.number:04d}": case for case in drawn}

    def cases(self) -> list[Case]:
        return [_as_case(case_id, case) for case_id, case in self.drawn.items()]

    def judge(self, case: Case, frames: np.ndarray, anchor_frame: int | None) -> Judgement:
        """Both judges' verdict on the story, and each one's; the oracle's on agent and state apart."""
        return judgement_of(self.drawn[case.id].take, case, frames, anchor_frame)

    def fingerprint(self) -> dict[str, object]:
        asked = {"cases": self.count, "level": self.level, "split": self.split, "paired": self.paired}
        return {**asked, "world": world_hash()}

    def judged_by(self) -> dict[str, object]:
        return judges_hashes()


def judgement_of(take: Take, case: Case, frames: np.ndarray, anchor_frame: int | None) -> Judgement:
    """Both judges' verdict on a video of a drawn story, and each one's; the oracle's on agent and state apart."""
    verdict = judge_story(frames, take.story, anchor_frame, np.asarray(case.image), variant=take.variant)
    parts = {
        "agent": verdict.oracle.agent_right,
        "state": verdict.oracle.state_right,
        "oracle": verdict.oracle.passed,
        "templates": verdict.templates.passed,
    }
    return Judgement(verdict.passed, str(verdict), parts)


def world_hash() -> str:
    """SHA-256 of the source that decides the cases: which there are, and how they are drawn and told."""
    return _sources_hash(*(f"{name}.py" for name in ("captions", "dataset", "palette", "render", "sprites", "stories")))


def judges_hashes() -> dict[str, object]:
    """Of what decides a judgement: the oracle's weights, and SHA-256 of both judges' source."""
    rules = _sources_hash("judges.py", "oracle/*.py", "template_judge/*.py")
    return {"oracle": model_hashes(bundled_folder(ORACLE)), "rules": rules}


def _sources_hash(*patterns: str) -> str:
    folder = Path(storyworld.__file__).parent
    sources = sorted(file for pattern in patterns for file in folder.glob(pattern))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sources)).hexdigest()


def with_agent(take: Take, agent: str) -> Take:
    """The same telling with another agent, which does the same to the object.

    Raises:
        InputError: the world has no such story.
    """
    return replace(take, story=replace(take.story, agent=agent))


def _as_case(case_id: str, case: dataset.Case) -> Case:
    return Case(
        id=case_id,
        image=draw_frame(case.take, case.anchor_frame),
        prompt=captions.user_prompt(case.take, case.rng("prompt")),
        seed=case.number,
        label=case.take.story.object,
        strata={"anchor_phase": case.anchor_phase, "held_out": case.held_out},
        true_narrative=captions.narrative(case.take, case.anchor_frame, case.rng("narrative")),
        read_reference=lambda: draw(case.take),
    )
