"""``reasondiff reproduce``: the paper's evaluation in miniature, from the bundled weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.jobs.request import VideoRequest

__all__ = ["reproduce"]

CASES, ALL_CASES = 60, 300
STRIPS = 2
"""Cases of which attention strips are drawn."""


@common.takes_request(*common.LOADING)
def reproduce(
    request: VideoRequest,
    world: Annotated[str, typer.Argument(help="What is reproduced: storyworld.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the run and its report.")] = Path(
        "outputs/reproduce"
    ),
    full: Annotated[bool, typer.Option("--full", help="All 300 cases instead of 60.")] = False,
    count: Annotated[int | None, typer.Option("--cases", help="Another number of cases.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only these rows; give it several times.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Metrics or groups beside those of storyworld, such as offline.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Videos made together; changes nothing but speed.")] = 8,
    threads: common.Threads = None,
) -> None:
    """Make every method's videos of unseen unpaired cases, measure them, and write the report.

    60 cases take about half an hour on two cores. Stopped, it goes on when the same command is given again; 300 cases
    have a folder of their own, since no two sets of cases are mixed.
    """
    from reasondiff.errors import InputError

    if full and count is not None:
        raise InputError(f"--full has {ALL_CASES} cases; leave out --cases {count}.")
    cases = count if count is not None else ALL_CASES if full else CASES
    if cases < 2:
        raise InputError(f"{cases} cases cannot be compared; give 2 or more.")
    if batch < 1:
        raise InputError(f"A batch of {batch} makes nothing; give 1 or more.")

    from reasondiff.jobs.inputs import check_names

    check_names(request)

    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.training_bar import training_bar
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.evaluation import runner
    from reasondiff.evaluation.registry import METRIC_GROUPS, find_suite, find_systems, metrics_of
    from reasondiff.evaluation.report.attention import draw_attention
    from reasondiff.evaluation.report.runs import read_runs
    from reasondiff.evaluation.report.writer import write_report
    from reasondiff.evaluation.resources import Resources
    from reasondiff.evaluation.run_folder import check_folder, check_systems
    from reasondiff.evaluation.scoring import keep_origins
    from reasondiff.evaluation.systems import METHODS, OURS
    from reasondiff.jobs.session import VideoSession

    suite = find_suite(world, cases)
    systems = find_systems(method or ["true-clips", *(system.name for system in METHODS)])
    with user_warnings():
        session = VideoSession(request)
    folder = output / f"{world}-{cases}"
    using = Resources(folder, lambda: session.pipe, cases=suite.cases())
    metrics = metrics_of(using, [world if world in METRIC_GROUPS else "basic", *(metric or [])])
    made_with = {"weights": session.weights, **session.unusual()}
    paths.folder(output)
    check_folder(folder, suite)
    with paths.only_writer(folder), user_warnings(), training_bar("videos", cases * len(systems)) as bar:
        check_systems(folder, {system.name: made_with for system in systems if system.name != "true-clips"})
        keep_origins(folder, metrics)
        runner.evaluate(systems, suite, metrics, using, batch=batch, on_video=lambda done: bar(done, {}))
        if any(system.name == OURS.name for system in systems):
            draw_attention(suite.cases()[:STRIPS], using)
    report = write_report(read_runs([folder]), folder / "report")
    typer.echo(report.table.markdown())
    for sentence in report.notes:
        typer.echo(sentence)
    typer.echo(f"{report.folder / 'report.md'} and {report.folder / 'index.html'}: open it in a browser.")
