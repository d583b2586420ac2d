"""``reasondiff train``: run a recipe, or go on with one."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common

__all__ = ["train"]


def train(
    recipe: Annotated[
        str | None, typer.Option(help="Such as storyworld-tiny/stage1; any other name lists them all.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A recipe with other values: what --dry-run printed.", metavar="FILE")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Model folder: earlier stages' components are read from it, this one's written to it."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="An encoded set to train on, of 'data precompute'.", metavar="SET")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where runs keep their checkpoints and logs.")] = Path("runs"),
    cache: Annotated[Path, typer.Option(help="Where encoded clips are kept between stages.")] = Path("runs/cache"),
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Another value, such as optimization.lr=1e-4; may be repeated.", metavar="NAME=VALUE"
        ),
    ] = None,
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
    keep_last: Annotated[int, typer.Option(help="Checkpoints that stay, from the newest.", metavar="N")] = 2,
    keep_every: Annotated[
        int, typer.Option(help="Steps between checkpoints that stay for good; 0 for none.", metavar="N")
    ] = 0,
    track: Annotated[
        list[str] | None,
        typer.Option(
            help="tensorboard, wandb, trackio or none; may be repeated. TensorBoard where it is installed.",
            metavar="NAME",
        ),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(help="Publish the finished adapter on the hub, under this name.", metavar="OWNER/NAME"),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that draw batches ahead of the step.")] = 0,
    device: Annotated[str | None, typer.Option(help="cuda or cpu; the best there is unless given.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto (bf16 where the hardware has it), bf16 or fp32; else the recipe's.")
    ] = None,
    threads: common.Threads = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved configuration and stop.")] = False,
) -> None:
    """Train one stage by its recipe. An interrupted run goes on when the same command is given again."""
    from reasondiff.errors import InputError
    from reasondiff.recipes import resolve

    shortcuts = {"steps": steps, "batch": batch, "compile": compiled or None, "precision": precision}
    plan = resolve(
        recipe,
        config=config,
        changes=changes or (),
        shortcuts={name: value for name, value in shortcuts.items() if value is not None},
        from_weights=None if from_weights is None else str(from_weights),
        data_folder=data,
    ).placed(runs)
    from reasondiff.recipes import checks  # now: a wrong name is refused before torch is imported
    from reasondiff.recipes.config import flat
    from reasondiff.training.checkpoint import Retention
    from reasondiff.training.trackers import Tracking, trackers

    checks.numbers(workers=workers)
    checks.pushed(push, plan.exports)
    retention = Retention(last=keep_last, every=keep_every)
    tracking = Tracking(trackers(track or None), dict(flat(plan.to_dict())))
    if dry_run:
        typer.echo(json.dumps(plan.to_dict(), indent=2))
        return
    model = model or plan.adapter_in(runs)
    if model is None:
        raise InputError("Training writes into a model folder; name it with --model, such as --model mine.")

    import logging
    import math
    import shlex
    import sys

    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    from reasondiff.checkpoints import in_one_sentence
    from reasondiff.cli.terminal.training_bar import training_bar
    from reasondiff.cli.terminal.user_warnings import user_warning, user_warnings
    from reasondiff.files import atomic_path
    from reasondiff.recipes.resume import check_resume, run_record
    from reasondiff.training.distributed import accelerator_on
    from reasondiff.training.publishing import complete_adapter, push_adapter
    from reasondiff.training.trainer import fit

    diffusers_logging.disable_progress_bar()  # the bar of the steps is ours; theirs show files of a folder
    transformers_logging.disable_progress_bar()
    run = runs / plan.name
    device = checks.device(device)
    checks.writable(model=model, runs=run, cache=cache)
    plan.check(model)
    check_resume(plan, run, model)
    with accelerator_on(device) as accelerator, _only_run(run, claims=accelerator.is_main_process):
        if accelerator.num_processes > 1:
            device = str(accelerator.device)
        with in_one_sentence(str(model)):
            stage = plan.build(model, cache, device)
        main_process = accelerator.is_main_process
        if main_process:
            user_warning(checks.told_of(device, plan.optimization.precision))
            if note := plan.note():
                user_warning(note)
            run.mkdir(parents=True, exist_ok=True)
            with atomic_path(run / "recipe.json") as partial:
                partial.write_text(json.dumps(run_record(plan, model, device), indent=2) + "\n")
        else:  # the main process says it for all
            logging.getLogger("reasondiff").setLevel(logging.ERROR)
        with user_warnings(), training_bar(plan.name, plan.optimization.steps, shown=main_process) as on_step:
            done = fit(
                stage,
                plan.optimization,
                run,
                accelerator=accelerator,
                checkpoint_minutes=checkpoint_minutes,
                retention=retention,
                tracking=tracking,
                validate_every=plan.validate_every,
                stop_after_minutes=math.inf if minutes is None else minutes,
                on_step=on_step,
                workers=workers,
            )
    if not main_process:
        return
    if done < plan.optimization.steps:
        typer.echo(f"{done} of {plan.optimization.steps} steps are done; give the same command to go on.")
        return
    stage.export(model)
    if "adapter.json" in plan.exports:
        command = shlex.join(["reasondiff", *sys.argv[1:]])
        complete_adapter(model, run, recipe=run_record(plan, model, device), command=command)
    typer.echo(f"Finished; {', '.join(plan.exports)} are in {model}.")
    if push is not None:
        typer.echo(f"Published: {push_adapter(model, push)}")


def _only_run(run: Path, *, claims: bool) -> AbstractContextManager[None]:
    """A claim to a run's folder, which of a run's processes one makes."""
    from reasondiff.claims import only_writer

    return only_writer(run, folder=True) if claims else nullcontext()
