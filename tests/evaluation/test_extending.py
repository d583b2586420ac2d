"""A baseline, a metric and a suite are a few lines each, and run through the same runner and table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.evaluation.metrics.base import Need, Sample
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.runner import evaluate, video_path
from reasondiff.evaluation.suites.base import Case, Judgement, Stratum
from reasondiff.evaluation.tables import failures_in_words, results_table
from reasondiff.media import read_video


@dataclass(frozen=True)
class StillImage:
    """A baseline: the given image, held for all frames; it cannot do what has no name."""

    name: str = "still"
    title: str = "the image, held"

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        return [self._held(case) if case.prompt else Failure("The prompt is empty.") for case in cases]

    def _held(self, case: Case) -> Output:
        return Output(np.repeat(np.asarray(case.image)[None], 9, axis=0), fps=5.0)


@dataclass(frozen=True)
class Brightness:
    """A metric: how bright the video is."""

    name: str = "brightness"
    title: str = "brightness"
    unit: str = "of 255"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = None

    def measure(self, sample: Sample) -> float:
        return float(sample.output.frames.mean())


@dataclass(frozen=True)
class AtTheTrueFrame(Brightness):
    """A metric that wants what this suite does not have."""

    name: str = "at the true frame"
    needs: tuple[Need, ...] = ("anchor_frame",)


@dataclass(frozen=True)
class Greys:
    """A suite: grey images, which should stay dark."""

    name: str = "greys"
    strata: tuple[Stratum, ...] = (Stratum("dark", "dark", True),)
    has_judge: bool = False

    def cases(self) -> list[Case]:
        prompts = ("It stays.", "It stays.", "")
        images = [Image.new("RGB", (16, 16), (100 * number,) * 3) for number in range(3)]
        return [Case(f"g{n}", images[n], prompts[n], seed=n, strata={"dark": n == 0}) for n in range(3)]

    def judge(self, case: Case, frames: np.ndarray, anchor_frame: int | None) -> Judgement | None:
        return None

    def fingerprint(self) -> dict[str, object]:
        return {"version": 1}

    def judged_by(self) -> dict[str, object]:
        return {}


def test_a_system_a_metric_and_a_suite_of_one_class_each(tmp_path: Path) -> None:
    system, suite, using = StillImage(), Greys(), Resources(tmp_path)
    metrics = (Brightness(), AtTheTrueFrame())
    rows = evaluate([system], suite, metrics, using, batch=2)
    assert [row.values.get("brightness") for row in rows] == [0.0, 100.0, None]
    assert rows[0].missing == {"at the true frame": "the system was told no frame for the image"}
    assert rows[2].missing["brightness"] == "no video: The prompt is empty."
    assert read_video(video_path(tmp_path, rows[1])).frames.mean() == pytest.approx(100, abs=1)
    table = results_table(rows, [system], metrics, suite.strata)
    assert table[0] == ["method", "brightness", "dark", "brightness", "ReasonDiff ahead by"]
    assert table[1] == ["the image, held", "50.000 [0.000, 100.000] of 2", "0.000 [0.000, 0.000]", "–", ""]
    assert failures_in_words(rows, [system]) == [
        "the image, held: no video of 1 of 3 cases, which count as failures; case g2: The prompt is empty."
    ]
    assert evaluate([system], suite, metrics, using) == rows
