"""``reasondiff caption``: say what frames show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["caption"]

_VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".avi"}


def caption(
    sources: Annotated[list[Path], typer.Argument(help="Images, folders of images, or one video.", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="JSON Lines file; else printed.")] = None,
    narrator: common.NarratorName = "openai:gpt-4o",
    narrator_url: common.NarratorUrl = None,
    together: Annotated[int, typer.Option(help="Frames per request.", metavar="N")] = 1,
    interval: Annotated[float, typer.Option(help="Seconds between frames.", metavar="X")] = 0.2,
    hygiene: Annotated[
        bool, typer.Option("--hygiene/--raw", help="Take out 'The image depicts' and watermark sentences.")
    ] = True,
) -> None:
    """Describe every frame in a sentence or two, with the models that narrate.

    Each line of the output holds the frame, its caption, the model's own words and what was taken out of them.
    """
    from rich.console import Console
    from rich.progress import track

    from reasondiff.cli import checks
    from reasondiff.files import atomic_path
    from reasondiff.narrator import load_provider
    from reasondiff.narrator.caption import Captioner

    if output is not None:
        checks.writable(output, ".jsonl")
    frames = _frames(sources)
    captioner = Captioner(load_provider(narrator or "", url=narrator_url), hygiene=hygiene, together=together)
    lines: list[str] = []
    starts = range(0, len(frames), max(1, together))
    for start in track(starts, description="Captions", console=Console(stderr=True)):
        group = frames[start : start + max(1, together)]
        told = captioner.caption([image for _, image in group], interval=interval)
        for (name, _), each in zip(group, told, strict=True):
            row = {"frame": name, "caption": each.text, "raw": each.raw, "removed": list(each.removed)}
            lines.append(json.dumps(row, ensure_ascii=False))
    if output is None:
        typer.echo("\n".join(lines))
        return
    with atomic_path(output) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    typer.echo(f"{output}: {len(lines)} captions.")


def _frames(sources: list[Path]) -> list[tuple[str, Image.Image]]:
    """Named frames; of a video its frames, named by number."""
    from PIL import Image

    from reasondiff.media import load_image, read_video
    from reasondiff.narrator.batch import SUFFIXES

    if len(sources) == 1 and sources[0].suffix.lower() in _VIDEOS:
        video = read_video(sources[0])
        return [(f"{sources[0].name}#{number}", Image.fromarray(frame)) for number, frame in enumerate(video.frames, 1)]
    paths: list[Path] = []
    for source in sources:
        inside = (
            [path for path in sorted(source.iterdir()) if path.suffix.lower() in SUFFIXES] if source.is_dir() else []
        )
        if source.is_dir() and not inside:
            raise InputError(f"The folder {str(source)!r} holds no images; give one that does.")
        paths += inside or [source]
    return [(str(path), load_image(path)) for path in paths]
