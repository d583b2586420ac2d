"""``reasondiff plan``: what a video will cost, before a model is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.cli.plan_training import plan_train
from reasondiff.cli.terminal.plan_table import count, memory, seconds, table, tera

if TYPE_CHECKING:
    from rich.table import Table

    from reasondiff.planning import Plan

__all__ = ["plan"]


def plan(
    model: Annotated[
        str | None,
        typer.Option(
            help="A name; or a folder or a hub id, of which only configs are read. wan2.1-i2v-14b-480p unless given."
        ),
    ] = None,
    revision: common.Revision = None,
    preset: Annotated[str, typer.Option(help="quality, balanced, fast or low-vram.")] = "balanced",
    num_frames: common.NumFrames = None,
    section_frames: common.SectionFrames = None,
    size: common.Size = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    guidance_stop: common.GuidanceStop = None,
    descriptions: Annotated[int, typer.Option(help="Different descriptions in the story.", metavar="N")] = 4,
    words: Annotated[int, typer.Option(help="Tokens per description.", metavar="N")] = 64,
    sources: Annotated[bool, typer.Option("--sources", help="Print where the GPUs' rates are from.")] = False,
    train: Annotated[bool, typer.Option("--train", help="Plan a training step in place of a video.")] = False,
    recipe: Annotated[
        str | None,
        typer.Option(help="With --train: one of the paper's stages; the paper's values unless given."),
    ] = None,
    vram: Annotated[
        float | None, typer.Option(help="Memory of your card in GB, such as 12: which preset fits it.", metavar="GB")
    ] = None,
) -> None:
    """Print what one video takes: the cards it fits, seconds on known GPUs, memory, disk, parameters and FLOPs.

    Loads no weights: everything follows from the configs, which are known here for the models known by name.
    """
    from reasondiff.errors import InputError

    if recipe is not None and not train:
        raise InputError(f"The recipe {recipe!r} is one of training; give --train as well.")
    if train:
        plan_train(model, recipe)
        return
    from rich.console import Console

    from reasondiff.jobs.request import VideoRequest
    from reasondiff.planning import architecture, job_of
    from reasondiff.planning import plan as predict
    from reasondiff.planning.presets import preset as find_preset

    asked = VideoRequest(
        image=Path(), num_frames=num_frames, size=size, num_inference_steps=steps, guidance_scale=guidance_scale,
        guidance_stop=guidance_stop, section_frames=section_frames,
    )  # fmt: skip
    model = model or "wan2.1-i2v-14b-480p"
    chosen, found = find_preset(preset), architecture(model, revision)
    job = job_of(found.defaults, **asked.job(), segments=descriptions, words=words)
    planned = predict(found, chosen, job)
    job = planned.job

    console = Console(soft_wrap=True, markup=False, highlight=False)
    console.print(
        f"{model}, preset {chosen.name}: {job.num_frames} frames of {job.width}x{job.height}, "
        f"{job.num_inference_steps} steps, guidance {job.guidance_scale:g}, {job.segments} descriptions"
        f"{_sections(planned)}\n"
        f"{chosen.purpose}\n{_answer(planned, vram)}\n"
    )
    for each in (_gpus(planned), _stages(planned), _parts(planned)):
        console.print(each)
    console.print(_remarks(planned, sources=sources))


def _sections(planned: Plan) -> str:
    """Of how many a long video is made; the tables are of one."""
    if planned.sections == 1:
        return ""
    return f"; {planned.sections} sections of {planned.job.at_once} frames, one after the other"


def _answer(planned: Plan, vram: float | None) -> str:
    """Which cards it fits, and how it runs on the one that was asked for."""
    from reasondiff.errors import InputError
    from reasondiff.planning import fitting_preset, smallest_card
    from reasondiff.planning.gpus import USABLE

    size = smallest_card(planned.memory)
    cards = f"fits cards from {size} GB up" if size else "fits no card that is sold"
    answer = f"It needs {memory(planned.memory)} of GPU memory: {cards}."
    if vram is None:
        return answer
    if not 0 < vram <= 1024:
        raise InputError(f"A card of {vram:g} GB is none; give its memory in GB, such as 12.")
    usable = vram * 2**30 * USABLE
    if planned.memory <= usable:
        return f"{answer} It fits yours of {vram:g} GB."
    fits = fitting_preset(planned.model, planned.job, usable)
    fix = f"use --preset {fits.name}" if fits else "give fewer frames or a smaller --size, or a smaller model"
    return f"{answer} It does not fit yours of {vram:g} GB; {fix}."


def _parts(planned: Plan) -> Table:
    rows = table("component", "parameters", "weights in memory", "on disk")
    disk, parameters = planned.model.disk, planned.model.parameters
    for name, number in parameters.items():
        rows.add_row(name, count(number), memory(planned.weights[name]), _bytes(disk[name]) if name in disk else "")
    total = sum(parameters.values()), sum(planned.weights.values()), sum(disk.values())
    rows.add_row("total", count(total[0]), memory(total[1]), _bytes(total[2]))
    return rows


def _stages(planned: Plan) -> Table:
    rows = table("stage", "TFLOP", "peak on the GPU", "weights", "keys, values", "working")
    for stage in planned.stages:
        sizes = (stage.memory, stage.weights, stage.kept, stage.working)
        rows.add_row(stage.name, tera(stage.work.flops), *(memory(size) if size else "" for size in sizes))
    rows.add_row("all", tera(planned.flops), memory(planned.memory), "", "", "")
    return rows


def _gpus(planned: Plan) -> Table:
    from reasondiff.planning import GPUS, fitting_preset

    rows = table("GPU", "memory", "one video", "denoising", "TFLOP/s", "fits with")
    for gpu in GPUS:
        time = planned.seconds(gpu)
        if time is None:
            fits = fitting_preset(planned.model, planned.job, gpu.memory, float8_products=gpu.matmul_float8 is not None)
            rows.add_row(gpu.name, f"{gpu.size} GB", planned.problem(gpu), "", "", fits.name if fits else "nothing")
        else:
            stages = [stage for stage in planned.stages if stage.name == "denoise"]
            denoising = planned.sections * sum(stage.seconds(gpu) or 0.0 for stage in stages)
            rate = planned.flops / time / 1e12
            rows.add_row(gpu.name, f"{gpu.size} GB", seconds(time), seconds(denoising), f"{rate:.0f}", "")
    return rows


def _remarks(planned: Plan, *, sources: bool) -> str:
    from reasondiff.planning import GPUS

    lines = [
        "Predictions from sustained rates, not measurements. They leave out loading, compiling and the narrator; "
        "every peak includes 1 GB for CUDA itself. Memory in GB of 2^30 bytes, as cards are sold; disk in GB of 10^9."
    ]
    if planned.sections > 1:
        lines.append(
            "A video longer than the model's own length is made in sections; stages and memory are those of one, time "
            "and FLOPs of all. The frames that two share are encoded again, which is left out."
        )
    if planned.waiting:
        lines.append(f"The CPU's memory holds {memory(planned.waiting)} of weights.")
    if planned.preset.skipped:
        lines.append(f"Assumes that the step cache skips {planned.preset.skipped:.0%} of the calls; watch the result.")
    if planned.model.published:
        lines.append("Disk: counted in fp32, as Wan2.1 is published; saved again in bf16 it takes half.")
    if sources:
        lines.extend(f"{gpu.name}: {gpu.source}." for gpu in GPUS)
    return "\n".join(lines)


def _bytes(size: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"
