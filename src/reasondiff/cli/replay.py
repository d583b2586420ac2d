"""``reasondiff replay``: make a video again from its own record, and compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.jobs.session import GeneratedVideo
    from reasondiff.media import GenerationRecord
    from reasondiff.pipeline.magcache import MagRatios

__all__ = ["refuse_untrusted", "replay"]


@common.takes_changes(
    "model", "revision", "adapter", "lora", "preset", "device", "seed",
    model="Another place of the same model.",
    revision="The model's revision, where the video names one.",
    adapter="Another place of the same adapter.",
    lora="Another place of the same LoRA.",
    preset="Another preset, whose video may differ.",
    seed="Another seed, for another video of the story.",
)  # fmt: skip
def replay(
    changes: Mapping[str, Any],
    video: Annotated[Path, typer.Argument(help="An MP4 that 'reasondiff generate' wrote.", show_default=False)],
    output: common.OutputFile,
    image: Annotated[
        Path | None, typer.Option(help="The condition image, where the record was told not to keep it.", metavar="FILE")
    ] = None,
    threads: common.Threads = None,
) -> None:
    """Generate a video again and compare the frames with what they were before encoding.

    It is made with as many CPU threads as the video was unless --threads is given: other numbers round differently.
    Ends with 0 if they are equal, with 1 if they differ although nothing was changed.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.jobs.inputs import check_names
    from reasondiff.jobs.record import REDONE, inputs_of, request_of
    from reasondiff.jobs.session import VideoSession
    from reasondiff.media import read_record

    paths.writable(output, ".mp4", video, image)
    record = read_record(video)
    if record is None:
        raise InputError(f"{str(video)!r} has no record; give a video that 'reasondiff generate' wrote.")
    if (changed := record.options.get("changed")) is not None:
        raise InputError(
            f"A program had changed the model of {str(video)!r} ({str(changed)[:200]}), which a replay cannot do."
        )
    if REDONE in record.options:
        raise InputError(
            f"A clip of {str(video)!r} was made again, for which the video before it is needed; replay that one, and "
            "redo its clip."
        )
    recorded = request_of(record, video, VideoRequest)
    inputs = inputs_of(record, recorded, image)
    refuse_untrusted(recorded, changes)
    if "model" in changes:
        recorded = replace(recorded, revision=None)  # it was of the place that the video names
    request = replace(recorded, **changes)
    check_names(request)
    ratios = _ratios(record)
    with paths.only_writer(output), _threads(threads or record.threads), user_warnings():
        session = VideoSession(request, ratios=ratios)
        with StageBars() as bars:
            made = session.generate(request, inputs, progress=bars)
        made.save(output)
    raise typer.Exit(_compare(record, made, video, output, asked="seed" in changes or "preset" in changes))


def refuse_untrusted(request: VideoRequest, changes: Mapping[str, Any]) -> None:
    """Raise ``InputError`` where a video would fetch from a place that only it names, or what it names is not here."""
    from reasondiff.checkpoints import BUNDLED, HUB

    model = request.model
    if "model" not in changes and model.lower() not in (*BUNDLED, *HUB) and not Path(model).is_dir():
        raise InputError(f"The video's model {model[:200]!r} is not here; if you trust it, name it with --model.")
    places = {
        "transformer": "put it there",
        "adapter": "put it there, or name it with --adapter",
        "lora": "put it there, or name it with --lora",
    }
    for name, fix in places.items():
        place = getattr(request, name)
        if name not in changes and place is not None and not Path(place).exists():
            raise InputError(f"The video's {name} {str(place)[:200]!r} is not here; {fix}.")
    if request.revision is not None and not changes.keys() & {"model", "revision"}:
        raise InputError(
            f"The video's model is of revision {request.revision[:200]!r}, which anybody may have pushed; if you trust "
            "it, give it as --revision."
        )


def _ratios(record: GenerationRecord) -> MagRatios | None:
    """MagCache's, which the record holds as numbers."""
    held = record.options.get("mag_ratios")
    if held is None:
        return None
    try:
        numbers = tuple(float(ratio) for ratio in str(held).split())
    except ValueError:
        raise InputError("The video's record has impossible ratios; use an unedited copy of the video.") from None
    from reasondiff.pipeline.magcache import MagRatios

    return MagRatios(ratios=numbers) if numbers else None


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Compute with as many threads as the video was made with: they decide the order of sums."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _compare(record: GenerationRecord, made: GeneratedVideo, video: Path, output: Path, *, asked: bool) -> int:
    """Say whether the frames are those that were made before; the exit code.

    Args:
        record: of the video that was there.
        made: now.
        video: where the one lies.
        output: where the other lies.
        asked: another video was asked for.
    """
    from reasondiff.media import frames_hash

    difference = record.first_difference(made.frames)
    if difference is None and frames_hash(made.frames) != record.frames_sha256:
        typer.echo("Each frame is equal, but the record's SHA-256 of all frames is not theirs: the record was edited.")
        return 1
    if difference is None:
        typer.echo(f"Equal: all {len(made.frames)} frames are those of {video.name}, bit by bit.")
        return 0
    typer.echo(_difference(difference, made, video, output))
    changes = _changes(record, made.record)
    typer.echo(f"Changed since: {'; '.join(changes) or 'nothing that the record knows of'}.")
    return 0 if asked else 1


def _difference(difference: int, made: GeneratedVideo, video: Path, output: Path) -> str:
    """Where two videos differ. The hashes say which frame is the first; how far apart they are is seen as played."""
    import numpy as np

    from reasondiff.media import read_video

    text = f"Different from frame {difference + 1} of {len(made.frames)} on"
    before, after = read_video(video).frames, read_video(output).frames
    if before.shape != after.shape:
        return f"{text}: {list(before.shape)} then, {list(after.shape)} now."
    apart = np.abs(before.astype(np.int16) - after)
    return f"{text}: by up to {apart.max()} of 255 in the files as played, {apart.mean():.2f} on average."


def _changes(before: GenerationRecord, after: GenerationRecord) -> list[str]:
    """What may explain that two videos of one request differ, in words."""
    changes: list[str] = []
    now = _circumstances(after)
    for name, value in _circumstances(before).items():
        if value != now.get(name):
            changes.append(f"{name} {value} then, {now.get(name)} now")
    files = _changed_files(before.weights, after.weights)
    if files:
        changes.append(f"weights or settings of the model ({', '.join(files)})")
    if before.image_sha256 != after.image_sha256:
        changes.append("the image")
    return changes


def _changed_files(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The files of a model that are not what they were, by their hashes."""
    differ = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    knows_settings = "model_index.json" in before
    if knows_settings:
        return differ
    return [name for name in differ if name in before or name.endswith(".safetensors")]


def _circumstances(record: GenerationRecord) -> dict[str, object]:
    """What may differ between two runs of the same request, by name."""
    options = {name: record.options.get(name) for name in ("preset", "device", "dtype")}
    return {"seed": record.seed, "threads": record.threads, **options, **record.versions}
