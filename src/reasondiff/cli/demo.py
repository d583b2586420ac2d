"""``reasondiff demo``: the paper's Figure 5b in miniature, one image and three texts, next to plain Wan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.media import SheetRow

__all__ = ["demo"]

AGENTS = ("cat", "dog", "pig")


@common.takes_request(*common.LOADING, "num_inference_steps", "guidance_scale", "seed")
def demo(
    request: VideoRequest,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the videos and the sheet.")] = Path(
        "outputs/demo"
    ),
    threads: common.Threads = None,
) -> None:
    """One drawn image of a broken vase, and a cat, a dog or a pig that plays in the room: who broke it, and when?

    Writes the image, and per text an MP4 with its record, the story, and plain image-to-video beside it; one contact
    sheet with the oracle's verdicts, failures included; and what happened before the image, by the first text, as one
    picture. Everything is generated during the run.
    """
    import numpy as np

    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.errors import InputError
    from reasondiff.files import atomic_path
    from reasondiff.jobs.inputs import Inputs, check_names
    from reasondiff.jobs.session import VideoSession
    from reasondiff.media import SheetRow, contact_sheet
    from reasondiff.media.storyboard import clip_spans

    check_names(request)
    from reasondiff.storyworld.dataset import TakeSet
    from reasondiff.storyworld.judges import judge_story
    from reasondiff.storyworld.render import draw_frame
    from reasondiff.storyworld.stories import NUM_FRAMES, Story

    # Image-to-video as the base model does it: the image first, the user's text, no reasoning.
    plain = replace(request, text_mode="single", anchor="first", use_adapter=False)
    paths.folder(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{str(output)!r} cannot be made: {error.strerror}; choose another place.") from None
    image = draw_frame(TakeSet("test", pairs=(("vase", "cat"),))[0], NUM_FRAMES - 1)
    with atomic_path(output / "vase.png") as whole:
        image.save(whole)
    given = np.asarray(image)
    rows = []
    with paths.only_writer(output), user_warnings():
        session = VideoSession(request)
        for agent in AGENTS:
            prompt = f"A {agent} plays in the room."
            for title, name, asked in (("ReasonDiff", agent, request), ("plain Wan-tiny", f"{agent}-plain", plain)):
                with StageBars(f"{agent}, {title}") as bars:
                    made = session.generate(asked, Inputs(image, prompt), progress=bars)
                made.save(output / f"{name}.mp4")
                story, told = made.narrative, asked is request
                verdict = judge_story(made.frames, Story("vase", agent), story.anchor_frame, given)
                if told:
                    story.save(output / f"{name}.json")
                rows.append(
                    SheetRow(
                        title=f"{title}: {prompt}",
                        frames=made.frames,
                        anchor=story.anchor_frame,
                        clips=clip_spans(story) if told else (),
                        verdict=str(verdict),
                        passed=verdict.passed,
                        fps=made.fps,
                        given=image if told else None,
                    )
                )
                typer.echo(f"{title}, {prompt} {verdict}")
    contact_sheet(rows, output / "sheet.png", title="One image, three texts: who broke the vase?")
    contact_sheet([_opening(rows[0])], output / "before.png", title="What happened before this photograph?")
    typer.echo(f"The sheet is {output / 'sheet.png'}; what happened before the image, {output / 'before.png'}.")


def _opening(told: SheetRow) -> SheetRow:
    """One still, one sentence, and what was inferred from them."""
    assert told.frames is not None and told.anchor is not None
    frame, frames = told.anchor + 1, len(told.frames)
    return replace(
        told,
        title=f"Given: this still, and “{told.title.partition(': ')[2]}”",
        note=f"Inferred: the still is frame {frame} of {frames}; the rest was told and generated.",
    )
