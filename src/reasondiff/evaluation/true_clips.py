"""The true clips as a system: what every number would be if the story were told as it truly was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reasondiff.errors import InputError
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case

__all__ = ["TrueClips"]


@dataclass(frozen=True)
class TrueClips:
    """Shows the true frames; no method, and never ranked among them."""

    name: str = "true-clips"
    title: str = "the true clips"
    sees_truth: bool = True

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        return [self._true(case) for case in cases]

    def _true(self, case: Case) -> Output:
        story = case.true_narrative
        if case.read_reference is None or story is None:
            raise InputError(f"The case {case.id!r} has no true clip; leave out the method {self.name!r}.")
        return Output(case.read_reference(), 1 / story.interval, story.anchor_frame)
