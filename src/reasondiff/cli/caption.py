"""``reasondiff caption``: say what frames show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError, ReasonDiffError

if TYPE_CHECKING:
    from PIL import Image

    from reasondiff.data.captioning import Captioner

    Frame = tuple[str, Callable[[], Image.Image]]

__all__ = ["caption"]

PATIENCE = 3
"""Questions in a row that nobody can be asked, before the rest is left for another time."""

_VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".avi"}


def caption(
    sources: Annotated[list[Path], typer.Argument(help="Images, folders of images, or one video.", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="JSON Lines file; else printed.")] = None,
    narrator: common.ModelName = "openai:gpt-4o",
    narrator_url: common.NarratorUrl = None,
    narrator_api: common.NarratorApi = None,
    narrator_timeout: common.NarratorTimeout = None,
    together: Annotated[int, typer.Option(help="Frames per request.", metavar="N")] = 1,
    interval: Annotated[float, typer.Option(help="Seconds between frames.", metavar="X")] = 0.2,
    hygiene: Annotated[
        bool, typer.Option("--hygiene/--raw", help="Take out 'The image depicts' and watermark sentences.")
    ] = True,
    threads: common.Threads = None,
) -> None:
    """Describe every frame in a sentence or two, with the models that narrate.

    Each line of the output holds the frame, its caption, the model's own words and what was taken out of them, or the
    error. Lines are written as they come, and the same command goes on where it was stopped. Ends with 1 if a frame has
    no caption.
    """
    from rich.console import Console
    from rich.progress import track

    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.user_warnings import quiet_local_model
    from reasondiff.data.captioning import Captioner
    from reasondiff.narrator import load_provider

    if output is not None:
        paths.writable(output, ".jsonl", *sources)
    if together < 1:
        raise InputError(f"{together} frames per request ask nothing; give 1 or more.")
    frames = _frames(sources)
    quiet_local_model(narrator)
    provider = load_provider(narrator, url=narrator_url, api=narrator_api, timeout=narrator_timeout)
    captioner = Captioner(provider, hygiene=hygiene, together=together)
    with _written(output) as (before, write):
        waiting = [(name, load) for name, load in frames if name not in before]
        rows = _rows(waiting, captioner, together, interval)
        failed = 0
        groups = -(-len(waiting) // together)
        for group in track(rows, description="Captions", total=groups, console=Console(stderr=True)):
            failed += sum("error" in row for row in group)
            for row in group:
                write(row)
    if output is not None:
        again = f" {len(frames) - len(waiting)} of them before;" if before else ""
        typer.echo(f"{output}: {len(frames) - failed} captions.{again.rstrip(';')}")
    if failed:
        typer.echo(f"{failed} frames have none; each row says why.", err=True)
        raise typer.Exit(1)


@contextmanager
def _written(output: Path | None) -> Iterator[tuple[set[str], Callable[[Mapping[str, object]], None]]]:
    """The frames that have a caption from before, and how to write one more line."""
    from reasondiff.claims import only_writer
    from reasondiff.narrator.result_file import append, keep_lines, read_lines

    if output is None:
        yield set(), lambda row: typer.echo(json.dumps(row, ensure_ascii=False))
        return
    with only_writer(output):
        keep_lines(output, _is_row, lambda row: "caption" in row)
        before = {str(row["frame"]) for row in read_lines(output, _is_row)}
        with output.open("ab") as file:
            yield before, lambda row: append(file, row)


def _is_row(row: Mapping[str, object]) -> bool:
    return "frame" in row and ("caption" in row or "error" in row)


def _rows(
    frames: list[Frame], captioner: Captioner, together: int, interval: float
) -> Iterator[list[dict[str, object]]]:
    """The lines of one group of frames after the other.

    Raises:
        ReasonDiffError: the first question fails, as all others would, or ``PATIENCE`` in a row find nobody to ask.
    """
    from reasondiff.narrator.providers.base import UnavailableError

    asked, in_vain = False, 0
    for start in range(0, len(frames), together):
        group = frames[start : start + together]
        lines: list[dict[str, object]] = []
        readable: list[tuple[str, Image.Image]] = []
        for name, load in group:
            try:
                readable.append((name, load()))
            except InputError as error:  # a broken picture says nothing about the others
                lines.append({"frame": name, "error": _sentence(error)})
        try:
            told = captioner.caption([picture for _, picture in readable], interval=interval) if readable else []
            in_vain = 0
        except ReasonDiffError as error:
            in_vain = in_vain + 1 if isinstance(error, UnavailableError) else 0
            if not asked or in_vain == PATIENCE:
                raise
            told = []
            lines += [{"frame": name, "error": _sentence(error)} for name, _ in readable]
        asked = asked or bool(readable)
        lines += [
            {"frame": name, "caption": each.text, "raw": each.raw, "removed": list(each.removed)}
            for (name, _), each in zip(readable, told, strict=False)
        ]
        yield lines


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())


class _InOrder:
    """A video's frames, read one after another as they are asked for."""

    def __init__(self, path: Path) -> None:
        from reasondiff.media import video_frames

        self._frames = video_frames(path)
        self._read = 0

    def frame(self, number: int) -> Image.Image:
        """Frame ``number``, counted from 1; the ones before it are passed over.

        Raises:
            InputError: there is none, although the file names more.
        """
        from PIL import Image

        pixels = None
        while self._read < number:
            pixels = next(self._frames, None)
            if pixels is None:
                raise InputError("The video is damaged here; cut or download it again.")
            self._read += 1
        assert pixels is not None, "frames are asked for in order"
        return Image.fromarray(pixels)


def _frames(sources: list[Path]) -> list[Frame]:
    """Named frames, to be read when they are needed; a video's are named by number."""
    from reasondiff.media import load_image, video_info
    from reasondiff.narrator.batch import SUFFIXES

    if len(sources) == 1 and sources[0].suffix.lower() in _VIDEOS:
        video, count = _InOrder(sources[0]), video_info(sources[0]).num_frames
        return [(f"{sources[0].name}#{number}", partial(video.frame, number)) for number in range(1, count + 1)]
    paths: list[Path] = []
    for source in sources:
        inside = sorted(source.iterdir()) if source.is_dir() else [source]
        found = [path for path in inside if path == source or _is_picture(path, SUFFIXES)]
        if not found:
            raise InputError(f"The folder {str(source)!r} holds no images; give one that does, or one video.")
        paths += found
    return [(str(path), partial(load_image, path)) for path in paths]


def _is_picture(path: Path, suffixes: Set[str]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".")  # ._x.png is a Mac's note about x.png
