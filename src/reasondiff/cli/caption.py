"""``reasondiff caption``: say what frames show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError, ReasonDiffError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

__all__ = ["caption"]

_VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".avi"}


def caption(
    sources: Annotated[list[Path], typer.Argument(help="Images, folders of images, or one video.", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="JSON Lines file; else printed.")] = None,
    narrator: common.ModelName = "openai:gpt-4o",
    narrator_url: common.NarratorUrl = None,
    together: Annotated[int, typer.Option(help="Frames per request.", metavar="N")] = 1,
    interval: Annotated[float, typer.Option(help="Seconds between frames.", metavar="X")] = 0.2,
    hygiene: Annotated[
        bool, typer.Option("--hygiene/--raw", help="Take out 'The image depicts' and watermark sentences.")
    ] = True,
    threads: common.Threads = None,
) -> None:
    """Describe every frame in a sentence or two, with the models that narrate.

    Each line of the output holds the frame, its caption, the model's own words and what was taken out of them, or the
    error. Ends with 1 if a frame after the first has none.
    """
    from rich.console import Console
    from rich.progress import track

    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.user_warnings import quiet_local_model
    from reasondiff.data.captioning import Captioner
    from reasondiff.files import write_or_keep
    from reasondiff.narrator import load_provider

    if output is not None:
        paths.writable(output, ".jsonl", *sources)
    if together < 1:
        raise InputError(f"{together} frames per request ask nothing; give 1 or more.")
    frames = _frames(sources)
    quiet_local_model(narrator)
    captioner = Captioner(load_provider(narrator, url=narrator_url), hygiene=hygiene, together=together)
    rows: list[dict[str, Any]] = []
    for start in track(range(0, len(frames), together), description="Captions", console=Console(stderr=True)):
        group = frames[start : start + together]
        try:
            told = captioner.caption([load() for _, load in group], interval=interval)
        except ReasonDiffError as error:
            if not rows:  # nothing is lost yet, and what fails at once would fail every time
                raise
            rows += [{"frame": name, "error": " ".join(str(error).split())} for name, _ in group]
            continue
        rows += [
            {"frame": name, "caption": each.text, "raw": each.raw, "removed": list(each.removed)}
            for (name, _), each in zip(group, told, strict=True)
        ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    failed = sum("error" in row for row in rows)
    if output is None:
        typer.echo("\n".join(lines))
    else:
        write_or_keep(output, partial(_write, lines))  # they were paid for
        typer.echo(f"{output}: {len(rows) - failed} captions.")
    if failed:
        typer.echo(f"{failed} frames have none; each row says why.", err=True)
        raise typer.Exit(1)


def _write(lines: list[str], path: Path) -> None:
    from reasondiff.files import atomic_path

    with atomic_path(path) as written:
        written.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _next_of(frames: Iterator[np.ndarray]) -> Image.Image:
    """The next frame of a video.

    Raises:
        InputError: there is none, although the file names more.
    """
    from PIL import Image

    frame = next(frames, None)
    if frame is None:
        raise InputError("The video is damaged here; cut or download it again.")
    return Image.fromarray(frame)


def _frames(sources: list[Path]) -> list[tuple[str, Callable[[], Image.Image]]]:
    """Named frames, to be read when they are needed; a video's are named by number."""
    from reasondiff.media import load_image, video_frames, video_info
    from reasondiff.narrator.batch import SUFFIXES

    if len(sources) == 1 and sources[0].suffix.lower() in _VIDEOS:
        frames, count = video_frames(sources[0]), video_info(sources[0]).num_frames
        named = [f"{sources[0].name}#{number}" for number in range(1, count + 1)]
        return [(name, partial(_next_of, frames)) for name in named]  # in order, and none before it is asked for
    paths: list[Path] = []
    for source in sources:
        inside = sorted(source.iterdir()) if source.is_dir() else [source]
        found = [path for path in inside if path == source or path.suffix.lower() in SUFFIXES]
        if not found:
            raise InputError(f"The folder {str(source)!r} holds no images; give one that does, or one video.")
        paths += found
    return [(str(path), partial(load_image, path)) for path in paths]
