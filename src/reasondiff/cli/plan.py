"""``reasondiff plan``: what a video will cost, before a model is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common

if TYPE_CHECKING:
    from rich.table import Table

    from reasondiff.planning import Plan

__all__ = ["plan"]


def plan(
    model: Annotated[
        str, typer.Option(help="A name; or a folder or a hub id, of which only configs are read.")
    ] = "wan2.1-i2v-14b-480p",
    revision: common.Revision = None,
    preset: Annotated[str, typer.Option(help="quality, balanced, fast or low-vram.")] = "balanced",
    num_frames: common.NumFrames = None,
    size: common.Size = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    descriptions: Annotated[int, typer.Option(help="Different descriptions in the story.", metavar="N")] = 4,
    words: Annotated[int, typer.Option(help="Tokens per description.", metavar="N")] = 64,
    sources: Annotated[bool, typer.Option("--sources", help="Print where the GPUs' rates are from.")] = False,
    vram: Annotated[
        float | None, typer.Option(help="Memory of your card in GB, such as 12: which preset fits it.", metavar="GB")
    ] = None,
) -> None:
    """Print what one video takes: the cards it fits, seconds on known GPUs, memory, disk, parameters and FLOPs.

    Loads no weights: everything follows from the configs, which are known here for the models known by name.
    """
    from rich.console import Console

    from reasondiff.jobs.request import VideoRequest
    from reasondiff.planning import architecture, job_of
    from reasondiff.planning import plan as predict
    from reasondiff.planning.presets import preset as find_preset

    asked = VideoRequest(
        image=Path(), num_frames=num_frames, size=size, num_inference_steps=steps, guidance_scale=guidance_scale
    )
    chosen, found = find_preset(preset), architecture(model, revision)
    job = job_of(found.defaults, **asked.job(), segments=descriptions, words=words)
    planned = predict(found, chosen, job)
    job = planned.job

    console = Console(soft_wrap=True, markup=False, highlight=False)
    console.print(
        f"{model}, preset {chosen.name}: {job.num_frames} frames of {job.width}x{job.height}, "
        f"{job.num_inference_steps} steps, guidance {job.guidance_scale:g}, {job.segments} descriptions\n"
        f"{chosen.purpose}\n{_answer(planned, vram)}\n"
    )
    for table in (_gpus(planned), _stages(planned), _parts(planned)):
        console.print(table)
    console.print(_remarks(planned, sources=sources))


def _answer(planned: Plan, vram: float | None) -> str:
    """Which cards it fits, and how it runs on the one that was asked for."""
    from reasondiff.errors import InputError
    from reasondiff.planning import fitting_preset, smallest_card
    from reasondiff.planning.gpus import USABLE

    size = smallest_card(planned.memory)
    cards = f"fits cards from {size} GB up" if size else "fits no card that is sold"
    answer = f"It needs {_memory(planned.memory)} of GPU memory: {cards}."
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


def _table(*headings: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    return table


def _parts(planned: Plan) -> Table:
    table = _table("component", "parameters", "weights in memory", "on disk")
    disk, parameters = planned.model.disk, planned.model.parameters
    for name, count in parameters.items():
        table.add_row(name, _count(count), _memory(planned.weights[name]), _bytes(disk[name]) if name in disk else "")
    total = sum(parameters.values()), sum(planned.weights.values()), sum(disk.values())
    table.add_row("total", _count(total[0]), _memory(total[1]), _bytes(total[2]))
    return table


def _stages(planned: Plan) -> Table:
    table = _table("stage", "TFLOP", "peak on the GPU", "weights", "keys, values", "working")
    for stage in planned.stages:
        sizes = (stage.memory, stage.weights, stage.kept, stage.working)
        table.add_row(stage.name, _tera(stage.work.flops), *(_memory(size) if size else "" for size in sizes))
    table.add_row("all", _tera(planned.flops), _memory(planned.memory), "", "", "")
    return table


def _gpus(planned: Plan) -> Table:
    from reasondiff.planning import GPUS, fitting_preset

    table = _table("GPU", "memory", "one video", "denoising", "TFLOP/s", "fits with")
    for gpu in GPUS:
        seconds = planned.seconds(gpu)
        if seconds is None:
            fits = fitting_preset(planned.model, planned.job, gpu.memory, float8_products=gpu.matmul_float8 is not None)
            table.add_row(gpu.name, f"{gpu.size} GB", planned.problem(gpu), "", "", fits.name if fits else "nothing")
        else:
            denoising = sum(stage.seconds(gpu) or 0.0 for stage in planned.stages if stage.name == "denoise")
            rate = planned.flops / seconds / 1e12
            table.add_row(gpu.name, f"{gpu.size} GB", _time(seconds), _time(denoising), f"{rate:.0f}", "")
    return table


def _remarks(planned: Plan, *, sources: bool) -> str:
    from reasondiff.planning import GPUS

    lines = [
        "Predictions from sustained rates, not measurements. They leave out loading, compiling and the narrator; "
        "every peak includes 1 GB for CUDA itself. Memory in GB of 2^30 bytes, as cards are sold; disk in GB of 10^9."
    ]
    if planned.waiting:
        lines.append(f"The CPU's memory holds {_memory(planned.waiting)} of weights.")
    if planned.preset.skipped:
        lines.append(f"Assumes that the step cache skips {planned.preset.skipped:.0%} of the calls; watch the result.")
    if planned.model.published:
        lines.append("Disk: counted in fp32, as Wan2.1 is published; saved again in bf16 it takes half.")
    if sources:
        lines.extend(f"{gpu.name}: {gpu.source}." for gpu in GPUS)
    return "\n".join(lines)


def _memory(size: float) -> str:
    for unit, factor in (("GB", 2**30), ("MB", 2**20)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 2**10:,.1f} kB"


def _bytes(size: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"


def _tera(flops: float) -> str:
    return f"{flops / 1e12:,.0f}" if flops >= 1e14 else f"{flops / 1e12:.3g}"


def _count(number: float) -> str:
    return f"{number / 1e9:.2f} B" if number >= 1e9 else f"{number / 1e6:.1f} M"


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"
