"""What the verbs of ``reasondiff data`` show alike: a bar, and rows that cannot be used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasondiff.data.records import Unusable

__all__ = ["grouped", "progress_bar"]

SHOWN = 10
"""Rows of one reason that are printed where all of them stand in a file."""


def grouped(unusable: Iterable[Unusable], all_of_them: Path | None) -> Iterator[str]:
    """Rows by their reason, the commonest first; cut only where a file holds them all."""
    groups: dict[str, list[Unusable]] = defaultdict(list)
    for row in unusable:
        groups[row.reason].append(row)
    if groups:
        yield f"{sum(map(len, groups.values()))} cannot be used:"
    for reason, rows in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        yield f"  {len(rows)}, because {reason}:"
        shown = rows if all_of_them is None else rows[:SHOWN]
        yield from (f"    {row.row}{f' ({row.detail})' if row.detail else ''}" for row in shown)
        if len(shown) < len(rows):
            yield f"    and {len(rows) - len(shown)} more, all in {all_of_them}"


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, in a terminal only."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)
