"""``reasondiff plan --train``: what training takes, before a model is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from reasondiff.cli.terminal.plan_table import count, memory, seconds, table, tera

if TYPE_CHECKING:
    from rich.table import Table

    from reasondiff.planning.training import TrainingPlan

__all__ = ["plan_train"]

_SIZES = ("width", "height", "num_frames")


def plan_train(model: str | None, recipe: str | None) -> None:
    """Print which cards a recipe fits, how, and seconds per step.

    Args:
        model: the base; the recipe's, or else the paper's.
        recipe: by name; the paper's values unless given.
    """
    from rich.console import Console

    from reasondiff.planning import architecture
    from reasondiff.planning.training import plan_training

    values = {} if recipe is None else _values(recipe)
    base = architecture(model or _base(values))
    planned = plan_training(base, _job(values), alignformer=_alignformer(values), **_kept(values))
    job = planned.job
    trained = f"AlignFormer and a LoRA of rank {job.rank}" if job.rank else "AlignFormer alone"
    typer.echo(
        f"{base.name}, {recipe or 'the values of the paper'}: {trained}, {job.num_frames} frames of "
        f"{job.width}x{job.height}, {job.batch} clips per step\n"
        f"{count(planned.trained_parameters)} parameters are trained, {count(planned.frozen_parameters)} stand by in "
        f"{planned.frozen}; a step is {tera(planned.work.flops)} TFLOP.\n"
    )
    console = Console(soft_wrap=True, markup=False, highlight=False)
    console.print(_cards(planned))
    console.print(_options(planned))
    typer.echo(
        "Predictions from sustained rates, not measurements; eager kernels, which --compile fuses. Clips and texts are "
        "encoded before; loading, validation and what cards tell each other are left out. Memory in GB of 2^30 bytes, "
        "as cards are sold, of each card. 4 clips at once, 2 times: --batch 4 --set "
        "optimization.gradient_accumulation_steps=2; on 2 cards, under accelerate launch --num_processes 2."
    )


def _cards(planned: TrainingPlan) -> Table:
    """A row per size of card: how it fits, and how long a step takes on a GPU of that size."""
    from reasondiff.planning import GPUS
    from reasondiff.planning.training import CARDS, fitting

    rows = table("card", "memory", "clips at once", "precision", "step")
    for size in CARDS:
        way = fitting(planned, size)
        if way is None:
            rows.add_row(f"{size} GB", "does not fit", "", "", "")
            continue
        parts = planned.job.batch // way.micro_batch // way.cards
        gpu = next((gpu for gpu in GPUS if gpu.size == size), None)
        time = f"{seconds(way.seconds(gpu))} on {gpu.name}" if gpu else ""
        cards = f"{way.cards} x " if way.cards > 1 else ""
        rows.add_row(f"{cards}{size} GB", memory(way.memory), f"{way.micro_batch}, {parts} times", _way(way), time)
    return rows


def _way(way: TrainingPlan) -> str:
    """How it fits, in few words."""
    told: list[str] = [way.frozen]
    if way.checkpointing:
        told.append("attention kept" if way.keep_attention else "checkpointing")
    if way.eight_bit:
        told.append("8-bit AdamW")
    return ", ".join(told)


def _options(planned: TrainingPlan) -> Table:
    """What each option saves and costs: one clip at once, checkpointing, beside nothing else."""
    from dataclasses import replace

    from reasondiff.planning import GPUS, smallest_card
    from reasondiff.planning.training import GROUPS

    plain = replace(planned, micro_batch=1, checkpointing=True, keep_attention=False, eight_bit=False, frozen="bf16")
    ways = [
        ("", plain),
        ("gradient_checkpointing=false", replace(plain, checkpointing=False)),
        ("keep_attention=true", replace(plain, keep_attention=True)),
        ("frozen_weights=float8", replace(plain, frozen="float8")),
        ("frozen_weights=fp32", replace(plain, frozen="fp32")),
        ("optimization.eight_bit=true", replace(plain, eight_bit=True)),
    ]
    for cards in GROUPS[1:]:
        if planned.job.batch % cards == 0:
            ways.append((f"optimization.shard_weights=true, {cards} cards", replace(plain, cards=cards)))
    largest = max(GPUS, key=lambda gpu: gpu.memory)
    rows = table("one clip at once; --set", "memory", "fits cards from", f"step on {largest.name}")
    for name, way in ways:
        size = smallest_card(way.memory)
        time = seconds(way.seconds(largest)) if way.memory <= largest.memory else ""
        rows.add_row(name or "(nothing)", memory(way.memory), f"{size} GB" if size else "none", time)
    return rows


def _values(recipe: str) -> dict[str, object]:
    from reasondiff.recipes import resolve

    return resolve(recipe).to_dict()


def _base(values: Mapping[str, Any]) -> str:
    """The base of a recipe, by the name under which it is known without a network."""
    from reasondiff.checkpoints import HUB
    from reasondiff.errors import InputError

    if not values:
        return "wan2.1-i2v-14b-480p"
    if "beta" not in values:
        raise InputError(
            f"{values['recipe']} is none of the paper's stages, which alone are planned; give one of them."
        )
    base = values.get("base_model") or Path(values["recipe"]).parent.name
    names = {repo: name for name, repo in HUB.items()}
    return str(names.get(base, base))


def _job(values: Mapping[str, Any]) -> Any:
    from reasondiff.planning.training import TrainingJob

    if not values:
        return TrainingJob()
    optimization = values["optimization"]
    sizes = {name: values[name] for name in _SIZES if name in values}
    if values["recipe"].startswith("storyworld-tiny/"):
        sizes = {"width": 64, "height": 64, "num_frames": 33}
    return TrainingJob(
        batch=values["flow"]["batch"] * optimization["gradient_accumulation_steps"],
        rank=values["lora"]["r"] if values.get("lora") else 0,
        ema=optimization["ema_decay"] > 0,
        **sizes,
    )


def _kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe keeps in memory, and in how many bits."""
    if "frozen_weights" not in values:
        return {}
    return {
        "frozen": values["frozen_weights"],
        "keep_attention": values["keep_attention"],
        "eight_bit": values["optimization"]["eight_bit"],
    }


def _alignformer(values: Mapping[str, Any]) -> Any:
    from reasondiff.planning.encoders import AlignFormerShape

    config = values.get("alignformer")
    return AlignFormerShape.from_config(config) if config else None
