"""``reasondiff report``: tables, pictures and a page of runs that are done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["report"]


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of reasondiff evaluate or score; several are put together.",
            metavar="RUN...",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of the report; RUN/report unless given.")
    ] = None,
    benchmark: Annotated[
        Path | None, typer.Option(help="The benchmark's folder, where a run does not tell its cases.")
    ] = None,
    ours: Annotated[str, typer.Option(help="The method that the others are compared to.")] = "reasondiff",
    sheets: Annotated[int, typer.Option(help="Cases to draw a comparison sheet and a narrative card of.")] = 6,
) -> None:
    """Write the paper's tables in Markdown, LaTeX and CSV, its figures, and a page that plays all methods in step.

    Methods that were run on different cases are refused, and what is missing is named.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.errors import InputError
    from reasondiff.evaluation.report.runs import read_runs
    from reasondiff.evaluation.report.writer import write_report

    if sheets < 0:
        raise InputError(f"{sheets} sheets cannot be drawn; give 0 or more.")
    place = output or runs[0] / "report"
    paths.folder(place)
    found = read_runs(runs, benchmark)
    place.mkdir(parents=True, exist_ok=True)
    with paths.only_writer(place):
        written = write_report(found, place, ours=ours, sheets=sheets)
    typer.echo(written.table.markdown())
    for sentence in written.notes:
        typer.echo(sentence)
    typer.echo(f"{place / 'report.md'} and {place / 'index.html' if len(found) == 1 else place}: open it in a browser.")
