"""``reasondiff narrate``: the story of an image and a text, or of many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from reasondiff.narrative import Narrative
    from reasondiff.narrative.place import Place
    from reasondiff.narrator import Narrator

__all__ = ["narrate"]

_MODEL, _BATCH = "The model", "Many stories"

NUM_FRAMES, INTERVAL = 81, 0.2
"""What a story is told in unless told otherwise, as in the paper; a model's own narrator tells it in the model's."""


def narrate(
    context: typer.Context,
    image: Annotated[
        list[str] | None,
        typer.Option(
            help="The condition image, with @first, @last or @N where it is pinned; several in any order.",
            metavar="FILE[@N]",
        ),
    ] = None,
    prompt: Annotated[str, typer.Option(help="What happens; it need not describe the image's moment.")] = "",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The story, or the results of a batch.")] = None,
    num_frames: Annotated[
        int | None, typer.Option(help="Frames of the video: the model's with its own narrator, else 81.", metavar="N")
    ] = None,
    interval: Annotated[
        float | None, typer.Option(help="Seconds between frames: the model's likewise, else 0.2.", metavar="X")
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(help="Stories to choose from, 1 unless given; the others are kept.", metavar="N")
    ] = None,
    form: Annotated[
        str | None, typer.Option(help="Of the reply: clips, or list (one description per frame).", metavar="FORM")
    ] = None,
    model: common.Model = "storyworld-tiny",
    narrator: common.NarratorName = None,
    narrator_url: common.NarratorUrl = None,
    narrator_api: common.NarratorApi = None,
    narrator_timeout: common.NarratorTimeout = None,
    reasks: Annotated[int | None, typer.Option(help="Times to ask again.", metavar="N", rich_help_panel=_MODEL)] = None,
    temperature: Annotated[float | None, typer.Option(help="Of sampling.", metavar="X", rich_help_panel=_MODEL)] = None,
    seed: Annotated[int | None, typer.Option(help="Of sampling.", metavar="N", rich_help_panel=_MODEL)] = None,
    device_map: Annotated[
        str | None, typer.Option(help="Of a local model.", metavar="MAP", rich_help_panel=_MODEL)
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="Of a local model's weights.", metavar="TYPE", rich_help_panel=_MODEL)
    ] = None,
    quantization: Annotated[
        str | None, typer.Option(help="4bit or 8bit, local.", metavar="BITS", rich_help_panel=_MODEL)
    ] = None,
    threads: common.Threads = None,
    cache: Annotated[
        bool | None, typer.Option("--cache/--no-cache", help="Use stories told before.", rich_help_panel=_MODEL)
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(help="CSV, JSONL or folder instead of one image.", rich_help_panel=_BATCH)
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Questions at a time.", metavar="N", rich_help_panel=_BATCH)] = 4,
    retry_failed: Annotated[bool, typer.Option(help="Ask again for failed rows.", rich_help_panel=_BATCH)] = False,
) -> None:
    """Tell the story of an image and a text: where the image belongs, and what happens in every frame.

    Several images are ordered and placed together.

    The narrator of --model is asked unless --narrator or --narrator-url says who else is.

    With --batch, every row gets a line in the output; the same command continues a batch that was stopped. It ends with
    1 if any row failed.
    """
    if context.invoked_subcommand is not None:
        return
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.user_warnings import quiet_local_model
    from reasondiff.jobs.inputs import narrator_file
    from reasondiff.jobs.loading import own_narrator
    from reasondiff.narrative.place import split_place
    from reasondiff.narrator import load_narrator

    given = [split_place(name) for name in image or ()]
    if output is None or (batch is None) == (not given):
        raise InputError("Give --image and --prompt, or --batch, and say where to write with -o.")
    reads = (*(path for path, _ in given), batch, narrator_file(narrator))
    paths.writable(output, ".json" if batch is None else ".jsonl", *reads)
    frames, seconds = NUM_FRAMES, INTERVAL
    if narrator is None and narrator_url is not None:
        narrator = "openai"  # an address alone is meant, too
    if narrator is None:
        narrator, frames, seconds = own_narrator(model)
    options = {
        "url": narrator_url, "api": narrator_api, "timeout": narrator_timeout, "device_map": device_map, "dtype": dtype,
        "quantization": quantization, "candidates": candidates, "form": form, "reasks": reasks,
        "temperature": temperature, "seed": seed, "cache": cache,
        "retries": 8 if batch is not None and narrator.startswith("openai") else None,
    }  # fmt: skip
    quiet_local_model(narrator)
    frames = frames if num_frames is None else num_frames
    seconds = seconds if interval is None else interval
    if batch is not None:
        _many(batch, output, load_narrator(narrator, **options), frames, seconds, concurrency, retry_failed)
    else:
        _one(given, prompt, output, load_narrator(narrator, **options), frames, seconds)


def _one(
    given: list[tuple[Path, Place]], prompt: str, output: Path, narrator: Narrator, num_frames: int, interval: float
) -> None:
    from reasondiff.claims import only_writer
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.files import write_or_keep
    from reasondiff.jobs.inputs import clean_prompt
    from reasondiff.media import load_image
    from reasondiff.media.storyboard import places_in_words

    prompt = clean_prompt(prompt)
    if len(given) > num_frames:
        raise InputError(f"There are {len(given)} images for {num_frames} frames; give at most {num_frames}.")
    pictures = [load_image(path) for path, _ in given]
    with only_writer(output):
        with user_warnings():
            narrative = _told(narrator, pictures, prompt, [place for _, place in given], num_frames, interval)
        write_or_keep(output, narrative.save)
    record = narrative.provenance
    typer.echo(f"{output}: {len(narrative.clips)} clips, {places_in_words(narrative)}.")
    if record.get("cached"):
        typer.echo("Told before; --no-cache asks again.")
    elif "seconds" in record and "file" not in record:
        tokens = f"{record['tokens_in']} tokens in, {record['tokens_out']} out, " if record["tokens_in"] else ""
        typer.echo(f"{tokens}{record['seconds']:.1f} s, {record['requests']} requests, {record['reasks']} re-asks.")


def _told(
    narrator: Narrator, pictures: list[Image.Image], prompt: str, places: list[Place], num_frames: int, interval: float
) -> Narrative:
    """The story, every image in its place; one image that is pinned is moved there."""
    from reasondiff.narrative.place import pinned_frames, place_images
    from reasondiff.narrator.several import narrate_images

    pinned = pinned_frames(places, num_frames)
    if len(pictures) > 1:
        told = narrate_images(narrator, pictures, prompt, num_frames=num_frames, interval=interval, pinned=pinned)
    else:
        told = narrator.narrate(pictures[0], prompt, num_frames=num_frames, interval=interval)
    return place_images(told, places) if pinned or len(pictures) > 1 else told


def _many(
    source: Path, output: Path, narrator: Any, num_frames: int, interval: float, concurrency: int, retry_failed: bool
) -> None:
    import warnings

    from rich.console import Console
    from rich.progress import Progress

    from reasondiff.narrator import NarrationWarning
    from reasondiff.narrator.batch import finished, read_rows, run_batch

    rows = read_rows(source, num_frames=num_frames, interval=interval)
    before = {key: succeeded for key, succeeded in finished(output).items() if succeeded or not retry_failed}
    already = sum(row.key in before for row in rows)
    repaired = cached = 0
    with warnings.catch_warnings(), Progress(console=Console(stderr=True)) as progress:
        warnings.simplefilter("ignore", NarrationWarning)  # each story keeps its own
        task = progress.add_task("Stories", total=len(rows), completed=already)
        for result in run_batch(rows, narrator, output, concurrency=concurrency, retry_failed=retry_failed):
            repaired += bool(result.narrative and result.narrative.get("provenance", {}).get("repairs"))
            cached += bool(result.narrative and result.narrative.get("provenance", {}).get("cached"))
            progress.advance(task)
    states = finished(output)
    failed = sum(not states.get(row.key, False) for row in rows)
    typer.echo(
        f"{output}: {len(rows) - failed} of {len(rows)} rows told, {already} of them before, {repaired} repaired now."
    )
    if cached:
        typer.echo(f"{cached} were told before in another file; --no-cache asks again.")
    if failed:
        typer.echo(f"{failed} rows failed; each says why. --retry-failed asks for them again.", err=True)
        raise typer.Exit(1)
