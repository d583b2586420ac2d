"""``reasondiff data``: from a folder of videos to clips that can be trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.cli.data_caption import caption
from reasondiff.cli.data_precompute import precompute
from reasondiff.cli.terminal.set_report import grouped, progress_bar
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.data.scan import Scan

__all__ = ["data_app"]

data_app = typer.Typer(
    help="Training data from a folder of videos: find them, cut clips, caption and encode them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

SetFolder = Annotated[
    Path, typer.Argument(help="A folder that 'data scan -o' made.", metavar="SET", show_default=False)
]


@data_app.command()
def scan(
    source: Annotated[
        Path,
        typer.Argument(help="A folder of videos; or a table, a .toml dataset file, a .tar.", metavar="FOLDER"),
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the set here; else only look.")] = None,
    probe: Annotated[bool, typer.Option("--probe/--no-probe", help="Open every video.")] = True,
) -> None:
    """Find videos and captions by the convention that the folder follows, and say what can be used.

    Without -o nothing is written. Every row that cannot be used is printed with its reason.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.data.scan import scan as scan_source

    if output is not None:
        paths.folder(output)
    with progress_bar("Videos") as progress:
        found = scan_source(source, probe=probe, progress=progress)
    for line in _report(found, None if output is None else output / "unusable.jsonl"):
        typer.echo(line)
    if not found.records:
        raise InputError(f"{str(source)!r} holds no video that can be used; give a folder or a table of videos.")
    if output is not None:
        from reasondiff.data.sets import write_set

        with paths.only_writer(output, folder=True):
            write_set(output, found)
        typer.echo(f"{output}: {len(found.records)} videos. Next: reasondiff data sample {output}")


@data_app.command()
def sample(
    folder: SetFolder,
    frames: Annotated[int, typer.Option("--num-frames", help="Frames of a clip.", metavar="N")] = 33,
    step: Annotated[float, typer.Option(help="Seconds between frames.", metavar="X")] = 0.2,
    size: Annotated[str, typer.Option(help="Width and height of a clip.", metavar="WxH")] = "512x512",
    fit: Annotated[str, typer.Option(help="crop fills the size; letterbox adds black bars.")] = "crop",
    clips: Annotated[int, typer.Option(help="Most clips of one video; 0: as many as fit.", metavar="N")] = 1,
    min_step: Annotated[
        float | None, typer.Option(help="Take short videos with a smaller step, down to this.", metavar="X")
    ] = None,
    scenes: Annotated[bool, typer.Option("--scenes", help="No clip over a cut (needs reasondiff[scenes]).")] = False,
    min_motion: Annotated[
        float,
        typer.Option(
            help="Leave out clips in which less moves, per cent of the height a second (needs reasondiff[scenes]).",
            metavar="X",
        ),
    ] = 0.0,
    source: Annotated[Path | None, typer.Option(help="Where the videos are now, if they were moved.")] = None,
    workers: common.DataWorkers = 1,
    ray: common.Ray = None,
) -> None:
    """Cut clips from the videos of a set, by the time at which each frame is shown.

    The same command goes on where it was stopped. Clips of other settings are removed.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.data.motion import check_motion
    from reasondiff.data.sample import sample as sample_set
    from reasondiff.data.scenes import check_scenes, find_scenes
    from reasondiff.data.sets import source_of
    from reasondiff.data.spans import Sampling
    from reasondiff.data.workers import over

    width, height = _size(size)
    where = over(workers, ray)
    sampling = Sampling(frames, step, width, height, fit, clips, min_step, min_motion)  # type: ignore[arg-type]
    if scenes:
        check_scenes()
    if min_motion:
        check_motion()
    place = source_of(folder, source)
    with paths.only_writer(folder), progress_bar("Videos") as progress:
        done = sample_set(
            folder,
            place,
            sampling,
            split=find_scenes if scenes else None,
            progress=progress,
            over=where,
        )
    for line in grouped(done.unusable, folder / "clips-unusable.jsonl"):
        typer.echo(line)
    shorter = sum(clip.step < sampling.step for clip in done.clips)
    if shorter and not all(clip.frame_captions for clip in done.clips):
        typer.echo(f"{shorter} clips have a smaller step than {step:g} s; clips.jsonl says which.")
    if not done.clips:
        raise InputError(f"No video of {str(folder)!r} gives a clip; give a smaller --step or a --min-step.")
    typer.echo(f"{folder}: {len(done.clips)} clips of {frames} frames, {done.kept} of them made before.")


def _size(text: str) -> tuple[int, int]:
    sides = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text)
    if sides is None:
        raise InputError(f"The size {text!r} is not WIDTHxHEIGHT; give one like 512x512.")
    return int(sides[1]), int(sides[2])


def _report(found: Scan, all_of_them: Path | None) -> Iterator[str]:
    """What a person should know of a scan, in lines."""
    yield f"Read as {' and '.join(found.conventions)}."
    records = found.records
    framewise = sum(bool(record.frame_captions) for record in records)
    several = sum(len(record.captions) > 1 for record in records)
    single = sum(len(record.captions) == 1 for record in records)
    told = (
        (framewise, "with a caption per frame"),
        (single, "with one caption"),
        (several, "with alternatives"),
        (len(records) - framewise - several - single, "without a caption"),
    )
    counts = ", ".join(f"{count} {what}" for count, what in told if count)
    videos = "1 video" if len(records) == 1 else f"{len(records)} videos"
    yield f"{videos} can be used{f': {counts}' if counts else ''}."
    yield from grouped(found.unusable, all_of_them)
    yield from (f"Note: {note}" for note in found.notes)
    if found.unused:
        yield f"Not used: {', '.join(found.unused)}."


data_app.command()(caption)
data_app.command()(precompute)
