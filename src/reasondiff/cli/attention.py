"""``reasondiff attention``: where the video looks when it reads a word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common

if TYPE_CHECKING:
    from reasondiff.pipeline.word_attention import WordAttention

__all__ = ["attention"]


def attention(
    image: common.ImageFile,
    output: common.OutputFile,
    word: Annotated[str, typer.Option(help="A word of the descriptions, such as breaking.", show_default=False)],
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
    block: Annotated[
        int | None, typer.Option(help="Of the transformer, counted from 0; the middle one unless given.", metavar="N")
    ] = None,
    num_frames: common.NumFrames = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    seed: common.Seed = 0,
    size: common.Size = None,
    threads: common.Threads = None,
) -> None:
    """Generate a video and show its attention to a word: over the video, and as strips beside it (-sheet.png).

    Averaged over heads and denoising steps (Figure 7 of the paper). Frames whose text lacks the word have none.
    """
    from reasondiff.cli.terminal import paths as checks
    from reasondiff.cli.terminal.notes import notes
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.jobs.inputs import Given
    from reasondiff.jobs.session import Maker
    from reasondiff.pipeline.word_attention import watch_word

    inputs = (image, narrative, checks.read_by(narrator), transformer)
    checks.writable(output, ".mp4", *inputs)
    sheet = output.with_name(f"{output.stem}-sheet.png")
    checks.writable(sheet, ".png", *inputs)
    checks.numbers(seed=seed, steps=steps)
    given = Given.read(image, prompt, narrative, size)
    with notes():
        options = {"num_frames": num_frames, "num_inference_steps": steps, "guidance_scale": guidance_scale}
        maker = Maker(
            model, narrator, url=narrator_url, revision=revision, adapter=adapter, transformer=transformer,
            preset=preset, measuring=True, job=given.job(options),
        )  # fmt: skip
        with StageBars() as bars:
            watched = watch_word(
                maker.pipe, given.image, given.prompt, word, block=block, narrative=given.story, position=position,
                seed=seed, on_stage=bars.on_stage, callback_on_step_end=bars.on_step,
                **options, **maker.measures(given.image, given.size),
            )  # fmt: skip
    note = _show(watched, output, sheet, given.prompt)
    typer.echo(f"{output} and {sheet}: {note}.")


def _show(watched: WordAttention, output: Path, sheet: Path, title: str) -> str:
    """Write the video with its heat, and the sheet; what is to be said about them."""
    from reasondiff.media import ClipSpan, SheetRow, contact_sheet, write_video
    from reasondiff.media.heat import heat_overlay

    frames, told = watched.output.frames[0], watched.output.narrative
    overlay, fps = heat_overlay(frames, watched.heat), 1 / watched.output.settings.interval
    write_video(output, overlay, fps)
    clips = tuple(ClipSpan(clip.start, clip.end, clip.description) for clip in told.clips)
    share = watched.heat.reshape(len(frames), -1).mean(1)
    note = f"block {watched.block}; at most {watched.heat.max():.1%} of a place's attention to text, {share.max():.1%} "
    note += f"of a frame's (position {int(share.argmax()) + 1})"
    rows = [
        SheetRow("The video", frames, anchor=told.anchor_frame, fps=fps, given=watched.output.stories[0].image),
        SheetRow(f'Attention to "{watched.word}"', overlay, told.anchor_frame, clips=clips, note=note, fps=fps),
    ]
    contact_sheet(rows, sheet, title=title)
    return note
