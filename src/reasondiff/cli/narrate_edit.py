"""``reasondiff narrate edit`` and ``show``: a story's file without a model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from reasondiff.cli import options as common
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.narrative import Narrative

__all__ = ["InOrder", "edit", "show"]

_ORDER = "reasondiff.order"


class InOrder(TyperCommand):
    """A command that remembers the order in which its options were given, which Typer forgets."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        *_, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


def edit(
    context: typer.Context,
    story: Annotated[Path, typer.Argument(help="The narrative file.", show_default=False)],
    move_anchor: Annotated[list[int] | None, typer.Option(help="Position of the image.", metavar="N")] = None,
    move_image: Annotated[
        list[str] | None, typer.Option(help="Position of image I, of a story of several.", metavar="I:N")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="New text for a clip.", metavar='N:"TEXT"')] = None,
    split: Annotated[list[int] | None, typer.Option(help="Begin a new clip at a position.", metavar="N")] = None,
    merge: Annotated[list[str] | None, typer.Option(help="Join clips N to M.", metavar="N,M")] = None,
    retime: Annotated[list[int] | None, typer.Option(help="Tell it in another number of frames.", metavar="N")] = None,
    style: Annotated[list[str] | None, typer.Option(help="New story-wide text.", metavar="TEXT")] = None,
    pick: Annotated[list[int] | None, typer.Option(help="Take the N-th runner-up instead.", metavar="N")] = None,
    redo: Annotated[list[int] | None, typer.Option(help="Ask the narrator for clip N again.", metavar="N")] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(help="The condition image, for --redo; of several all, by their numbers.", metavar="FILE"),
    ] = None,
    prompt: Annotated[
        str, typer.Option(help="The user's text, for --redo; the one the story was told for.", metavar="TEXT")
    ] = "",
    narrator: Annotated[
        str | None, typer.Option(help="Who is asked; the one who told the story unless given.", metavar="NAME")
    ] = None,
    narrator_url: common.NarratorUrl = None,
    narrator_api: common.NarratorApi = None,
    narrator_timeout: common.NarratorTimeout = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write; else the file itself.")] = None,
    threads: common.Threads = None,
) -> None:
    """Change a story: move its image, rewrite, split, merge and retime its clips.

    Only --redo asks a model.

    Positions and clips count from 1. The changes happen in the order given, and a clip's number means the clip that
    has it at that moment.
    """
    from reasondiff.claims import only_writer
    from reasondiff.cli.terminal import paths
    from reasondiff.files import write_or_keep
    from reasondiff.narrative.formats import read_narrative

    if output is not None:
        paths.writable(output, ".json", *(image or ()))
    elif story.suffix.lower() != ".json":
        raise InputError(f"{story.name!r} is not a JSON file, so it is not overwritten; say where to write with -o.")
    given: dict[str, list[Any] | None] = {
        "move_anchor": move_anchor, "move_image": move_image, "set_": set_, "split": split, "merge": merge,
        "retime": retime, "style": style, "pick": pick, "redo": redo,
    }  # fmt: skip
    if redo and not image:
        raise InputError(f"The narrator must see the image to tell clip {redo[0]} again; give --image.")
    waiting = {name: iter(values) for name, values in given.items() if values}
    changes = [(name, next(waiting[name])) for name in context.meta[_ORDER] if name in waiting]
    if not changes and output is None:
        raise InputError("Nothing is changed; give --move-anchor, --set, --split or another change, or -o for a copy.")
    with only_writer(output or story):
        narrative = read_narrative(story)
        for name, value in changes:
            if name == "redo" and image:
                model = {"url": narrator_url, "api": narrator_api, "timeout": narrator_timeout}
                narrative = _redo(narrative, value - 1, image, prompt, narrator, model)
            else:
                narrative = _apply(narrative, name, value)
        if changes:
            told = [f"--{name.rstrip('_').replace('_', '-')} {value}" for name, value in changes]
            before = narrative.provenance.get("edits", [])
            edits = [*(before if isinstance(before, list) else []), *told]
            narrative = replace(narrative, provenance={**narrative.provenance, "edits": edits})
        write_or_keep(output or story, narrative.save)  # a clip told again was paid for
    _print(narrative)


