"""A table in the paper's form: mean and standard deviation, the best bold, the second underlined."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reasondiff.errors import InputError
from reasondiff.evaluation.rows import Row
from reasondiff.evaluation.statistics import holm, mean_interval, sign_flip_test

__all__ = ["Cell", "Column", "Comparison", "Table", "TableRow", "compare", "results"]

DECIMALS = 3


@dataclass(frozen=True)
class Column:
    """A metric.

    Args:
        name: in the results.
        title: over the column.
        higher_is_better: which way the arrow points.
    """

    name: str
    title: str
    higher_is_better: bool = True

    @property
    def arrow(self) -> str:
        return "↑" if self.higher_is_better else "↓"


@dataclass(frozen=True)
class Cell:
    """What one method has in one metric.

    Args:
        mean: over cases; None where no case has a value.
        deviation: the standard deviation over cases, with n in the denominator, as the paper's shares have it.
        interval: of the mean, 95 %, by bootstrap over cases; None where it is not known.
        count: of cases that have a value.
        of: cases.
    """

    mean: float | None
    deviation: float = 0.0
    interval: tuple[float, float] | None = None
    count: int = 0
    of: int = 0

    @property
    def note(self) -> str:
        """Of how many cases it is, where it is not of all."""
        return "" if self.count == self.of else f" of {self.count}"


@dataclass(frozen=True)
class TableRow:
    """A method.

    Args:
        title: for people.
        cells: one per column.
        ranked: it takes part in best and second best, as the true clips' own row does not.
    """

    title: str
    cells: tuple[Cell, ...]
    ranked: bool = True


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        title: over it.
        columns: the metrics.
        rows: the methods.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]

    def places(self, column: int) -> tuple[set[int], set[int]]:
        """The rows that are best and second best in a column; equal as printed is equal, and shares the place."""
        sign = 1 if self.columns[column].higher_is_better else -1
        shown: dict[float, set[int]] = {}
        for number, row in enumerate(self.rows):
            mean = row.cells[column].mean
            if row.ranked and mean is not None:
                shown.setdefault(round(sign * mean, DECIMALS), set()).add(number)
        order = sorted(shown, reverse=True)
        first = shown[order[0]] if order else set()
        return first, shown[order[1]] if len(order) > 1 and len(first) == 1 else set()

    def markdown(self, *, deviations: bool = True) -> str:
        """With the best in bold and the second underlined."""
        marks = ("**{}**", "<u>{}</u>")
        header = ["method", *(f"{column.title} {column.arrow}" for column in self.columns)]
        lines = [header, ["---"] * len(header)]
        for number, row in enumerate(self.rows):
            lines.append([row.title, *self._cells(number, marks, " ± {:.3f}" if deviations else "")])
        return "".join("| " + " | ".join(line) + " |\n" for line in lines)

    def latex(self, *, deviations: bool = True) -> str:
        """A ``tabular`` for the package ``booktabs``."""
        marks = (r"\textbf{{{}}}", r"\underline{{{}}}")
        arrows = {"↑": r"$\uparrow$", "↓": r"$\downarrow$"}
        header = ["Method", *(f"{_tex(column.title)} {arrows[column.arrow]}" for column in self.columns)]
        lines = [
            rf"\begin{{tabular}}{{l{'c' * len(self.columns)}}}",
            r"\toprule",
            " & ".join(header) + r" \\",
            r"\midrule",
        ]
        for number, row in enumerate(self.rows):
            cells = self._cells(number, marks, r" {{\scriptsize $\pm$ {:.3f}}}" if deviations else "")
            cells = [cell.replace("-", "$-$") for cell in cells]
            lines.append(" & ".join([_tex(row.title), *cells]) + r" \\")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"

    def csv(self) -> str:
        """A line per method and metric, unrounded, with the interval."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["method", "metric", "higher_is_better", "mean", "sd", "low", "high", "count", "of"])
        for row in self.rows:
            for column, cell in zip(self.columns, row.cells, strict=True):
                low, high = cell.interval or ("", "")
                values = ["" if cell.mean is None else cell.mean, cell.deviation, low, high, cell.count, cell.of]
                writer.writerow([row.title, column.name, column.higher_is_better, *values])
        return out.getvalue()

    def _cells(self, number: int, marks: tuple[str, str], deviation: str) -> list[str]:
        cells = []
        for place, cell in enumerate(self.rows[number].cells):
            if cell.mean is None:
                cells.append("–")
                continue
            shown = f"{cell.mean:.{DECIMALS}f}"
            for mark, rows in zip(marks, self.places(place), strict=True):
                if number in rows:
                    shown = mark.format(shown)
            cells.append(shown + (deviation.format(cell.deviation) if deviation else "") + cell.note)
        return cells


