"""``reasondiff study``: people rank videos in a browser, and what their rankings say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasondiff.errors import InputError

__all__ = ["study_app"]

study_app = typer.Typer(
    help="User rank: build a study from videos, serve it to raters, analyse their rankings.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Folder = Annotated[Path, typer.Argument(help="A folder that 'study build' made.", metavar="STUDY", show_default=False)]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database", help="Of answers, sqlite:///PATH or postgresql://...; STUDY/answers.db unless given."),
]


@study_app.command()
def build(
    videos: Annotated[Path, typer.Argument(help="A run's folder, or METHOD/CASE.mp4.", show_default=False)],
    benchmark: Annotated[Path, typer.Option(help="The benchmark's folder.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The study's folder, new.", show_default=False)],
    method: Annotated[list[str] | None, typer.Option(help="Only these methods; give it several times.")] = None,
    raters: Annotated[int, typer.Option(help="How many links.")] = 20,
    questions: Annotated[int, typer.Option(help="That each rater is asked, beside two checks.")] = 10,
    cases: Annotated[int | None, typer.Option(help="Only the first ones of the benchmark.")] = None,
    seed: Annotated[int, typer.Option(help="Of who is shown what, in which order.")] = 0,
    text: Annotated[str | None, typer.Option(help="What is asked, instead of the usual.")] = None,
) -> None:
    """Make a study: videos alike in codec, length and size, under names that say nothing, and a link per rater."""
    from reasondiff.cli.terminal.training_bar import training_bar
    from reasondiff.evaluation.study.build import QUESTION, build_study
    from reasondiff.evaluation.suites.base import checked_cases
    from reasondiff.evaluation.suites.benchmark_folder import BenchmarkFolder
    from reasondiff.evaluation.video_folder import find_systems_in

    known = checked_cases(BenchmarkFolder(benchmark))
    systems = find_systems_in(videos, known)
    if method:
        found = {system.name: system for system in systems}
        if unknown := [name for name in method if name not in found]:
            raise InputError(f"There are no videos of {unknown[0]!r} in {str(videos)!r}; it has {', '.join(found)}.")
        systems = [found[name] for name in dict.fromkeys(method)]
    if cases is not None and not 1 <= cases <= len(known):
        raise InputError(f"The benchmark has {len(known)} cases, not {cases}; give --cases within them.")
    chosen = known[:cases]
    with training_bar("cases", len(chosen)) as bar:
        plan = build_study(
            output, chosen, systems, raters=raters, questions=questions, seed=seed, text=text or QUESTION,
            progress=lambda done, total: bar(done, {}),
        )  # fmt: skip
    typer.echo(
        f"{output}: {len(plan.items)} cases, {len(plan.methods)} methods, {raters} links in links.txt. "
        f"Next: reasondiff study serve {output}"
    )


@study_app.command()
def serve(
    folder: Folder,
    database: DatabaseUrl = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8100,
) -> None:
    """Serve a study; every answer is in the database before the rater is told so."""
    _packages()
    import uvicorn

    from reasondiff.evaluation.study.answers import Answers
    from reasondiff.evaluation.study.app import study_app as made
    from reasondiff.web.listening import address_of, listen

    answers = Answers(_url(folder, database))
    app = made(folder, answers)
    first = (folder / "links.txt").read_text(encoding="utf-8").split()[0]
    listener = listen(host, port)
    address = address_of(host, listener)
    typer.echo(f"The first rater's link is {address}{first}; all are in {folder / 'links.txt'}.")
    # Without an access log: a link is a key, and the log would hold it.
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


@study_app.command()
def analyse(
    folder: Folder,
    database: DatabaseUrl = None,
    keep_failed: Annotated[bool, typer.Option("--keep-failed", help="Count raters who failed a check, too.")] = False,
) -> None:
    """Say what the rankings say, as far as they have come; also writes analysis.json, analysis.md and ranks.jsonl."""
    _packages()
    from reasondiff.evaluation.study.analysis import analyse as analysed
    from reasondiff.evaluation.study.analysis import write_analysis
    from reasondiff.evaluation.study.answers import Answers
    from reasondiff.evaluation.study.plan import StudyPlan

    plan = StudyPlan.load(folder)
    answers = Answers(_url(folder, database)).all()
    typer.echo(write_analysis(folder, plan, answers, analysed(plan, answers, keep_failed=keep_failed)))


def _url(folder: Path, database: str | None) -> str:
    if not (folder / "plan.json").is_file():
        raise InputError(f"{str(folder)!r} is no study; make one with 'study build'.")
    return database or f"sqlite:///{(folder / 'answers.db').absolute()}"


def _packages() -> None:
    """Raise where the packages of a study are not installed."""
    from importlib.util import find_spec

    for name in ("starlette", "sqlalchemy", "uvicorn", "choix", "krippendorff", "scipy"):
        if find_spec(name) is None:
            raise InputError(f"A study needs the package {name!r}; install reasondiff[study].")
