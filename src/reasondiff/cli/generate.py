"""``reasondiff generate``: one image, one text, one video."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.jobs.inputs import Inputs
    from reasondiff.jobs.session import GeneratedVideo, VideoSession
    from reasondiff.narrator import Verifier

__all__ = ["generate"]


@common.takes_request()
def generate(
    request: VideoRequest,
    output: common.OutputFile,
    save_narrative: Annotated[Path | None, typer.Option(help="Write the story too.", metavar="FILE")] = None,
    seeds: Annotated[
        int,
        typer.Option(help="Videos of the one story, from SEED on, and a sheet (-sheet.png) of them all.", metavar="N"),
    ] = 1,
    preview: Annotated[
        Path | None, typer.Option(help="A PNG that shows every few steps what the video becomes.", metavar="FILE")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the denoising beside the output; after a kill, go on from there.")
    ] = False,
    threads: common.Threads = None,
) -> None:
    """Generate a video in which the image appears where the story needs it.

    Options that are not given come from the model. The MP4 carries its record: 'reasondiff replay' makes it again.
    """
    started = time.perf_counter()
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.user_warnings import user_warning, user_warnings
    from reasondiff.files import write_or_keep
    from reasondiff.jobs.inputs import Inputs, image_files, narrator_file
    from reasondiff.jobs.session import VideoSession
    from reasondiff.jobs.verify import verifier_for

    if seeds < 1:
        raise InputError(f"{seeds} seeds make no video; give 1 or more.")
    requests = [replace(request, seed=request.seed + number) for number in range(seeds)]
    sheet = paths.beside(output, "-sheet.png")
    outputs = [paths.beside(output, f"-{each.seed}{output.suffix}") for each in requests] if seeds > 1 else [output]
    reads = (
        *image_files(request), request.narrative, narrator_file(request.narrator), request.mag_ratios,
        request.transformer,
    )  # fmt: skip
    for place in outputs:
        paths.writable(place, ".mp4", *reads)
    if seeds > 1 or request.num_frames is not None:
        paths.writable(sheet, ".png", *reads)
    if save_narrative is not None:
        paths.writable(save_narrative, ".json", *reads)
    if preview is not None:
        paths.writable(preview, ".png", *reads)
    inputs = Inputs.read(request)

    with paths.only_writer(output), user_warnings():
        session = VideoSession(request)
        verifier = verifier_for(session, inputs) if request.verify else None  # before the long work begins
        imports = time.perf_counter() - started - session.seconds["model"]
        videos = []
        for each, place in zip(requests, outputs, strict=True):
            video = _make(session, each, inputs, place, preview, resume=resume, titled=seeds > 1)
            if verifier is not None:
                video = _verified(session, video, inputs, verifier, request.verify)
            video.save(place)
            inputs = replace(inputs, narrative=video.narrative)  # told once, for all seeds
            videos.append(video)
    if seeds > 1 or videos[0].joins:
        _sheet(videos, sheet, inputs.prompt)
    if seeds > 1:
        typer.echo(f"{sheet}: seeds {request.seed} to {requests[-1].seed}, side by side.")
    video = videos[-1]
    if video.first_step:
        typer.echo(f"It went on after step {video.first_step} of an earlier run.")
    if save_narrative is not None:
        write_or_keep(save_narrative, video.narrative.save)
    if request.fps is not None:
        user_warning(f"--fps changes the playback only; the story is told at {video.pace:g} frames per second.")
    told, names = video.narrative, ", ".join(map(str, outputs))
    for join in video.joins:
        typer.echo(f"{str(join)[0].upper()}{str(join)[1:]}.")
    if video.joins and seeds == 1:
        typer.echo(f"{sheet}: its frames, and where its sections meet.")
    at = ", ".join(str(anchor.frame + 1) for anchor in told.anchors)
    images = f"image at position {at}" if len(told.anchors) == 1 else f"images at positions {at}"
    typer.echo(f"{names}: {told.num_frames} frames, {len(told.clips)} clips, {images}.")
    parts = {"imports": imports, "model": session.seconds["model"], **video.seconds}
    spent = ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())
    typer.echo(f"{time.perf_counter() - started:.1f} s: {spent}.")


def _make(
    session: VideoSession,
    request: VideoRequest,
    inputs: Inputs,
    output: Path,
    preview: Path | None,
    *,
    resume: bool,
    titled: bool,
) -> GeneratedVideo:
    """One video, with its bars."""
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
    from reasondiff.pipeline.latent_preview import LatentPreview

    with StageBars(f"seed {request.seed}" if titled else "") as bars:
        return session.generate(
            request,
            inputs,
            progress=bars,
            checkpoint=DenoisingCheckpoint(output.with_suffix(".steps")) if resume else None,
            preview=LatentPreview(inputs.image, preview, fit=request.fit) if preview is not None else None,
        )


def _verified(
    session: VideoSession, video: GeneratedVideo, inputs: Inputs, verifier: Verifier, rounds: int
) -> GeneratedVideo:
    """The best of at most so many more rounds; each is told as it is judged."""
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.jobs.verify import verified

    with StageBars("again") as bars:
        best, looked = verified(
            session, video, inputs, verifier, rounds, progress=bars, on_round=lambda each: bars.say(str(each))
        )
    if looked:
        typer.echo(f"Kept: round {max(looked, key=lambda each: each.verification.score).number}.")
    return best


def _sheet(videos: list[GeneratedVideo], sheet: Path, title: str) -> None:
    """All seeds side by side, with their joins; the last row has the story's clips below it."""
    from reasondiff.media import ClipSpan, SheetRow, contact_sheet

    rows = [
        SheetRow(
            f"seed {each.record.seed}", each.frames, anchor=each.narrative.anchor_frame, fps=each.pace, joins=each.joins
        )
        for each in videos
    ]
    spans = tuple(ClipSpan(clip.start, clip.end, clip.description) for clip in videos[-1].narrative.clips)
    contact_sheet([*rows[:-1], replace(rows[-1], clips=spans)], sheet, title=title)
