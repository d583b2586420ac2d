"""The folder of a run: what its results are of, who judged them and what made the videos; two are never mixed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.story import JUDGED
from reasondiff.evaluation.registry import find_suite_of_run
from reasondiff.evaluation.rows import read_rows, write_rows
from reasondiff.evaluation.suites.base import Suite
from reasondiff.evaluation.suites.benchmark_folder import BenchmarkFolder
from reasondiff.files import atomic_path

__all__ = ["check_folder", "check_systems", "forget_judgements", "read_settings", "suite_of"]

FILE = "evaluation.json"


def check_folder(folder: Path, suite: Suite) -> None:
    """Write down what the folder's results are of and who judges them, or refuse to mix them with others.

    Args:
        folder: of an evaluation, or one that is to be made.
        suite: of the results.

    Raises:
        InputError: the folder was begun with other cases or another judge, or cannot be one.
    """
    known, asked = read_settings(folder), _settings_of(suite)
    if not known:
        _write(folder, asked)
    elif _cases(known) != _cases(asked):
        raise InputError(f"{str(folder)!r} holds results of other cases; give a new folder.")
    elif known != asked:
        raise InputError(
            f"{str(folder)!r} was judged by another oracle; have its videos judged anew by 'reasondiff score "
            f"{folder}', or give a new folder."
        )


def forget_judgements(folder: Path, suite: Suite) -> None:
    """Where other judges made the folder's judgements, take these out of its results, and write down whose come now.

    Args:
        folder: of measurements on video files, which lose nothing when they are judged again.
        suite: of the results.
    """
    known, asked = read_settings(folder), _settings_of(suite)
    if not known or _cases(known) != _cases(asked) or known == asked:
        return
    rows = []
    for row in read_rows(folder / "results.jsonl").values():
        values = {name: value for name, value in row.values.items() if name not in JUDGED}
        missing = {name: why for name, why in row.missing.items() if name not in JUDGED}
        rows.append(replace(row, values=values, missing=missing, verdict=""))
    write_rows(folder / "results.jsonl", rows)
    _write(folder, asked)


def suite_of(folder: Path, benchmark: Path | None, count: int | None = None) -> Suite:
    """The cases that the videos of a run belong to.

    Args:
        folder: of the run.
        benchmark: the folder of the cases; None for drawn ones, which the run's folder tells.
        count: only the first of a benchmark's cases; None for all.

    Raises:
        InputError: nothing says which cases they are.
    """
    if benchmark is not None:
        return BenchmarkFolder(benchmark, count)
    drawn = find_suite_of_run(read_settings(folder))
    if drawn is None:
        raise InputError(f"Nothing says which cases the videos in {str(folder)!r} are of; give --benchmark FOLDER.")
    if count is not None:
        raise InputError(f"The run {str(folder)!r} has {len(drawn.cases())} drawn cases of its own; leave out --cases.")
    return drawn


def read_settings(folder: Path) -> dict[str, Any]:
    """What ``check_folder`` wrote; nothing where there is no such file.

    Raises:
        InputError: it is damaged.
    """
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{str(path)!r} is damaged; give a new folder.")
    return found


def _settings_of(suite: Suite) -> dict[str, Any]:
    """As JSON gives them back."""
    settings = {"suite": suite.name, **suite.fingerprint(), "judged_by": suite.judged_by()}
    return dict(json.loads(json.dumps(settings)))


def _cases(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of the settings all but the judge."""
    return {key: value for key, value in settings.items() if key != "judged_by"}


def _write(folder: Path, settings: Mapping[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be made a folder ({error.strerror}); give another one.") from None
    with atomic_path(folder / FILE) as partial:
        partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def check_systems(folder: Path, settings: Mapping[str, Mapping[str, object]]) -> None:
    """Write down what every system's videos were made with, or refuse to mix them with those of others of its name.

    Args:
        folder: of an evaluation.
        settings: by system, JSON values such as the hashes of its weights.

    Raises:
        InputError: the folder has videos of another system of one of the names.
    """
    path = folder / "systems.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for name, asked in settings.items():
            if known.setdefault(name, dict(asked)) != json.loads(json.dumps(asked)):
                raise InputError(
                    f"{str(folder)!r} holds results of {name!r} with another model or settings; give a new folder."
                )
    except (ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r} is damaged; give a new folder.") from None
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