def show(
    story: Annotated[Path, typer.Argument(help="The narrative file.", show_default=False)],
    image: Annotated[Path | None, typer.Option(help="The image, to be drawn at its place.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The PNG; else STORY-timeline.png beside the story.")
    ] = None,
) -> None:
    """Draw a story's timeline, here and as a PNG: its clips to scale, and where the image belongs."""
    from reasondiff.cli.terminal import paths
    from reasondiff.files import atomic_path
    from reasondiff.media import load_image
    from reasondiff.media.storyboard import timeline_image
    from reasondiff.narrative.formats import read_narrative

    narrative = read_narrative(story)
    output = output or paths.beside(story, "-timeline.png")
    paths.writable(output, ".png", story, image)
    picture = load_image(image) if image is not None else None
    _print(narrative)
    with atomic_path(output) as partial:
        timeline_image(narrative, picture, title=story.stem).save(partial)
    typer.echo(f"Timeline: {output}")


def _apply(narrative: Narrative, name: str, value: Any) -> Narrative:
    from reasondiff.narrative import editing

    match name:
        case "move_anchor":
            return editing.move_anchor(narrative, value - 1)
        case "move_image":
            if not (parts := re.fullmatch(r"\s*(\d{1,6})\s*:\s*(\d{1,6})\s*", value)):
                raise InputError(f"--move-image {value!r} names no image and position; write it as --move-image 2:20.")
            return editing.move_image(narrative, int(parts[1]) - 1, int(parts[2]) - 1)
        case "split":
            return editing.split(narrative, value - 1)
        case "retime":
            return editing.retime(narrative, value)
        case "pick":
            from reasondiff.narrator import pick

            return pick(narrative, value)
        case "style":
            return editing.set_style(narrative, value)
        case "set_":
            if not (parts := re.fullmatch(r"\s*(\d{1,6})\s*:(.*)", value, re.DOTALL)):
                raise InputError(f'--set {value!r} names no clip; write it as --set 2:"What the clip shows.".')
            return editing.set_description(narrative, int(parts[1]) - 1, parts[2].strip())
        case "merge":
            if not (parts := re.fullmatch(r"\s*(\d{1,6})\s*[,-]\s*(\d{1,6})\s*", value)):
                raise InputError(f"--merge {value!r} does not name two clips; write it as --merge 1,2.")
            return editing.merge(narrative, int(parts[1]) - 1, int(parts[2]) - 1)
    raise AssertionError(name)


def _redo(
    narrative: Narrative, clip: int, images: list[Path], prompt: str, narrator: str | None, options: dict[str, Any]
) -> Narrative:
    from reasondiff.cli.terminal.user_warnings import quiet_local_model
    from reasondiff.jobs.inputs import clean_prompt
    from reasondiff.media import load_image
    from reasondiff.narrator import describe_clip_again, load_provider

    narrator = narrator or _teller(narrative, options["url"])
    quiet_local_model(narrator)
    pictures, prompt = (
        list(map(load_image, images)),
        clean_prompt(prompt) or str(narrative.provenance.get("prompt", "")),
    )
    before = len(narrative.provenance.get("redone", ()))  # as the seed: asked once more, it tells something else
    return describe_clip_again(load_provider(narrator, **options), narrative, clip, pictures, prompt, seed=before)


def _teller(narrative: Narrative, url: str | None) -> str:
    """Who told the story; gpt-4o for one that was written by hand, and whoever is served at ``url``."""
    told = str(narrative.provenance.get("narrator", ""))
    if told.startswith("openai:") or (told.startswith("transformers:") and url is None):
        return told
    return "openai" if url is not None else "openai:gpt-4o"


def _print(narrative: Narrative) -> None:
    from rich.console import Console

    from reasondiff.cli.terminal.storyboard import timeline_text

    console = Console()
    console.print(timeline_text(narrative, console.width))
