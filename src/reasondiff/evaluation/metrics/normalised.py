"""A score of texts between what wrong texts have and what the true clips have, since a raw cosine means little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.base import Need, Sample
from reasondiff.evaluation.metrics.clip_score import TextScore
from reasondiff.evaluation.networks.base import Origin
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.suites.base import Case

__all__ = ["NormalisedTextScore"]

OTHERS = 4
"""Cases whose captions every true clip is compared with."""


@dataclass(frozen=True)
class NormalisedTextScore:
    """(score - floor) / (ceiling - floor); 1 is as near to the captions as the true clips are.

    The ceiling is the mean score of the true clips with their own captions; the floor is that of the true clips with
    the captions of the next four cases. Both are of all cases, so that a mean stays a mean.

    Args:
        score: the raw one.
        cases: of the suite, with their true frames and stories.
    """

    score: TextScore
    cases: Sequence[Case] = field(repr=False)
    unit: str = "of the true clips'"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ("captions",)
    of_a_failure: float | None = 0.0

    @property
    def origin(self) -> Origin:
        return self.score.origin

    @property
    def name(self) -> str:
        return f"{self.score.name}_normalised"

    @property
    def title(self) -> str:
        return f"normalised {self.score.title}"

    def measure(self, sample: Sample) -> float:
        floor, ceiling = self.bounds
        return (self.score.measure(sample) - floor) / (ceiling - floor)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The floor and the ceiling.

        Raises:
            InputError: there are no true clips, or they are no nearer to their own captions than to others'.
        """
        true = [case for case in self.cases if case.read_reference is not None and case.true_narrative is not None]
        if len(true) < 2:
            raise InputError(f"The metric {self.name!r} needs two cases with true frames and captions; leave it out.")
        own, wrong = [], []
        for number, case in enumerate(true):
            assert case.read_reference is not None
            clip = Output(case.read_reference(), fps=1.0)
            own.append(self.score.measure(Sample(case, clip)))
            for step in range(1, min(OTHERS, len(true) - 1) + 1):
                other = true[(number + step) % len(true)]
                told = replace(case, true_narrative=other.true_narrative)
                wrong.append(self.score.measure(Sample(told, clip)))
        floor, ceiling = float(np.mean(wrong)), float(np.mean(own))
        if ceiling <= floor:
            raise InputError(
                f"The true clips score {ceiling:.3f} with their own captions and {floor:.3f} with others'; this "
                f"network cannot tell them apart, so leave out {self.name!r}."
            )
        return floor, ceiling
