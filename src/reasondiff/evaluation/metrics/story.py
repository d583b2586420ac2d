"""Whether a video tells its case's story, as the suite's judge says."""

from __future__ import annotations

from dataclasses import dataclass

from reasondiff.evaluation.metrics.base import Need, Sample

__all__ = ["JUDGED", "JudgedPart", "StorySuccess"]

JUDGED = ("story_success", "agent", "state")
"""The metrics of a suite's judge, by name: those that another judge would put otherwise."""


@dataclass(frozen=True)
class StorySuccess:
    """The whole story is told."""

    name: str = "story_success"
    title: str = "story success"
    unit: str = "share"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ("judgement",)
    of_a_failure: float | None = 0.0

    def measure(self, sample: Sample) -> float:
        assert sample.judgement is not None
        return float(sample.judgement.passed)


@dataclass(frozen=True)
class JudgedPart:
    """One part of the story is right.

    Args:
        name: of the part in ``Judgement.parts``, and of the metric.
        title: of the column.
    """

    name: str
    title: str
    unit: str = "share"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ("judgement",)
    of_a_failure: float | None = 0.0

    def measure(self, sample: Sample) -> float:
        assert sample.judgement is not None
        return float(sample.judgement.parts[self.name])
