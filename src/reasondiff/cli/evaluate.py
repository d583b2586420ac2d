"""``reasondiff evaluate``: methods on the cases of a benchmark, or on StoryWorld's unseen unpaired ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.evaluation.rows import Row
    from reasondiff.evaluation.shares import Share

__all__ = ["evaluate"]


@common.takes_request(*common.LOADING)
def evaluate(
    request: VideoRequest,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for results; give it again to go on.")] = Path(
        "outputs/evaluation"
    ),
    benchmark: Annotated[
        Path | None, typer.Option(help="A benchmark's folder, as 'bench build' writes it; else drawn cases.")
    ] = None,
    drawn: Annotated[
        str | None, typer.Option("--suite", help="The suite that draws cases; storyworld unless given.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--cases", help="How many drawn cases, 100 unless given; or a benchmark's first.")
    ] = None,
    level: Annotated[str, typer.Option(help="Of drawn cases: core or hard.")] = "core",
    split: Annotated[
        str, typer.Option(help="test, or validation to choose between weights or settings without a look at test.")
    ] = "test",
    paired: Annotated[
        bool, typer.Option("--paired", help="Instead, plain Wan on the clips' own first frames and whole captions.")
    ] = False,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these rows, or ablations, or training-free; several times. Also videos-in-folder:FOLDER."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="Videos made together; changes nothing but speed.")] = 8,
    asked: Annotated[
        str | None, typer.Option("--share", help="Only a part of the cases: 2/4 is the second of four.", metavar="K/N")
    ] = None,
    ray: common.Ray = None,
    sheet: Annotated[int, typer.Option(help="Also draw so many verdicts, to be checked by eye.")] = 0,
    threads: common.Threads = None,
) -> None:
    """Run methods on the same unseen cases, judge their videos, and print the table.

    An evaluation that was stopped goes on when the same command is given again. Started by torchrun or accelerate
    launch, the processes share the cases. Machines of one disk take --share 1/4 to 4/4; then the same command without
    --share puts the shares together. A Ray cluster is given batches of cases by --ray.
    """
    from reasondiff.errors import InputError

    if count is not None and count < 1:
        raise InputError(f"{count} cases are none; give 1 or more.")
    if batch < 1:
        raise InputError(f"A batch of {batch} makes nothing; give 1 or more.")
    if paired and method:
        raise InputError(f"With --paired there is one row; leave out --method {method[0]}.")
    if method and "paired" in method and benchmark is None:
        raise InputError("The method 'paired' is for the clips' own first frames; give --paired instead.")
    if benchmark is not None and (drawn is not None or paired or level != "core" or split != "test"):
        raise InputError("A benchmark has its own cases; leave out --suite, --level, --split and --paired.")
    if sheet < 0:
        raise InputError(f"{sheet} verdicts cannot be drawn; give 0 or more.")

    from reasondiff.jobs.inputs import check_names

    if not method or not all(each.startswith("videos-in-folder:") for each in method):
        check_names(request)
    from rich.console import Console
    from rich.table import Table

    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.group import Group
    from reasondiff.cli.terminal.training_bar import training_bar
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.data.workers import over
    from reasondiff.evaluation.assignment import Assignment, make_part
    from reasondiff.evaluation.run_folder import check_folder, check_systems
    from reasondiff.evaluation.scoring import keep_origins
    from reasondiff.evaluation.shares import Share, gather, share_logs
    from reasondiff.evaluation.systems import PAIRED
    from reasondiff.evaluation.tables import failures_in_words, markdown, results_table
    from reasondiff.evaluation.verdict_sheet import some_verdicts, verdict_sheet
    from reasondiff.evaluation.video_folder import VideosInFolder, forget_changed
    from reasondiff.files import atomic_path
    from reasondiff.recipes import checks

    share = Share.parse(asked) if asked else Share.of_environment()
    if ray is not None and not share.is_all:
        raise InputError("A Ray cluster shares the cases itself; leave out --share, and torchrun.")
    group = Group()
    methods = (PAIRED.name,) if paired else tuple(method or ())
    assignment = Assignment(
        request, output, methods, benchmark, drawn or "storyworld", count, split, level, paired, batch
    )
    with user_warnings():
        opened = assignment.open()
    suite, cases, systems, metrics = opened.suite, opened.cases, opened.systems, opened.metrics
    with group.first_before_others():
        check_folder(output, suite)

    def begin() -> None:
        check_systems(output, opened.made_with)
        keep_origins(output, metrics)
        if share.number == 1:
            forget_changed(output / "results.jsonl", [each for each in systems if isinstance(each, VideosInFolder)])

    def make(part: Share) -> list[Row]:
        videos = len(part.part(cases)) * len(systems)
        with user_warnings(), training_bar("videos", videos, shown=group.is_first) as bar:
            return opened.make(part, on_video=lambda done: bar(done, {}))

    def make_on_ray() -> None:
        where = over(ray=ray, gpus=0.0 if checks.device(request.device) == "cpu" else 1.0)
        done = 0
        with training_bar("videos", len(cases) * len(systems)) as bar:
            for made in where(make_part, assignment.parts(len(cases))):
                if made.error is not None:
                    raise made.error
                bar(done := done + made.videos, {})

    if not share.is_all:
        share.log(output).parent.mkdir(exist_ok=True)
        with paths.only_writer(share.log(output)):
            with group.first_before_others():
                begin()
            made = make(share)
        if asked:
            typer.echo(
                f"Share {asked}: {len(made)} videos. When all shares are made, give the command without --share."
            )
            return
        group.meet()
        if not group.is_first:
            return
    with paths.only_writer(output):
        for log in share_logs(output):
            with paths.only_writer(log):
                pass
        begin()
        if ray is not None:
            make_on_ray()
        gather(output, [system.name for system in systems], cases)
        rows = make(Share())
    lines = results_table(rows, systems, metrics, suite.strata)
    table = Table(*lines[0])
    for line in lines[1:]:
        table.add_row(*line)
    Console(width=200).print(table)
    failures = failures_in_words(rows, systems)
    for sentence in failures:
        typer.echo(sentence)
    with atomic_path(output / "table.md") as partial:
        partial.write_text(markdown(lines) + "".join(f"\n{sentence}\n" for sentence in failures), encoding="utf-8")
    if sheet:
        titles = {system.name: system.title for system in systems}
        verdict_sheet(some_verdicts(rows, sheet), cases, titles, output, output / "verdicts.png")
        typer.echo(f"The verdicts are on {output / 'verdicts.png'}.")
