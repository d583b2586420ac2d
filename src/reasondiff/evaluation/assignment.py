"""What is run on what, as a value that other processes and machines can be given, and that each opens for itself."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from reasondiff.errors import ReasonDiffError
from reasondiff.evaluation import registry, runner
from reasondiff.evaluation.metrics.base import Metric
from reasondiff.evaluation.registry import find_suite, find_systems, metrics_of
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.rows import Row
from reasondiff.evaluation.shares import Share
from reasondiff.evaluation.suites.base import Case, Suite, checked_cases
from reasondiff.evaluation.suites.benchmark_folder import BenchmarkFolder
from reasondiff.evaluation.systems import METHODS, ReasonDiffSystem, SaysItsSettings, System
from reasondiff.jobs.request import VideoRequest
from reasondiff.jobs.session import VideoSession

__all__ = ["Assignment", "Made", "OpenAssignment", "Part", "make_part"]


@dataclass(frozen=True)
class Assignment:
    """Methods on cases, with a model.

    Args:
        request: the model and how it is run.
        folder: of the results; every process sees it under this name.
        methods: by name; none are the main table's.
        benchmark: a benchmark's folder; None draws cases.
        suite: that draws them.
        count: of drawn cases, 100 unless given; or only the benchmark's first.
        split: of drawn cases.
        level: of drawn cases.
        paired: whether they are drawn with the clips' own first frames and whole captions.
        batch: videos made together.
    """

    request: VideoRequest
    folder: Path
    methods: tuple[str, ...] = ()
    benchmark: Path | None = None
    suite: str = "storyworld"
    count: int | None = None
    split: str = "test"
    level: str = "core"
    paired: bool = False
    batch: int = 8

    def open(self) -> OpenAssignment:
        """Read the cases, load the model where a method needs it, and find what measures the videos.

        Raises:
            ReasonDiffError: something of it is not there; in one sentence.
        """
        suite: Suite
        if self.benchmark is not None:
            suite = BenchmarkFolder(self.benchmark, self.count)
        else:
            suite = find_suite(self.suite, self.count or 100, self.split, self.level, self.paired)
        cases = checked_cases(suite)
        systems = find_systems(self.methods or [system.name for system in METHODS], cases)
        made_with = {system.name: system.fingerprint() for system in systems if isinstance(system, SaysItsSettings)}
        on_our_model = [system for system in systems if isinstance(system, ReasonDiffSystem)]
        session = VideoSession(self.request) if on_our_model else None
        if session is not None:
            made_with |= {system.name: {"weights": session.weights, **session.unusual()} for system in on_our_model}
        using = Resources(
            self.folder,
            None if session is None else lambda: session.pipe,
            load_model=lambda place: VideoSession(replace(self.request, model=str(place))).pipe,
        )
        wanted = list(registry.MAIN_TABLE if suite.has_judge else registry.WITHOUT_JUDGE)
        if session is None and "vae_psnr" in wanted:
            wanted.remove("vae_psnr")  # there is no model whose VAE it could be
        return OpenAssignment(suite, cases, systems, metrics_of(using, wanted), using, made_with, self.batch)

    def parts(self, cases: int) -> list[Part]:
        """The assignment in parts of at most a batch of ``cases`` each, for whoever makes them."""
        count = math.ceil(cases / self.batch)
        return [Part(self, Share(number, count)) for number in range(1, count + 1)]


@dataclass(frozen=True)
class OpenAssignment:
    """An assignment with what it needs in memory.

    Args:
        suite: of the cases.
        cases: all of them.
        systems: the methods, in the table's order.
        metrics: of every video.
        using: folder, model and stories.
        made_with: by method, what must not change between two runs into one folder.
        batch: videos made together.
    """

    suite: Suite
    cases: Sequence[Case]
    systems: Sequence[System]
    metrics: Sequence[Metric]
    using: Resources
    made_with: Mapping[str, Mapping[str, object]]
    batch: int

    def make(self, share: Share, on_video: Callable[[int], None] = lambda done: None) -> list[Row]:
        """Run a share of it, as ``runner.evaluate`` does."""
        return runner.evaluate(
            self.systems, self.suite, self.metrics, self.using,
            batch=self.batch, keep_videos=True, share=share, on_video=on_video,
        )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A share of an assignment.

    Args:
        assignment: the whole.
        share: which part of its cases.
        home: from where relative names in it are meant.
    """

    assignment: Assignment
    share: Share
    home: Path = field(default_factory=Path.cwd)


@dataclass(frozen=True)
class Made:
    """What came of a part.

    Args:
        videos: rows that are done.
        error: why the others are not, where something ended it.
    """

    videos: int
    error: ReasonDiffError | None = None


def make_part(part: Part) -> Made:
    """Make a part in this process, wherever it runs; a model that it needs stays for the next part.

    A part that was stopped goes on from its own rows, on whichever machine.
    """
    os.chdir(part.home)
    try:
        return Made(len(_opened(part.assignment).make(part.share)))
    except ReasonDiffError as error:
        return Made(0, error)


@lru_cache(maxsize=1)
def _opened(assignment: Assignment) -> OpenAssignment:
    return assignment.open()