@dataclass(frozen=True)
class Comparison:
    """One method against ours in one metric, over the cases of which both have a value.

    Args:
        method: the other one.
        metric: its name.
        ahead: by how much ours is better in the mean; above 0 is better, whichever way the metric points.
        interval: of that, 95 %, by bootstrap over cases.
        p: of a sign-flip test, two-sided, corrected by Holm over all comparisons of the table.
        count: of cases.
        of: cases.
    """

    method: str
    metric: str
    ahead: float
    interval: tuple[float, float]
    p: float
    count: int
    of: int


def results(
    title: str, rows: Sequence[Row], titles: dict[str, str], columns: Sequence[Column], unranked: set[str]
) -> Table:
    """A table of results.

    Args:
        title: over it.
        rows: of every method the same cases.
        titles: of the methods by name, in the table's order.
        columns: the metrics.
        unranked: methods that take no part in best and second best.

    Raises:
        InputError: the methods were not run on the same cases, or one has two results of a case.
    """
    check_same_cases(rows)
    lines = []
    for name, shown in titles.items():
        own = [row for row in rows if row.system == name]
        cells = tuple(_cell(own, column.name) for column in columns)
        lines.append(TableRow(shown, cells, ranked=name not in unranked))
    return Table(title, tuple(columns), tuple(lines))


def compare(rows: Sequence[Row], ours: str, columns: Sequence[Column], unranked: set[str]) -> list[Comparison]:
    """Ours against every other method in every metric, tested on pairs and corrected for the number of tests."""
    values = {(row.system, row.case): row.values for row in rows}
    methods = [name for name in dict.fromkeys(row.system for row in rows) if name != ours and name not in unranked]
    cases = [row.case for row in rows if row.system == ours]
    found = []
    for method in methods:
        for column in columns:
            pairs = [(values[ours, case].get(column.name), values[method, case].get(column.name)) for case in cases]
            known = [one - other for one, other in pairs if one is not None and other is not None]
            if not known:
                continue
            differences = np.asarray(known) * (1 if column.higher_is_better else -1)
            mean, low, high = mean_interval(differences)
            p = sign_flip_test(differences)
            found.append(Comparison(method, column.name, mean, (low, high), p, len(known), len(cases)))
    corrected = holm([each.p for each in found])
    return [
        Comparison(one.method, one.metric, one.ahead, one.interval, p, one.count, one.of)
        for one, p in zip(found, corrected, strict=True)
    ]


def check_same_cases(rows: Sequence[Row]) -> None:
    """Raise ``InputError`` where methods would be averaged over different cases."""
    cases: dict[str, list[str]] = {}
    for row in rows:
        cases.setdefault(row.system, []).append(row.case)
    known = {case for each in cases.values() for case in each}
    for system, each in cases.items():
        if len(each) != len(set(each)):
            raise InputError(f"The method {system!r} has two results of one case; keep one of them.")
        if lost := sorted(known - set(each)):
            raise InputError(
                f"The method {system!r} has no result of {len(lost)} of {len(known)} cases, such as {lost[0]!r}; "
                "run or score it on the same cases."
            )


def _cell(rows: Sequence[Row], metric: str) -> Cell:
    values = [row.values[metric] for row in rows if metric in row.values]
    if not values:
        return Cell(None, count=0, of=len(rows))
    mean, low, high = mean_interval(values)
    deviation = math.sqrt(float(np.var(values)))
    return Cell(mean, deviation, (low, high), len(values), len(rows))


def _tex(text: str) -> str:
    for character in "&%$#_{}":
        text = text.replace(character, f"\\{character}")
    return text
