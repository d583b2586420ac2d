"""``reasondiff bench``: benchmarks as folders, built once and checked whenever."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.evaluation.bench.frame_captions import FrameCaptions
    from reasondiff.evaluation.bench.layout import Built

__all__ = ["bench_app"]

bench_app = typer.Typer(
    help="Benchmarks: build one from videos or from drawn clips, and check that one is whole.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

DRAWN = tuple(f"storyworld-{form}" for form in ("unpaired", "paired", "user", "customised"))
NAMES = ("unpaired", "paired", *DRAWN, "rise-video", "images")
SHOWN = 20
"""Faults that are printed."""


@bench_app.command()
def build(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The benchmark's folder.", show_default=False)],
    source: Annotated[
        Path | None,
        typer.Option(help="Videos: a folder, a table, a JSON, or a set; RISE-Video's folder; images and prompts.csv."),
    ] = None,
    count: Annotated[int | None, typer.Option("--cases", help="How many; 500 of videos, 300 drawn ones.")] = None,
    split: Annotated[str | None, typer.Option(help="Of the set, such as validate; of drawn clips test.")] = None,
    level: Annotated[str, typer.Option(help="Of drawn clips: core or hard.")] = "core",
    seed: Annotated[int, typer.Option(help="Decides which videos are taken, and which end is the image.")] = 0,
    frames: Annotated[int, typer.Option("--num-frames", help="Frames of a clip.", metavar="N")] = 16,
    step: Annotated[float, typer.Option(help="Seconds between them.", metavar="X")] = 0.2,
    size: Annotated[str, typer.Option(help="Width and height.", metavar="WxH")] = "512x512",
    fit: Annotated[str, typer.Option(help="crop fills the size; letterbox adds black bars.")] = "crop",
    captions: Annotated[
        Path | None, typer.Option(help="Captions of frames: the captions.jsonl of an earlier build.")
    ] = None,
    captioner: Annotated[
        str | None, typer.Option(help="A model that tells what frames show, as --narrator names one.")
    ] = None,
    captioner_url: Annotated[str | None, typer.Option(help="Its server.", metavar="URL")] = None,
    together: Annotated[int, typer.Option(help="Frames per request.", metavar="N")] = 1,
    threads: common.Threads = None,
) -> None:
    """Build a benchmark; from the same source the folder is the same, byte for byte.

    A build that was stopped goes on when the same command is given again. What cannot be used is left out and named;
    no prompt and no frame is ever put in another one's place.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.evaluation.bench.layout import left_out_of, read_manifest, write_benchmark

    if name not in NAMES:
        raise InputError(f"There is no benchmark {name!r}; choose from {', '.join(NAMES)}.")
    paths.folder(output)
    told = _captions(output, captions, captioner, captioner_url, together)
    built = _built(name, source, count, split, level, seed, (frames, step, size, fit), told)
    output.mkdir(parents=True, exist_ok=True)
    with paths.only_writer(output), _progress("Cases") as progress:
        made = write_benchmark(output, name, built, progress=progress)
    for sentence in left_out_of(read_manifest(output)):
        typer.echo(sentence)
    typer.echo(f"{output}: {made} cases. Next: reasondiff evaluate --benchmark {output} --method reasondiff")


@bench_app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="A benchmark's folder.", show_default=False)],
) -> None:
    """Say what is missing in a benchmark, what was changed, and what does not belong there."""
    from reasondiff.evaluation.bench.check import check_benchmark

    faults = check_benchmark(folder)
    for fault in faults[:SHOWN]:
        typer.echo(fault, err=True)
    if faults:
        more = f" The first {SHOWN} are above." if len(faults) > SHOWN else ""
        raise InputError(f"{str(folder)!r} has {len(faults)} faults; build the benchmark again.{more}")
    typer.echo(f"{folder} is as it was built.")


def _built(
    name: str,
    source: Path | None,
    count: int | None,
    split: str | None,
    level: str,
    seed: int,
    clip: tuple[int, float, str, str],
    captions: FrameCaptions | None,
) -> Built:
    """The benchmark of that name."""
    if name.startswith("storyworld-"):
        from reasondiff.evaluation.bench.storyworld import StoryWorldBuilder

        if source is not None:
            raise InputError(f"{name} is drawn, not read; leave out --source.")
        form = name.removeprefix("storyworld-")
        number = 300 if count is None else count
        return StoryWorldBuilder(form, number, split or "test", level, seed).build()  # type: ignore[arg-type]
    if source is None:
        raise InputError(f"{name} is built from files; name them by --source.")
    if name == "rise-video":
        from reasondiff.evaluation.bench.rise_video import RiseVideoBuilder

        return RiseVideoBuilder(source, count).build()
    if name == "images":
        from reasondiff.evaluation.bench.given_images import GivenImagesBuilder

        return GivenImagesBuilder(source, count).build()
    from reasondiff.evaluation.bench.videos import ClipShape, VideosBuilder

    frames, step, size, fit = clip
    width, height = _size(size)
    shape = ClipShape(frames, step, width, height, fit)  # type: ignore[arg-type]
    number = 500 if count is None else count
    return VideosBuilder(name, source, number, split, shape, seed, captions).build()  # type: ignore[arg-type]


def _captions(
    output: Path, given: Path | None, captioner: str | None, url: str | None, together: int
) -> FrameCaptions | None:
    """What tells what frames show; None where nothing is named."""
    if given is None and captioner is None:
        return None
    from reasondiff.evaluation.bench.frame_captions import FrameCaptions

    file = output / "captions.jsonl"
    if captioner is None:
        return FrameCaptions(file, given, name="given")
    from reasondiff.cli.terminal.user_warnings import quiet_local_model
    from reasondiff.data.captioning import Captioner
    from reasondiff.narrator import load_provider

    if together < 1:
        raise InputError(f"{together} frames per request ask nothing; give 1 or more.")
    quiet_local_model(captioner)
    provider = load_provider(captioner, url=url)
    return FrameCaptions(file, given, Captioner(provider, together=together), captioner)


def _size(text: str) -> tuple[int, int]:
    sides = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text)
    if sides is None:
        raise InputError(f"The size {text!r} is not WIDTHxHEIGHT; give one like 512x512.")
    return int(sides[1]), int(sides[2])


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, in a terminal only."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)
