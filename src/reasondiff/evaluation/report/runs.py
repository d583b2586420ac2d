"""The runs that a report is of: results, what they were measured with, and where videos and stories are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reasondiff.errors import InputError, ReasonDiffError
from reasondiff.evaluation.metrics.story import JUDGED
from reasondiff.evaluation.registry import METRICS, SYSTEMS, find_suite_of_run
from reasondiff.evaluation.report.table import Column
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.rows import Row, read_rows
from reasondiff.evaluation.run_folder import read_settings
from reasondiff.evaluation.runner import video_path
from reasondiff.evaluation.scoring import read_origins
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.suites.benchmark_folder import BenchmarkFolder
from reasondiff.narrative import Narrative

__all__ = ["UNRANKED", "Run", "read_runs"]

UNRANKED = {"true-clips", "truth", "oracle-narrative"}
"""What the table shows beside the methods, which are no methods: the true clips, and ours that was told the truth."""


@dataclass(frozen=True)
class Run:
    """Results of one suite, from one folder or several.

    Args:
        suite: its name.
        rows: of all methods.
        folders: where the row of a system was read, by system.
        columns: the metrics of the rows.
        cases: by id, as far as the suite can be had again.
    """

    suite: str
    rows: tuple[Row, ...]
    folders: Mapping[str, Path]
    columns: tuple[Column, ...]
    cases: Mapping[str, Case]

    @property
    def titles(self) -> dict[str, str]:
        """Of the methods by name, in our own table's order, the true clips last; videos of others keep their names."""
        names = list(dict.fromkeys(row.system for row in self.rows))
        order = {name: number for number, name in enumerate(SYSTEMS)}
        names.sort(key=lambda name: (name == "true-clips", order.get(name, -1)))
        foreign = {row.system for row in self.rows if "codec" in row.video}
        known = {name: system.title for name, system in SYSTEMS.items() if name not in foreign}
        titles = {name: known.get(name, name) for name in names}
        return {name: "the true clips" if name == "true-clips" else title for name, title in titles.items()}

    def video_of(self, row: Row) -> Path | None:
        """The row's video; None where there is none."""
        path = video_path(self.folders[row.system], row)
        return path if row.failure is None and path.exists() else None

    def story_of(self, case: str) -> Narrative | None:
        """What the narrator told of a case, where a run kept it."""
        for folder in dict.fromkeys(self.folders.values()):
            path = folder / "narratives" / f"{case}.json"
            if path.exists():
                return Narrative.load(path)
        return None


def read_runs(folders: Sequence[Path], benchmark: Path | None = None) -> list[Run]:
    """Runs by suite, those of one suite put together.

    Args:
        folders: each with ``results.jsonl``; what ``reasondiff score`` put into ``scores`` in one is read with it.
        benchmark: the folder of the cases, where a run does not say how they are drawn.

    Raises:
        InputError: a folder has no results, two of one suite are of other cases or settings, or have one system both.
    """
    read: dict[str, list[_Folder]] = {}
    for folder in folders:
        one = _read(folder)
        read.setdefault(one.suite, []).append(one)
    return [_together(suite, parts, benchmark) for suite, parts in read.items()]


@dataclass(frozen=True)
class _Folder:
    """What one folder holds.

    Args:
        place: of the results and the videos.
        suite: its name.
        settings: of the run; ``judged_by`` is whose judgements the rows have.
        rows: with what was scored later.
        origins: of the metrics.
    """

    place: Path
    suite: str
    settings: Mapping[str, Any]
    rows: tuple[Row, ...]
    origins: Mapping[str, Mapping[str, object]]


def _read(folder: Path) -> _Folder:
    rows = read_rows(folder / "results.jsonl")
    scored = read_rows(folder / "scores" / "results.jsonl")
    if not rows and not scored:
        raise InputError(f"There are no results in {str(folder)!r}; give a folder of reasondiff evaluate or score.")
    place = folder if rows else folder / "scores"
    settings = read_settings(place)
    merged = dict(rows or scored)
    if rows and scored:
        judges = read_settings(folder / "scores").get("judged_by")
        anew = judges != settings.get("judged_by") and any(
            name in row.values for row in scored.values() for name in JUDGED
        )
        for key, row in rows.items():
            if key in scored:
                merged[key] = _with_scores(row, scored[key], anew)
            elif anew:
                raise InputError(
                    f"{str(folder)!r} was judged anew, but not its case {row.case!r} of {row.system!r}; score it again."
                )
        settings |= {"judged_by": judges} if anew else {}
    origins = {**read_origins(folder / "scores"), **read_origins(folder)}
    suites = {row.suite for row in merged.values()}
    if len(suites) > 1:
        raise InputError(f"{str(folder)!r} has results of {' and '.join(sorted(suites))}; keep them in two folders.")
    return _Folder(place, suites.pop(), settings, tuple(merged.values()), origins)


