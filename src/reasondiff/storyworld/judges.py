"""Both judges of a story: it passes if the oracle and the template judge say so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reasondiff.storyworld.oracle import Detector, Verdict, judge
from reasondiff.storyworld.stories import Story
from reasondiff.storyworld.template_judge import TemplateVerdict, judge_by_templates

__all__ = ["StoryVerdict", "judge_story"]


@dataclass(frozen=True)
class StoryVerdict:
    """What the two judges say of a video; ``str()`` of it is one line.

    Args:
        oracle: of the learnt eye and its rules.
        templates: of the sprites that were moved over the frames.
    """

    oracle: Verdict
    templates: TemplateVerdict

    @property
    def passed(self) -> bool:
        return self.oracle.passed and self.templates.passed

    @property
    def agree(self) -> bool:
        return self.oracle.passed == self.templates.passed

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it fails, the oracle's first."""
        return (*self.oracle.reasons, *self.templates.reasons)

    def __str__(self) -> str:
        return "pass" if self.passed else f"fail: {self.reasons[0]}"


def judge_story(
    video: np.ndarray,
    story: Story,
    anchor_frame: int | None = None,
    anchor_image: np.ndarray | None = None,
    *,
    variant: str = "core",
    detector: Detector | None = None,
) -> StoryVerdict:
    """Judge a video against a story; the arguments are those of ``oracle.judge``.

    Raises:
        InputError: no video, an unknown variant, or an anchor outside the video.
        CheckpointError: the oracle's network is not there.
    """
    seen = judge(video, story, anchor_frame, anchor_image, variant=variant, detector=detector)
    return StoryVerdict(seen, judge_by_templates(np.asarray(video), story, variant=variant))
