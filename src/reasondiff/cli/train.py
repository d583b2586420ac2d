"""``reasondiff train``: run a recipe, or go on with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train"]


def train(
    recipe: Annotated[str, typer.Option(help="Such as storyworld-tiny/stage1; any other name lists them all.")],
    model: Annotated[
        Path, typer.Option(help="Model folder: earlier stages' components are read from it, this one's written to it.")
    ] = Path("models/storyworld-tiny"),
    runs: Annotated[Path, typer.Option(help="Where runs keep their checkpoints and logs.")] = Path("runs"),
    cache: Annotated[Path, typer.Option(help="Where encoded clips are kept between stages.")] = Path("runs/cache"),
    steps: Annotated[int | None, typer.Option(help="Another number of steps than the recipe's.")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Clips per step, in each process if several are launched; else the recipe's.")
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile what is trained; a CPU needs a C++ compiler for it.")
    ] = False,
    from_weights: Annotated[
        Path | None,
        typer.Option(help="Begin with the weights of this model folder, not from nothing.", metavar="FOLDER"),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so long; the same command goes on.")] = None,
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints.")] = 5.0,
    device: Annotated[str | None, typer.Option(help="cuda or cpu; the best there is unless given.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved configuration and stop.")] = False,
) -> None:
    """Train one stage by its recipe. An interrupted run goes on when the same command is given again."""
    from dataclasses import replace

    from reasondiff.errors import InputError
    from reasondiff.recipes import recipe as find
    from reasondiff.recipes import resume as training_checks

    plan = find(recipe)
    training_checks.numbers(steps=steps, batch=batch, threads=threads)
    if steps is not None:
        plan = replace(plan, optimization=replace(plan.optimization, steps=steps))
    given = {"batch": batch, "compile": compiled or None, "from_weights": from_weights and str(from_weights)}
    changed = {name: value for name, value in given.items() if value is not None}
    for name in changed:
        if name not in plan.settings:
            option = name.replace("_", "-")
            raise InputError(f"{recipe} takes no --{option}; leave it out, or use a recipe whose --dry-run has it.")
    plan = replace(plan, settings={**plan.settings, **changed})
    if dry_run:
        typer.echo(json.dumps(plan.to_dict(), indent=2))
        return

    import math

    import torch
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    from reasondiff.checkpoints import in_one_sentence
    from reasondiff.cli.terminal.training_bar import training_bar
    from reasondiff.files import atomic_path
    from reasondiff.training.distributed import accelerator_on
    from reasondiff.training.trainer import fit

    diffusers_logging.disable_progress_bar()  # the bar of the steps is ours; theirs show files of a folder
    transformers_logging.disable_progress_bar()
    run = runs / recipe
    device = training_checks.device(device)
    training_checks.writable(model=model, runs=run, cache=cache)
    training_checks.parts(plan, model)
    training_checks.begun_alike(plan, run, model)
    if threads is not None:
        torch.set_num_threads(threads)
    with accelerator_on(device) as accelerator:
        if accelerator.num_processes > 1:
            device = str(accelerator.device)
        with accelerator.main_process_first(), in_one_sentence(str(model)):  # the first encodes what the cache lacks
            stage = plan.build(plan, model, cache, device)
        main_process = accelerator.is_main_process
        if main_process:
            run.mkdir(parents=True, exist_ok=True)
            with atomic_path(run / "recipe.json") as partial:
                record = plan.to_dict() | {"trained_on": training_checks.trained_on(plan, model)}
                partial.write_text(json.dumps(record, indent=2) + "\n")
        with training_bar(recipe, plan.optimization.steps, shown=main_process) as on_step:
            done = fit(
                stage,
                plan.optimization,
                run,
                accelerator=accelerator,
                checkpoint_minutes=checkpoint_minutes,
                validate_every=plan.validate_every,
                stop_after_minutes=math.inf if minutes is None else minutes,
                on_step=on_step,
            )
    if not main_process:
        return
    if done < plan.optimization.steps:
        typer.echo(f"{done} of {plan.optimization.steps} steps are done; give the same command to go on.")
        return
    stage.export(model)
    typer.echo(f"Finished; the components are in {model}.")