def _with_scores(row: Row, scored: Row, judged_anew: bool) -> Row:
    """A run's row with what was measured later on its file.

    What both have is taken from the run, before encoding; but judgements from the scores, where other judges made them.
    """
    own = {name: value for name, value in row.values.items() if not (judged_anew and name in JUDGED)}
    values = {**scored.values, **own}
    missing = {name: why for name, why in {**scored.missing, **row.missing}.items() if name not in values}
    frames_of = {**scored.frames_of, **row.frames_of}
    verdict = scored.verdict if judged_anew else row.verdict
    return replace(row, values=values, missing=missing, frames_of=frames_of, verdict=verdict)


def _together(suite: str, parts: Sequence[_Folder], benchmark: Path | None) -> Run:
    rows: list[Row] = []
    folders: dict[str, Path] = {}
    origins: dict[str, Mapping[str, object]] = {}
    for part in parts:
        if part.settings.get("suite") != parts[0].settings.get("suite") or _about_cases(part) != _about_cases(parts[0]):
            raise InputError(
                f"{str(part.place)!r} and {str(parts[0].place)!r} are of other cases of {suite!r}; report them apart."
            )
        if part.settings.get("judged_by") != parts[0].settings.get("judged_by"):
            raise InputError(
                f"{str(part.place)!r} and {str(parts[0].place)!r} were judged by different oracles; have both judged "
                "by 'reasondiff score'."
            )
        for row in part.rows:
            if folders.setdefault(row.system, part.place) != part.place:
                raise InputError(f"Two runs have results of {row.system!r}; give one of them.")
        rows += part.rows
        for name, about in part.origins.items():
            if origins.setdefault(name, about) != about:
                raise InputError(f"Two runs measured {name!r} with different networks; score them again with one.")
    cases = _cases_of(suite, parts[0].settings, benchmark)
    return Run(suite, tuple(rows), folders, _columns(rows, origins), {case.id: case for case in cases})


def _about_cases(part: _Folder) -> dict[str, object]:
    """Of a run's settings, what decides its cases."""
    keys = ("cases", "level", "split", "paired", "world", "cases.jsonl", "truth.jsonl", "manifest.json")
    return {key: part.settings[key] for key in keys if key in part.settings}


def _cases_of(suite: str, settings: Mapping[str, Any], benchmark: Path | None) -> Sequence[Case]:
    if benchmark is None:
        drawn = find_suite_of_run(settings)
        return [] if drawn is None else drawn.cases()
    given = BenchmarkFolder(benchmark)
    told = given.fingerprint()
    if changed := [name for name in told if name in settings and settings[name] != told[name]]:
        raise InputError(
            f"The run is of another version of the benchmark {str(benchmark)!r}, whose {changed[0]} has changed; give "
            "the one that it was made of."
        )
    return given.cases()


def _columns(rows: Sequence[Row], origins: Mapping[str, Mapping[str, object]]) -> tuple[Column, ...]:
    """A column per metric that any row has a value of, in the registry's order."""
    measured = {name for row in rows for name in row.values}
    known = [name for name in METRICS if name in measured]
    names = known + sorted(measured - set(known))
    columns = []
    for name in names:
        about = origins.get(name) or _from_registry(name)
        columns.append(Column(name, str(about["title"]), bool(about["higher_is_better"])))
    return tuple(columns)


def _from_registry(name: str) -> Mapping[str, object]:
    """What a metric is that a run kept nothing of; a network that it looks through cannot be named then."""
    if name not in METRICS:
        return {"title": name, "higher_is_better": True}
    metric = METRICS[name](Resources(Path()))
    try:
        title = metric.title
    except ReasonDiffError:
        title = f"{name} (by a network that was not written down)"
    return {"title": title, "higher_is_better": metric.higher_is_better}
