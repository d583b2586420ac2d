"""``reasondiff demo``: the paper's Figure 5b in miniature, one image and three texts, next to plain Wan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["demo"]

AGENTS = ("cat", "dog", "pig")
PLAIN: dict[str, Any] = {"text_mode": "single", "anchor": "first", "use_adapter": False}
"""Image-to-video as the base model does it: the image first, the user's text, no reasoning."""


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the videos and the sheet.")] = Path(
        "outputs/demo"
    ),
    model: Annotated[str, typer.Option(help="A name or a folder.")] = "storyworld-tiny",
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
) -> None:
    """One drawn image of a broken vase, and a cat, a dog or a pig that plays in the room: who broke it, and when?

    Writes the image, and per text an MP4 with its recipe, the story, and plain image-to-video beside it; and one
    contact sheet with the oracle's verdicts, failures included. Everything is generated during the run.
    """
    import numpy as np

    from reasondiff.cli.terminal import paths as checks
    from reasondiff.cli.terminal.notes import notes
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.errors import InputError
    from reasondiff.files import atomic_path
    from reasondiff.jobs.session import Maker
    from reasondiff.media import SheetRow, contact_sheet, write_video
    from reasondiff.media.storyboard import clip_spans
    from reasondiff.storyworld.dataset import TakeSet
    from reasondiff.storyworld.oracle import judge
    from reasondiff.storyworld.render import draw_frame
    from reasondiff.storyworld.stories import NUM_FRAMES, Story

    checks.numbers(seed=seed)
    checks.folder(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{str(output)!r} cannot be made: {error.strerror}; choose another place.") from None
    image = draw_frame(TakeSet("test", pairs=(("vase", "cat"),))[0], NUM_FRAMES - 1)
    with atomic_path(output / "vase.png") as whole:
        image.save(whole)
    given = np.asarray(image)
    rows = []
    with notes():
        maker = Maker(model)
        for agent in AGENTS:
            prompt = f"A {agent} plays in the room."
            for title, name, options in (("ReasonDiff", agent, {}), ("plain Wan-tiny", f"{agent}-plain", PLAIN)):
                with StageBars(f"{agent}, {title}") as bars:
                    made = maker.make(image, prompt, seed=seed, bars=bars, **options)
                write_video(output / f"{name}.mp4", made.frames, made.fps, made.recipe)
                story, told = made.narrative, not options
                verdict = judge(made.frames, Story("vase", agent), story.anchor_frame, given)
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
    typer.echo(f"The sheet is {output / 'sheet.png'}.")
