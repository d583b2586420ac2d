"""Results as a table: shares and means with 95 % intervals, and the paired difference to ReasonDiff."""

from __future__ import annotations

from collections.abc import Sequence

from reasondiff.evaluation.runner import Method, Result
from reasondiff.evaluation.statistics import mean_interval, paired_difference, wilson

__all__ = ["markdown", "story_table"]

HEADER = (
    "method", "story success", "start", "middle", "end", "seen pair", "held-out pair", "agent", "state", "anchor PSNR",
    "VAE's own", "ReasonDiff ahead by",
)  # fmt: skip


def story_table(results: Sequence[Result], methods: Sequence[Method], ours: str = "reasondiff") -> list[list[str]]:
    """A header and one row per method.

    Shares are in per cent, with Wilson's interval; means and ``ReasonDiff ahead by``, the mean paired difference in
    success in percentage points, have a bootstrap interval over cases.
    """
    table = [list(HEADER)]
    success = {m.name: [float(r.passed) for r in results if r.method == m.name] for m in methods}
    for method in methods:
        rows = [result for result in results if result.method == method.name]
        parts = [_share([row.passed for row in rows if row.part == part]) for part in ("start", "middle", "end")]
        ahead = ""
        if ours in success and method.name != ours:
            ahead = "{:+.0f} [{:+.0f}, {:+.0f}]".format(
                *(100 * value for value in paired_difference(success[ours], success[method.name]))
            )
        table.append(
            [
                method.title,
                _share([row.passed for row in rows]),
                *parts,
                *(_share([row.passed for row in rows if row.held_out == held_out]) for held_out in (False, True)),
                _share([row.agent for row in rows]),
                _share([row.state for row in rows]),
                _mean([row.anchor_psnr for row in rows]),
                _mean([row.vae_psnr for row in rows]),
                ahead,
            ]
        )
    return table


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The table in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    rule = "|" + " --- |" * len(table[0])
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _share(values: Sequence[bool]) -> str:
    if not values:
        return "–"
    low, high = wilson(sum(values), len(values))
    return f"{100 * sum(values) / len(values):.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def _mean(values: Sequence[float]) -> str:
    return "{:.1f} [{:.1f}, {:.1f}]".format(*mean_interval(values)) if values else "–"
