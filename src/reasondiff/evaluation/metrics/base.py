"""What a metric must offer, and how a video is measured by several: a value or a reason, never nothing."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from reasondiff.evaluation.networks.base import Origin
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.suites.base import Case, Judgement
from reasondiff.media import fit_image

__all__ = [
    "ChoosesFrames",
    "HasOrigin",
    "Measured",
    "Metric",
    "Need",
    "NoValueError",
    "Sample",
    "measure",
    "not_measured",
]

Need = Literal["prompt", "anchor_frame", "judgement", "true_narrative", "captions", "reference"]
"""What a video must come with: a text, a frame for the image, the suite's judgement, the true story, what its frames
show, the true frames."""


class NoValueError(Exception):
    """A metric's word for a video that it cannot measure; the message is the reason."""


@dataclass(frozen=True)
class Sample:
    """A video with all that is known of it.

    Args:
        case: what it was made of.
        output: the video.
        judgement: the suite's, where it has a judge.
        system: the name of what made it.
    """

    case: Case
    output: Output
    judgement: Judgement | None = None
    system: str = ""

    @property
    def image(self) -> np.ndarray:
        """The given image at the video's size, uint8 [height, width, 3]."""
        height, width = self.output.frames.shape[1:3]
        return np.asarray(fit_image(self.case.image, width, height))

    @property
    def anchor_frame(self) -> int:
        """The frame that the image was to be at, 0-based; for metrics that need one."""
        assert self.output.anchor_frame is not None
        return self.output.anchor_frame

    @property
    def captions(self) -> tuple[str, ...]:
        """What each frame of the true clip shows; for metrics that need it."""
        assert self.case.true_narrative is not None
        return self.case.true_narrative.per_frame()

    def lacks(self, need: Need) -> str:
        """Why ``need`` is not met; empty if it is."""
        match need:
            case "prompt":
                return "" if self.case.prompt.strip() else "the case has no text"
            case "anchor_frame":
                return "" if self.output.anchor_frame is not None else "the system was told no frame for the image"
            case "judgement":
                return "" if self.judgement is not None else "the suite has no judge"
            case "true_narrative":
                return "" if self.case.true_narrative is not None else "the case has no true story"
            case "captions":
                return "" if self.case.true_narrative is not None else "the case has no captions of its true frames"
            case "reference":
                return "" if self.case.read_reference is not None else "the case has no true frames"


class Metric(Protocol):
    """A number per video. A new one is a file with a class like this and a line in ``registry``."""

    @property
    def name(self) -> str:
        """For files and options."""
        ...

    @property
    def title(self) -> str:
        """Of its column."""
        ...

    @property
    def unit(self) -> str:
        """``share`` for 0 or 1, counted in per cent; else such as ``dB`` or ``frames``, and averaged."""
        ...

    @property
    def higher_is_better(self) -> bool: ...

    @property
    def needs(self) -> Collection[Need]:
        """What a video must come with to be measured."""
        ...

    @property
    def of_a_failure(self) -> float | None:
        """What a case without a video counts as; None where no number can stand for it, which the table then says."""
        ...

    def measure(self, sample: Sample) -> float:
        """The value of one video that comes with what is needed.

        Raises:
            NoValueError: the video cannot be measured, such as a single frame's motion.
        """
        ...


@runtime_checkable
class ChoosesFrames(Protocol):
    """A metric that looks at some frames only; which ones is written beside its value."""

    def frames_of(self, sample: Sample) -> Sequence[int]:
        """0-based, in the order in which they are looked at."""
        ...


@runtime_checkable
class HasOrigin(Protocol):
    """A metric that looks through a network or an estimator of somebody's."""

    @property
    def origin(self) -> Origin: ...


@dataclass(frozen=True)
class Measured:
    """What several metrics say of one case; each has a value or a reason why there is none.

    Args:
        values: by metric.
        missing: the reason, by metric.
    """

    values: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def measure(metrics: Sequence[Metric], sample: Sample) -> Measured:
    """The value of every metric that can be had of a video, and the reason for every other."""
    found = Measured()
    for metric in metrics:
        reasons = [reason for need in metric.needs if (reason := sample.lacks(need))]
        if reasons:
            found.missing[metric.name] = reasons[0]
            continue
        try:
            value = float(metric.measure(sample))
        except NoValueError as reason:
            found.missing[metric.name] = str(reason)
            continue
        if math.isfinite(value):
            found.values[metric.name] = value
        else:
            found.missing[metric.name] = f"the value is {value}"
    return found


def not_measured(metrics: Sequence[Metric], failure: str) -> Measured:
    """What a case without a video counts as under every metric.

    Args:
        metrics: all of them.
        failure: why there is no video.
    """
    found = Measured()
    for metric in metrics:
        if metric.of_a_failure is None:
            found.missing[metric.name] = f"no video: {failure}"
        else:
            found.values[metric.name] = metric.of_a_failure
    return found
