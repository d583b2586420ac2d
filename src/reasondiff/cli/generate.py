"""``reasondiff generate``: one image, one text, one video."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

__all__ = ["generate"]


def generate(
    image: Annotated[Path, typer.Option(help="The condition image.", metavar="FILE", show_default=False)],
    output: common.OutputFile,
    prompt: Annotated[str, typer.Option(help="What happens; it need not describe the image's moment.")] = "",
    model: common.Model = "storyworld-tiny",
    narrator: common.NarratorName = None,
    narrator_url: common.NarratorUrl = None,
    narrative: Annotated[Path | None, typer.Option(help="A story file instead of a narrator.", metavar="FILE")] = None,
    position: Annotated[
        int | None, typer.Option(help="The image's frame, counted from 1; wins over the story.", metavar="N")
    ] = None,
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
) -> None:
    """Generate a video in which the image appears where the story needs it.

    Options that are not given come from the model. The MP4 carries its recipe: 'reasondiff replay' makes it again.
    """
    from reasondiff.cli import checks
    from reasondiff.cli.bars import StageBars
    from reasondiff.cli.making import Maker
    from reasondiff.cli.notes import note, notes
    from reasondiff.media import load_image, write_video
    from reasondiff.narrator.formats import read_narrative

    started = time.perf_counter()
    checks.writable(output, ".mp4")
    if save_narrative is not None:
        checks.writable(save_narrative, ".json")
    prompt = checks.prompt(prompt)
    if not prompt and narrative is None:
        raise InputError("The prompt is empty; say in a few words what should happen.")
    checks.numbers(seed=seed, fps=fps, steps=steps)
    sides = checks.size(size) if size is not None else None
    picture = load_image(image)
    story = read_narrative(narrative) if narrative is not None else None

    with notes():
        maker = Maker(model, narrator, url=narrator_url)
        with StageBars() as bars:
            made = maker.make(
                picture, prompt, narrative=story, seed=seed, bars=bars, fps=fps, size=sides, embed=embed,
                position=position, num_frames=num_frames, num_inference_steps=steps, guidance_scale=guidance_scale,
                negative_prompt=negative_prompt, fit=fit,
            )  # fmt: skip
    write_video(output, made.frames, made.fps, made.recipe)
    if save_narrative is not None:
        made.narrative.save(save_narrative)
    if fps is not None:
        note(f"--fps changes the playback only; the story is told at {made.pace:g} frames per second.")
    told = made.narrative
    typer.echo(
        f"{output}: {told.num_frames} frames, {len(told.clips)} clips, image at position {told.anchor_frame + 1}."
    )
    parts = {**maker.seconds, **made.seconds}
    spent = ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())
    typer.echo(f"{time.perf_counter() - started:.1f} s: {spent}.")
