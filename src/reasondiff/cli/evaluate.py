"""``reasondiff evaluate``: the main table, on StoryWorld's unseen unpaired cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reasondiff.cli import options as common

__all__ = ["evaluate"]


def evaluate(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for results; give it again to go on.")] = Path(
        "outputs/evaluation"
    ),
    model: Annotated[str, typer.Option(help="A name or a folder.")] = "storyworld-tiny",
    count: Annotated[int, typer.Option("--cases", help="How many cases.")] = 100,
    level: Annotated[str, typer.Option(help="core or hard.")] = "core",
    split: Annotated[
        str, typer.Option(help="test, or validation to choose between weights or settings without a look at test.")
    ] = "test",
    paired: Annotated[
        bool, typer.Option("--paired", help="Instead, plain Wan on the clips' own first frames and whole captions.")
    ] = False,
    method: Annotated[list[str] | None, typer.Option(help="Only these rows; give it several times.")] = None,
    batch: Annotated[int, typer.Option(help="Videos made together; changes nothing but speed.")] = 8,
    sheet: Annotated[int, typer.Option(help="Also draw so many verdicts, to be checked by eye.")] = 0,
    threads: common.Threads = None,
) -> None:
    """Judge plain Wan, its variants and ReasonDiff on the same unseen cases, and print the table.

    An evaluation that was stopped goes on when the same command is given again.
    """
    from reasondiff.errors import InputError

    if count < 1:
        raise InputError(f"{count} cases are none; give 1 or more.")
    if batch < 1:
        raise InputError(f"A batch of {batch} makes nothing; give 1 or more.")
    if paired and method:
        raise InputError(f"With --paired there is one row; leave out --method {method[0]}.")
    if split not in ("test", "validation"):
        raise InputError(f"There are no unseen cases in the split {split!r}; choose test or validation.")
    if sheet < 0:
        raise InputError(f"{sheet} verdicts cannot be drawn; give 0 or more.")

    from dataclasses import replace

    from rich.console import Console
    from rich.table import Table

    from reasondiff.checkpoints import bundled_folder, find_model, model_hashes
    from reasondiff.cli.terminal.training_bar import training_bar
    from reasondiff.evaluation.runner import METHODS, PAIRED, check_folder, world_hash
    from reasondiff.evaluation.runner import evaluate as run
    from reasondiff.evaluation.tables import markdown, story_table
    from reasondiff.evaluation.verdict_sheet import some_verdicts, verdict_sheet
    from reasondiff.files import atomic_path
    from reasondiff.pipeline import ReasonDiffPipeline
    from reasondiff.storyworld.dataset import cases
    from reasondiff.storyworld.oracle import ORACLE

    known = {each.name: each for each in METHODS}
    if unknown := sorted(set(method or ()) - set(known)):
        raise InputError(f"There is no method {unknown[0]!r}; choose from {', '.join(known)}.")
    chosen = [PAIRED] if paired else [known[name] for name in dict.fromkeys(method or known)]
    asked = cases(count, split=split, level=level)
    if paired:
        asked = [replace(case, anchor_frame=0) for case in asked]
    folder = find_model(model)
    settings: dict[str, Any] = {"cases": count, "level": level, "split": split, "paired": paired}
    settings |= {"weights": model_hashes(folder), "oracle": model_hashes(bundled_folder(ORACLE)), "world": world_hash()}
    check_folder(output, settings)
    pipe = ReasonDiffPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    with training_bar("videos", count * len(chosen)) as bar:
        results = run(pipe, asked, chosen, output, batch=batch, on_video=lambda n: bar(n, {}))
    rows = story_table(results, chosen)
    table = Table(*rows[0])
    for row in rows[1:]:
        table.add_row(*row)
    Console(width=200).print(table)
    with atomic_path(output / "table.md") as partial:
        partial.write_text(markdown(rows), encoding="utf-8")
    if sheet:
        verdict_sheet(some_verdicts(results, sheet), asked, output, output / "verdicts.png")
        typer.echo(f"The verdicts are on {output / 'verdicts.png'}.")
