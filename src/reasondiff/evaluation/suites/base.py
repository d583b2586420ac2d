"""What a suite of cases must offer: the cases, what is known of each, and a judge where there is one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.narrative import Narrative

__all__ = ["Case", "DrawsCases", "Judgement", "Stratum", "Suite", "checked_cases"]


@dataclass(frozen=True)
class Case:
    """One task: an image, a text, and the seed of every video that is made of them.

    Args:
        id: names the case's files; letters, digits, ``_``, ``-`` and ``.``.
        image: the given image, RGB.
        prompt: the user's text.
        seed: of the noise; it belongs to the case, so that every system is given the same.
        label: what the case shows, in a word or two, for people.
        strata: what the case is counted under, such as ``{"anchor_phase": "start", "held_out": False}``.
        true_narrative: the story as it truly is, its anchor at the image's true frame, where that is known.
        read_reference: reads the true frames, uint8 [frames, height, width, 3], where there are any.

    Raises:
        InputError: an id that could name a file somewhere else.
    """

    id: str
    image: Image.Image = field(repr=False)
    prompt: str
    seed: int
    label: str = ""
    strata: Mapping[str, str | bool] = field(default_factory=dict)
    true_narrative: Narrative | None = field(default=None, repr=False)
    read_reference: Callable[[], np.ndarray] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.id):
            raise InputError(f"The case id {self.id!r} cannot name a file; use letters, digits, '_', '-' and '.'.")

    def as_given(self) -> Case:
        """The case as a system sees it: without what is true of it."""
        return replace(self, strata={}, true_narrative=None, read_reference=None)


@dataclass(frozen=True)
class Stratum:
    """A group of cases with a column of its own.

    Args:
        title: of the column.
        key: of ``Case.strata``.
        value: that its cases have there.
    """

    title: str
    key: str
    value: str | bool

    def holds(self, strata: Mapping[str, str | bool]) -> bool:
        return strata.get(self.key) == self.value


@dataclass(frozen=True)
class Judgement:
    """What a suite's judge says of a video.

    Args:
        passed: it tells the case's story.
        sentence: why, or why not.
        parts: what was right and what was wrong, by name.
    """

    passed: bool
    sentence: str
    parts: Mapping[str, bool] = field(default_factory=dict)


class Suite(Protocol):
    """A set of cases. A new one is a file with a class like this and a line in ``registry.SUITES``."""

    @property
    def name(self) -> str:
        """For files and options."""
        ...

    @property
    def strata(self) -> Sequence[Stratum]:
        """Groups that the table shows beside the whole."""
        ...

    @property
    def has_judge(self) -> bool:
        """Whether ``judge`` says anything of its cases."""
        ...

    def cases(self) -> Sequence[Case]:
        """Every case, always in the same order."""
        ...

    def judge(self, case: Case, frames: np.ndarray, anchor_frame: int | None) -> Judgement | None:
        """Judge a video of ``case``, or None where the suite has no judge.

        Args:
            case: one of ``cases``.
            frames: uint8 [frames, height, width, 3].
            anchor_frame: where the system was told to show the image, 0-based; None if it was told no frame.
        """
        ...

    def fingerprint(self) -> Mapping[str, object]:
        """JSON of all that decides the cases; results of two fingerprints are never mixed."""
        ...

    def judged_by(self) -> Mapping[str, object]:
        """JSON of all that decides a judgement, empty without a judge; where it has changed, videos are judged anew."""
        ...


class DrawsCases(Protocol):
    """A class of suites that draw their cases."""

    def __call__(self, count: int, split: str, level: str, paired: bool, /) -> Suite:
        """The suite of some cases.

        The suite's ``fingerprint`` keeps these under the names ``cases``, ``split``, ``level`` and ``paired``, so that
        a report can draw them again.

        Args:
            count: how many cases.
            split: ``test``, or ``validation`` to choose between weights or settings without a look at ``test``.
            level: how hard they are.
            paired: the image is the clip's first frame, which is what plain image-to-video is made for.

        Raises:
            InputError: there are no such cases.
        """
        ...


def checked_cases(suite: Suite) -> list[Case]:
    """The suite's cases.

    Raises:
        InputError: there is none, or two have one id, whose videos would be the same file.
    """
    cases = list(suite.cases())
    if not cases:
        raise InputError(f"The suite {suite.name!r} has no cases; build it with one or more.")
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise InputError(f"The suite {suite.name!r} has two cases {case.id!r}; give each an id of its own.")
        seen.add(case.id)
    return cases
