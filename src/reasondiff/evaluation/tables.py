"""Results as a table: shares and means with 95 % intervals, and the paired difference to one system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.base import Metric
from reasondiff.evaluation.rows import Row
from reasondiff.evaluation.statistics import mean_interval, paired_difference, wilson
from reasondiff.evaluation.suites.base import Stratum
from reasondiff.evaluation.systems import OURS, System

__all__ = ["failures_in_words", "markdown", "results_table"]

_DECIMALS = {"dB": 1, "frames": 1, "pixels": 1}
"""As many as such a unit's numbers can be told apart by; others are shown with three."""


def results_table(
    rows: Sequence[Row],
    systems: Sequence[System],
    metrics: Sequence[Metric],
    strata: Sequence[Stratum] = (),
    ours: System = OURS,
) -> list[list[str]]:
    """A header and one row per system.

    Shares are in per cent, with Wilson's interval; means and ``ahead by``, the mean paired difference in the first
    metric, have a bootstrap interval over cases. A cell that is not of all cases says of how many it is.

    Args:
        rows: of every system the same cases.
        systems: in the table's order.
        metrics: in the table's order; the first one is also shown by stratum, and compared.
        strata: the groups to show.
        ours: what the others are compared to, if it is among the systems.

    Raises:
        InputError: the systems were not run on the same cases.
    """
    by_system = {system.name: [row for row in rows if row.system == system.name] for system in systems}
    _check_same_cases(by_system)
    first, *others = metrics
    header = ["method", first.title, *(stratum.title for stratum in strata), *(metric.title for metric in others)]
    table = [[*header, f"{ours.title} ahead by"]]
    for system in systems:
        found = by_system[system.name]
        cells = [system.title, _cell(found, first)]
        for stratum in strata:
            cells.append(_cell([row for row in found if stratum.holds(row.strata)], first))
        cells += [_cell(found, metric) for metric in others]
        compared = ours.name in by_system and system.name != ours.name
        cells.append(_ahead(by_system[ours.name], found, first) if compared else "")
        table.append(cells)
    return table


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The table in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    rule = "|" + " --- |" * len(table[0])
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def failures_in_words(rows: Sequence[Row], systems: Sequence[System]) -> list[str]:
    """A sentence for every system that made no video of some cases, with the first reason."""
    sentences = []
    for system in systems:
        found = [row for row in rows if row.system == system.name]
        failed = [row for row in found if row.failure is not None]
        if failed:
            sentences.append(
                f"{system.title}: no video of {len(failed)} of {len(found)} cases, which count as failures; "
                f"case {failed[0].case}: {failed[0].failure}"
            )
    return sentences


def _check_same_cases(by_system: Mapping[str, Sequence[Row]]) -> None:
    known = {row.case for rows in by_system.values() for row in rows}
    for name, rows in by_system.items():
        cases = [row.case for row in rows]
        if len(cases) != len(set(cases)):
            raise InputError(f"The system {name!r} has two results of one case; keep one of them.")
        if lost := sorted(known - set(cases)):
            raise InputError(f"The system {name!r} has no result of case {lost[0]!r}; run it on the same cases.")


def _cell(rows: Sequence[Row], metric: Metric) -> str:
    values = [row.values[metric.name] for row in rows if metric.name in row.values]
    if not values:
        return "–"
    shown = _share(values) if metric.unit == "share" else _mean(values, _DECIMALS.get(metric.unit, 3))
    return shown if len(values) == len(rows) else f"{shown} of {len(values)}"


def _share(values: Sequence[float]) -> str:
    hits, count = round(sum(values)), len(values)
    low, high = wilson(hits, count)
    return f"{100 * hits / count:.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def _mean(values: Sequence[float], decimals: int) -> str:
    mean, low, high = mean_interval(values)
    return f"{mean:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def _ahead(ours: Sequence[Row], theirs: Sequence[Row], metric: Metric) -> str:
    """By how much the first is better, over the cases of which both have a value."""
    values_of_theirs = {row.case: row.values.get(metric.name) for row in theirs}
    first, second = [], []
    for row in ours:
        one, two = row.values.get(metric.name), values_of_theirs[row.case]
        if one is not None and two is not None:
            first.append(one)
            second.append(two)
    if not first:
        return "–"
    difference = paired_difference(first, second)
    sign = 1 if metric.higher_is_better else -1
    scale, decimals = (100, 0) if metric.unit == "share" else (1, _DECIMALS.get(metric.unit, 3))
    mean, *ends = (sign * scale * value for value in difference)
    low, high = sorted(ends)
    shown = f"{mean:+.{decimals}f} [{low:+.{decimals}f}, {high:+.{decimals}f}]"
    return shown if len(first) == len(ours) else f"{shown} of {len(first)}"
