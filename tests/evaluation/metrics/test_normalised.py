"""A score between its floor and its ceiling, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.base import Sample
from reasondiff.evaluation.metrics.clip_score import TextScore
from reasondiff.evaluation.metrics.normalised import NormalisedTextScore
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.suites.base import Case
from reasondiff.narrative import Narrative
from tests.evaluation.stubs import EncoderStub, grey


def case(name: str, caption: int, level: int | None) -> Case:
    """A case whose true clip is one frame of a grey level, and whose caption names a direction."""
    frames = None if level is None else grey(level)
    return Case(
        name,
        Image.new("RGB", (8, 8)),
        "A cat.",
        0,
        true_narrative=Narrative.from_descriptions([str(caption)], 0),
        read_reference=None if frames is None else lambda: frames,
    )


def cos(degrees: float) -> float:
    return max(0.0, math.cos(math.radians(degrees)))


def normalised(*cases: Case) -> NormalisedTextScore:
    return NormalisedTextScore(TextScore(EncoderStub(), by="storyworld_clip"), cases)


def test_the_floor_is_other_cases_captions_and_the_ceiling_the_true_clips() -> None:
    metric = normalised(case("a", 0, 10), case("b", 90, 90))
    floor, ceiling = metric.bounds
    assert ceiling == pytest.approx((cos(10) + cos(0)) / 2)
    assert floor == pytest.approx((cos(80) + cos(90)) / 2)  # clip a with b's caption, clip b with a's
    seen = Sample(metric.cases[0], Output(grey(40), 5.0))
    assert metric.measure(seen) == pytest.approx((cos(40) - floor) / (ceiling - floor))
    assert metric.name == "storyworld_clip_text_normalised"


def test_the_true_clips_have_1_and_wrong_ones_0_in_the_mean() -> None:
    cases = [case(f"c{n}", 40 * n, 40 * n) for n in range(3)]
    metric = normalised(*cases)
    own = [metric.measure(Sample(each, Output(grey(40 * n), 5.0))) for n, each in enumerate(cases)]
    assert np.mean(own) == pytest.approx(1)
    others = []
    for n, each in enumerate(cases):
        others += [metric.measure(Sample(each, Output(grey(40 * other), 5.0))) for other in range(3) if other != n]
    assert np.mean(others) == pytest.approx(0)


def test_what_has_no_scale_is_refused() -> None:
    with pytest.raises(InputError, match="needs two cases with true frames and captions; leave it out"):
        _ = normalised(case("a", 0, 0), case("b", 0, None)).bounds
    with pytest.raises(InputError, match="this network cannot tell them apart"):
        _ = normalised(case("a", 0, 90), case("b", 90, 0)).bounds
