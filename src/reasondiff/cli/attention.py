"""``reasondiff attention``: where the video looks when it reads a word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

__all__ = ["attention"]


def attention(
    image: Annotated[Path, typer.Option(help="The condition image.", metavar="FILE", show_default=False)],
    output: common.OutputFile,
    word: Annotated[str, typer.Option(help="A word of the descriptions, such as breaking.", show_default=False)],
    prompt: Annotated[str, typer.Option(help="What happens; it need not describe the image's moment.")] = "",
    model: common.Model = "storyworld-tiny",
    narrator: common.NarratorName = None,
    narrator_url: common.NarratorUrl = None,
    narrative: Annotated[Path | None, typer.Option(help="A story file instead of a narrator.", metavar="FILE")] = None,
    position: Annotated[int | None, typer.Option(help="The image's frame, counted from 1.", metavar="N")] = None,
    block: Annotated[
        int | None, typer.Option(help="Of the transformer, counted from 0; the middle one unless given.", metavar="N")
    ] = None,
    num_frames: common.NumFrames = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    seed: common.Seed = 0,
    size: common.Size = None,
) -> None:
    """Generate a video and show its attention to a word: over the video, and as a strip beside it (.png).

    Averaged over heads and denoising steps (Figure 7 of the paper). Frames whose text lacks the word have none.
    """
    from reasondiff.cli import checks
    from reasondiff.cli.bars import StageBars
    from reasondiff.cli.making import Maker
    from reasondiff.cli.notes import notes
    from reasondiff.media import ClipSpan, SheetRow, contact_sheet, load_image, write_video
    from reasondiff.media.heat import heat_overlay
    from reasondiff.narrator.formats import read_narrative
    from reasondiff.pipeline.attention import watch_word

    strip = output.with_suffix(".png")
    checks.writable(output, ".mp4")
    checks.writable(strip, ".png")
    prompt = checks.prompt(prompt)
    if not prompt and narrative is None:
        raise InputError("The prompt is empty; say in a few words what should happen.")
    checks.numbers(seed=seed, steps=steps)
    sides = checks.size(size) if size is not None else None
    picture = load_image(image)
    story = read_narrative(narrative) if narrative is not None else None

    with notes():
        maker = Maker(model, narrator, url=narrator_url)
        measures = maker.measures(picture, sides) if sides is not None else {}
        with StageBars() as bars:
            watched = watch_word(
                maker.pipe, picture, prompt, word, block=block, narrative=story, position=position, seed=seed,
                on_stage=bars.on_stage, callback_on_step_end=bars.on_step, num_frames=num_frames,
                num_inference_steps=steps, guidance_scale=guidance_scale, **measures,
            )  # fmt: skip
    frames, told = watched.output.frames[0], watched.output.narrative
    overlay, fps = heat_overlay(frames, watched.heat), 1 / watched.output.settings.interval
    write_video(output, overlay, fps)
    clips = tuple(ClipSpan(clip.start, clip.end, clip.description) for clip in told.clips)
    share = watched.heat.reshape(len(frames), -1).mean(1)
    note = f"block {watched.block}; at most {watched.heat.max():.1%} of a place's attention to text, {share.max():.1%} "
    note += f"of a frame's (position {int(share.argmax()) + 1})"
    rows = [
        SheetRow("The video", frames, anchor=told.anchor_frame, fps=fps, given=watched.output.stories[0].image),
        SheetRow(f'Attention to "{word}"', overlay, anchor=told.anchor_frame, clips=clips, note=note, fps=fps),
    ]
    contact_sheet(rows, strip, title=prompt)
    typer.echo(f"{output} and {strip}: {note}.")
