"""What results were measured with, and what the videos are that they were measured on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.base import HasOrigin, Metric
from reasondiff.evaluation.rows import Row
from reasondiff.evaluation.systems import System
from reasondiff.files import atomic_path

__all__ = ["by_metric", "keep_origins", "missing_in_words", "read_origins", "videos_in_words"]

FILE = "metrics.json"


def keep_origins(folder: Path, metrics: Sequence[Metric]) -> None:
    """Write down what every metric is and which network it looks through, beside what the folder has of others.

    Raises:
        InputError: the folder has values of a metric through another network, or another version of it.
    """
    known = read_origins(folder)
    for metric in metrics:
        said = _about(metric)
        if known.setdefault(metric.name, said) != said:
            raise InputError(
                f"{str(folder)!r} has values of {known[metric.name]['title']!r}, and this would be "
                f"{metric.title!r}; give a new folder."
            )
    with atomic_path(folder / FILE) as partial:
        partial.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def read_origins(folder: Path) -> dict[str, dict[str, object]]:
    """What ``keep_origins`` wrote, by metric; nothing where there is no such file."""
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): dict(said) for name, said in known.items()}
    except (ValueError, AttributeError, TypeError):
        raise InputError(f"{str(path)!r} is damaged; give a new folder.") from None


def by_metric(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """A table with a row per metric instead of one per system, without the column of differences."""
    return [list(cells) for cells in zip(*table, strict=True)][:-1]


def missing_in_words(rows: Sequence[Row], systems: Sequence[System], metrics: Sequence[Metric]) -> list[str]:
    """A sentence per metric that has no value for some videos, with how many of each system's and the first reason."""
    sentences = []
    for metric in metrics:
        without = []
        reason = ""
        for system in systems:
            found = [row for row in rows if row.system == system.name]
            lacking = [row for row in found if metric.name in row.missing]
            if lacking:
                without.append(f"{len(lacking)} of {len(found)} of {system.title}")
                reason = reason or lacking[0].missing[metric.name]
        if without:
            sentences.append(f"{metric.title} has no value for {', '.join(without)}: {reason}.")
    return sentences


def videos_in_words(rows: Sequence[Row], systems: Sequence[System]) -> list[str]:
    """A sentence per system on its videos' length, rate, size and codec, and one if these differ between systems."""
    sentences, kinds = [], {}
    for system in systems:
        videos = [row.video for row in rows if row.system == system.name and row.video]
        shapes = Counter(_shape(video) for video in videos)
        kinds[system.name] = frozenset(shapes)
        counted = "; ".join(f"{count} of {shape}" for shape, count in shapes.most_common())
        sentences.append(f"{system.title}: {counted or 'no videos'}.")
    if len({kind for kind in kinds.values() if kind}) > 1:
        sentences.append(
            "The methods' videos differ in length, rate or size: texts are compared at the same share of each video, "
            "motion at each file's own rate, and no two videos frame by frame."
        )
    return sentences


def _shape(video: Any) -> str:
    codec = f", {video['codec']}" if "codec" in video else ""
    return f"{video['frames']} frames at {video['fps']:g} fps, {video['width']}x{video['height']}{codec}"


def _about(metric: Metric) -> dict[str, object]:
    origin = asdict(metric.origin) if isinstance(metric, HasOrigin) else None
    return {
        "title": metric.title,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "computed_with": origin,
    }
