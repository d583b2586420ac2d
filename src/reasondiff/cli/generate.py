"""``reasondiff generate``: one image, one text, one video."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.media import Fit

__all__ = ["generate"]


def generate(
    image: common.ImageFile,
    output: common.OutputFile,
    prompt: common.Prompt = "",
    model: common.Model = "storyworld-tiny",
    revision: common.Revision = None,
    adapter: common.Adapter = None,
    transformer: common.TransformerFile = None,
    preset: common.PresetName = None,
    narrator: common.NarratorName = None,
    narrator_url: common.NarratorUrl = None,
    narrative: common.StoryFile = None,
    position: common.Position = None,
    num_frames: common.NumFrames = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    negative_prompt: common.NegativePrompt = None,
    seed: common.Seed = 0,
    size: common.Size = None,
    fit: common.Fit = "crop",
    fps: common.Fps = None,
    save_narrative: Annotated[Path | None, typer.Option(help="Write the story too.", metavar="FILE")] = None,
    embed: common.Embed = True,
    mag_ratios: Annotated[
        Path | None, typer.Option(help="Skip steps with MagCache, by ratios of 'reasondiff calibrate'.", metavar="FILE")
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(help="Videos of the one story, from SEED on, and a sheet (-sheet.png) of them all.", metavar="N"),
    ] = 1,
    preview: Annotated[
        Path | None, typer.Option(help="A PNG that shows every few steps what the video becomes.", metavar="FILE")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the denoising beside the output; after a kill, go on from there.")
    ] = False,
) -> None:
    """Generate a video in which the image appears where the story needs it.

    Options that are not given come from the model. The MP4 carries its recipe: 'reasondiff replay' makes it again.
    """
    started = time.perf_counter()
    from reasondiff.cli.terminal import paths as checks
    from reasondiff.cli.terminal.notes import note, notes
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.jobs.inputs import Given
    from reasondiff.jobs.session import Maker
    from reasondiff.media import ClipSpan, SheetRow, contact_sheet, write_video
    from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
    from reasondiff.pipeline.latent_preview import LatentPreview
    from reasondiff.pipeline.magcache import MagRatios

    importing = time.perf_counter() - started
    inputs = (image, narrative, checks.read_by(narrator), mag_ratios, transformer)
    checks.writable(output, ".mp4", *inputs)
    if save_narrative is not None:
        checks.writable(save_narrative, ".json", *inputs)
    checks.numbers(seed=seed, fps=fps, steps=steps)
    if seeds < 1:
        raise InputError(f"{seeds} seeds make no video; give 1 or more.")
    if preview is not None:
        checks.writable(preview, ".png", *inputs)
    outputs, sheet = [output], output.with_name(f"{output.stem}-sheet.png")
    if seeds > 1:
        outputs = [output.with_stem(f"{output.stem}-{seed + number}") for number in range(seeds)]
        for place in outputs:
            checks.writable(place, ".mp4", *inputs)
        checks.writable(sheet, ".png", *inputs)
    given = Given.read(image, prompt, narrative, size)
    picture, prompt, story = given.image, given.prompt, given.story
    ratios = MagRatios.read(mag_ratios) if mag_ratios is not None else None

    with notes():
        options = {"num_frames": num_frames, "num_inference_steps": steps, "guidance_scale": guidance_scale}
        maker = Maker(
            model, narrator, url=narrator_url, revision=revision, adapter=adapter, transformer=transformer,
            preset=preset, ratios=ratios, job=given.job(options),
        )  # fmt: skip
        rows = []
        for number, place in enumerate(outputs):
            with StageBars(f"seed {seed + number}" if seeds > 1 else "") as bars:
                made = maker.make(
                    picture, prompt, narrative=story, seed=seed + number, bars=bars, fps=fps, size=given.size,
                    embed=embed, position=position, negative_prompt=negative_prompt, fit=fit,
                    preview=LatentPreview(picture, preview, fit=cast("Fit", fit)) if preview is not None else None,
                    progress=DenoisingCheckpoint(place.with_suffix(".steps")) if resume else None, **options,
                )  # fmt: skip
            write_video(place, made.frames, made.fps, made.recipe)
            story = made.narrative  # told once, for all seeds
            rows.append(SheetRow(f"seed {seed + number}", made.frames, anchor=story.anchor_frame, fps=made.pace))
    if seeds > 1:
        spans = tuple(ClipSpan(clip.start, clip.end, clip.description) for clip in made.narrative.clips)
        contact_sheet([*rows[:-1], replace(rows[-1], clips=spans)], sheet, title=prompt)
        typer.echo(f"{sheet}: seeds {seed} to {seed + seeds - 1}, side by side.")
    if save_narrative is not None:
        made.narrative.save(save_narrative)
    if fps is not None:
        note(f"--fps changes the playback only; the story is told at {made.pace:g} frames per second.")
    told = made.narrative
    names, position = ", ".join(map(str, outputs)), told.anchor_frame + 1
    typer.echo(f"{names}: {told.num_frames} frames, {len(told.clips)} clips, image at position {position}.")
    parts = {**maker.seconds, "imports": importing + maker.seconds["imports"], **made.seconds}
    spent = ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())
    typer.echo(f"{time.perf_counter() - started:.1f} s: {spent}.")
