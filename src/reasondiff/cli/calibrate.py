"""``reasondiff calibrate``: measure what MagCache skips by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common

__all__ = ["calibrate"]


def calibrate(
    image: common.ImageFile,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The JSON to write.", metavar="FILE", show_default=False)
    ],
    prompt: common.Prompt = "",
    model: common.Model = "storyworld-tiny",
    revision: common.Revision = None,
    adapter: common.Adapter = None,
    transformer: common.TransformerFile = None,
    preset: common.PresetName = None,
    narrator: common.NarratorName = None,
    narrator_url: common.NarratorUrl = None,
    narrative: common.StoryFile = None,
    num_frames: common.NumFrames = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    seed: common.Seed = 0,
    size: common.Size = None,
    threads: common.Threads = None,
) -> None:
    """Measure a model's MagCache ratios in one full run, for 'reasondiff generate --mag-ratios'.

    They belong to the model, its adapter and the guidance; other numbers of steps are interpolated.
    """
    from reasondiff.cli.terminal import paths as checks
    from reasondiff.cli.terminal.notes import notes
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.jobs.inputs import Given
    from reasondiff.jobs.session import Maker
    from reasondiff.pipeline.magcache import calibrate as measure

    checks.writable(output, ".json", image, narrative, checks.read_by(narrator), transformer)
    checks.numbers(seed=seed, steps=steps)
    given = Given.read(image, prompt, narrative, size)
    with notes():
        options = {"num_frames": num_frames, "num_inference_steps": steps, "guidance_scale": guidance_scale}
        maker = Maker(
            model, narrator, url=narrator_url, revision=revision, adapter=adapter, transformer=transformer,
            preset=preset, measuring=True, job=given.job(options),
        )  # fmt: skip
        with StageBars() as bars:
            ratios = measure(
                maker.pipe, given.image, given.prompt, narrative=given.story, seed=seed, on_stage=bars.on_stage,
                **options, **maker.measures(given.image, given.size),
            )  # fmt: skip
    ratios.save(output)
    low, high = min(ratios.ratios), max(ratios.ratios)
    typer.echo(f"{output}: {len(ratios.ratios)} ratios between {low:.3f} and {high:.3f}.")
