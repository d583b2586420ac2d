"""``reasondiff calibrate``: measure what MagCache skips by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

__all__ = ["calibrate"]


def calibrate(
    image: Annotated[Path, typer.Option(help="A condition image.", metavar="FILE", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The JSON to write.", metavar="FILE", show_default=False)
    ],
    prompt: Annotated[str, typer.Option(help="What happens.")] = "",
    model: common.Model = "storyworld-tiny",
    adapter: common.Adapter = None,
    preset: common.PresetName = None,
    narrator: common.NarratorName = None,
    narrator_url: common.NarratorUrl = None,
    narrative: Annotated[Path | None, typer.Option(help="A story file instead of a narrator.", metavar="FILE")] = None,
    num_frames: common.NumFrames = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    seed: common.Seed = 0,
    size: common.Size = None,
) -> None:
    """Measure a model's MagCache ratios in one full run, for 'reasondiff generate --mag-ratios'.

    They belong to the model, its adapter and the guidance; other numbers of steps are interpolated.
    """
    from reasondiff.cli import checks
    from reasondiff.cli.bars import StageBars
    from reasondiff.cli.making import Maker
    from reasondiff.cli.notes import notes
    from reasondiff.media import load_image
    from reasondiff.narrator.formats import read_narrative
    from reasondiff.pipeline.acceleration import calibrate as measure

    checks.writable(output, ".json")
    prompt = checks.prompt(prompt)
    if not prompt and narrative is None:
        raise InputError("The prompt is empty; say in a few words what should happen.")
    checks.numbers(seed=seed, steps=steps)
    sides = checks.size(size) if size is not None else None
    picture = load_image(image)
    story = read_narrative(narrative) if narrative is not None else None

    with notes():
        options = {"num_frames": num_frames, "num_inference_steps": steps, "guidance_scale": guidance_scale}
        maker = Maker(model, narrator, url=narrator_url, preset=preset, adapter=adapter, job=options)
        if maker.pipe.transformer.is_cache_enabled:
            maker.pipe.transformer.disable_cache()
        if sides is not None:
            options |= maker.measures(picture, sides)
        with StageBars() as bars:
            ratios = measure(maker.pipe, picture, prompt, narrative=story, seed=seed, on_stage=bars.on_stage, **options)
    ratios.save(output)
    low, high = min(ratios.ratios), max(ratios.ratios)
    typer.echo(f"{output}: {len(ratios.ratios)} ratios between {low:.3f} and {high:.3f}.")
