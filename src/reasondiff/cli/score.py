"""``reasondiff score``: any folder of videos measured against a benchmark's cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common

__all__ = ["score"]


def score(
    folder: Annotated[
        Path, typer.Argument(help="Videos: videos/METHOD/CASE.mp4, METHOD/CASE.mp4 or CASE.mp4.", show_default=False)
    ],
    benchmark: Annotated[
        Path | None, typer.Option(help="The benchmark's folder, with cases.jsonl; a run of drawn cases needs none.")
    ] = None,
    count: Annotated[int | None, typer.Option("--cases", help="Only the benchmark's first.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for results; FOLDER/scores unless given.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="A metric or a group: basic (the default), offline, paper; give it several times."),
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download weights that are not here.")] = False,
    ranks: Annotated[Path | None, typer.Option(help="People's answers, for user_rank.", metavar="FILE")] = None,
    device: Annotated[str, typer.Option(help="Where networks compute: cpu or cuda.")] = "cpu",
    threads: common.Threads = None,
) -> None:
    """Measure videos, whoever made them, and print a table.

    A case without a video counts as a failure. Scoring that was stopped goes on when the same command is given again,
    and videos that have changed are measured anew; with another oracle than before, all are judged anew.
    """
    from rich.console import Console
    from rich.table import Table

    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.training_bar import training_bar
    from reasondiff.cli.terminal.user_warnings import quiet_transformers, user_warnings
    from reasondiff.evaluation import runner
    from reasondiff.evaluation.networks.shelf import Networks
    from reasondiff.evaluation.registry import metrics_of
    from reasondiff.evaluation.resources import Resources
    from reasondiff.evaluation.run_folder import check_folder, forget_judgements, suite_of
    from reasondiff.evaluation.scoring import by_metric, keep_origins, missing_in_words, videos_in_words
    from reasondiff.evaluation.suites.base import checked_cases
    from reasondiff.evaluation.tables import failures_in_words, markdown, results_table
    from reasondiff.evaluation.video_folder import find_systems_in, forget_changed
    from reasondiff.files import atomic_path

    place = output or folder / "scores"
    suite = suite_of(folder, benchmark, count)
    cases = checked_cases(suite)
    systems = find_systems_in(folder, checked_cases(suite_of(folder, benchmark)) if count else cases)
    using = Resources(place, networks=Networks(fetch, device), ranks=ranks, cases=cases)
    quiet_transformers()
    with user_warnings():
        metrics = metrics_of(using, metric or ["basic"])
    paths.folder(place)
    with paths.only_writer(place), user_warnings():
        forget_judgements(place, suite)
        check_folder(place, suite)
        keep_origins(place, metrics)
        forget_changed(place / "results.jsonl", systems)
        with training_bar("videos", len(cases) * len(systems)) as bar:
            rows = runner.evaluate(systems, suite, metrics, using, batch=1, on_video=lambda done: bar(done, {}))
    lines = by_metric(results_table(rows, systems, metrics))
    table = Table(*lines[0])
    for line in lines[1:]:
        table.add_row(*line)
    Console(width=200).print(table)
    notes = [
        *failures_in_words(rows, systems),
        *missing_in_words(rows, systems, metrics),
        *videos_in_words(rows, systems),
    ]
    for sentence in notes:
        typer.echo(sentence)
    with atomic_path(place / "table.md") as partial:
        partial.write_text(markdown(lines) + "".join(f"\n{sentence}\n" for sentence in notes), encoding="utf-8")
