"""Tables of predictions, and the units of their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["count", "memory", "seconds", "table", "tera"]


def table(*headings: str) -> Table:
    """A table whose first column is names and whose others are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        made.add_column(heading, justify="right" if index else "left", no_wrap=True)
    return made


def memory(size: float) -> str:
    """Bytes in GB of 2^30, as cards are sold."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 2**10:,.1f} kB"


def seconds(time: float) -> str:
    """Three digits of a time."""
    return f"{time:.3g} s" if time < 100 else f"{time:.0f} s"


def tera(flops: float) -> str:
    """FLOPs in units of 10^12."""
    return f"{flops / 1e12:,.0f}" if flops >= 1e14 else f"{flops / 1e12:.3g}"


def count(number: float) -> str:
    """How many parameters."""
    return f"{number / 1e9:.2f} B" if number >= 1e9 else f"{number / 1e6:.1f} M"
