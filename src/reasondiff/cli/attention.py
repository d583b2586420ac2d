"""``reasondiff attention``: where the video looks when it reads a word."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasondiff.cli import options as common
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.jobs.progress import Reporter
    from reasondiff.pipeline.word_attention import WordAttention

__all__ = ["attention"]


@common.takes_request(without=("more_images", "anchor", "mag_ratios", "fps", "embed", "verify"))
def attention(
    request: VideoRequest,
    output: common.OutputFile,
    word: Annotated[str, typer.Option(help="A word of the descriptions, such as breaking.", show_default=False)],
    block: Annotated[
        int | None, typer.Option(help="Of the transformer, counted from 0; the middle one unless given.", metavar="N")
    ] = None,
    threads: common.Threads = None,
) -> None:
    """Generate a video and show its attention to a word: over the video, and as strips beside it (-sheet.png).

    Averaged over heads and denoising steps (Figure 7 of the paper). Frames whose text lacks the word have none.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.jobs.inputs import Inputs, narrator_file
    from reasondiff.jobs.session import VideoSession

    reads = (request.image, request.narrative, narrator_file(request.narrator), request.transformer)
    sheet = paths.beside(output, "-sheet.png")
    paths.writable(output, ".mp4", *reads)
    paths.writable(sheet, ".png", *reads)
    inputs = Inputs.read(request)
    with paths.only_writer(output), user_warnings():
        session = VideoSession(request, measuring=True)

        def watch(arguments: Mapping[str, Any], reporter: Reporter) -> WordAttention:
            from reasondiff.pipeline.word_attention import watch_word

            given = {name: value for name, value in arguments.items() if name != "anchor"}  # where the story has it
            return watch_word(
                session.pipe, word=word, block=block, on_stage=reporter.on_stage, callback_on_step_end=reporter.on_step,
                **given,
            )  # fmt: skip

        with StageBars() as bars:
            watched, _ = session.run(watch, request, inputs, progress=bars)
        note = _show(watched, output, sheet, inputs.prompt)
    typer.echo(f"{output} and {sheet}: {note}.")


def _show(watched: WordAttention, output: Path, sheet: Path, title: str) -> str:
    """Write the video with its heat, and the sheet; what is to be said about them."""
    from reasondiff.files import write_or_keep
    from reasondiff.media import contact_sheet, write_video

    fps = 1 / watched.output.settings.interval
    write_or_keep(output, partial(write_video, frames=watched.overlay, fps=fps))
    contact_sheet(watched.strips(), sheet, title=title)
    return watched.note
