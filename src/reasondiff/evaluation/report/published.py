"""The paper's own numbers, shown beside ours and never mixed with them, and what arithmetic says of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from reasondiff.evaluation.report.table import Cell, Column, Table, TableRow

__all__ = ["PublishedTable", "denominators_that_fit", "doubts", "published_tables"]

USER_RANKS = 20 * 10
"""Answers of the paper's study: 20 participants, ten questions each."""


@dataclass(frozen=True)
class PublishedTable:
    """One of the paper's tables.

    Args:
        name: of the set of clips.
        clips: in it, as the paper or the set's authors say.
        columns: names of the metrics.
        rows: by method, a mean and a standard deviation per column.
    """

    name: str
    clips: int
    columns: tuple[str, ...]
    rows: dict[str, tuple[tuple[float, float], ...]]

    def values(self, column: str) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation by method."""
        place = self.columns.index(column)
        return {method: cells[place] for method, cells in self.rows.items()}

    def as_table(self) -> Table:
        """In the form of ours; best and second best are found anew."""
        columns = [Column(name, name, higher_is_better=name != "User Rank") for name in self.columns]
        rows = []
        for method, cells in self.rows.items():
            rows.append(TableRow(method, tuple(Cell(mean, deviation, None) for mean, deviation in cells)))
        return Table(f"Published: {self.name}", tuple(columns), tuple(rows))


def published_tables() -> list[PublishedTable]:
    """Both tables with standard deviations; the paper's Table 1 has the same means."""
    text = resources.files("reasondiff.evaluation.report").joinpath("published.json").read_text(encoding="utf-8")
    data = json.loads(text)
    tables = []
    for each in data["tables"]:
        rows = {}
        for method, *cells in each["rows"]:
            rows[method] = tuple((mean, deviation) for mean, deviation in cells)
        tables.append(PublishedTable(each["name"], each["clips"], tuple(data["columns"]), rows))
    return tables


def doubts(table: PublishedTable) -> list[str]:
    """What cannot be so by arithmetic, or is hard to believe, in one sentence each."""
    found = []
    degrees = table.values("Dynamic Degree")
    for method, (mean, deviation) in degrees.items():
        must = math.sqrt(mean * (1 - mean))
        if abs(must - deviation) > 0.005:
            found.append(
                f"Dynamic Degree of {method}: a yes or no per video with mean {mean:.3f} has a standard deviation of "
                f"{must:.3f}, and {deviation:.3f} is printed; the row was averaged or computed otherwise."
            )
    shares = [mean for mean, _ in degrees.values()]
    fitting = denominators_that_fit(shares, range(490, 511))
    if table.clips not in fitting:
        known = ", ".join(map(str, fitting)) or "none from 490 to 510"
        found.append(
            f"Dynamic Degree: no numbers of {table.clips} clips give these shares ({known} would); another subset was "
            "evaluated."
        )
    ranks = [mean for mean, _ in table.values("User Rank").values()]
    if not denominators_that_fit(ranks, range(1, USER_RANKS + 1)):
        smallest = next(iter(denominators_that_fit(ranks, range(USER_RANKS + 1, 2000))), None)
        found.append(
            f"User Rank: no {USER_RANKS} or fewer answers, which is what 20 participants of ten questions give, have "
            f"these means; the smallest number that does is {smallest}."
        )
    image = [mean for mean, _ in table.values("CLIP Score (Image)").values()]
    if max(image) < 0.7:
        found.append(
            f"CLIP Score (Image): {min(image):.3f} to {max(image):.3f} is low for models that start from the image, "
            "which ViT-L/14 usually puts at 0.8 and more; compare methods, not absolute values."
        )
    return found


def denominators_that_fit(means: Sequence[float], candidates: Sequence[int]) -> list[int]:
    """Numbers of videos, or answers, n for which each mean is some k / n, to the three decimals that are printed."""
    fitting = []
    for count in candidates:
        nearest = [round(mean * count) / count for mean in means]
        if all(abs(one - mean) <= 0.0005 + 1e-9 for one, mean in zip(nearest, means, strict=True)):
            fitting.append(count)
    return fitting
