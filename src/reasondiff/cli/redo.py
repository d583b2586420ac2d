"""``reasondiff redo``: one clip of a finished video again, the rest kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasondiff.cli import options as common
from reasondiff.jobs.request import RedoRequest

if TYPE_CHECKING:
    from reasondiff.jobs.redo import RedoneVideo

__all__ = ["redo"]


@common.takes_changes(
    "model", "revision", "adapter", "lora", "preset", "device",
    model="Another place of the same model.",
    revision="The model's revision, where the video names one.",
    adapter="Another place of the same adapter.",
    lora="Another place of the same LoRA.",
)  # fmt: skip
@common.takes_request(request=RedoRequest)
def redo(
    request: RedoRequest,
    changes: Mapping[str, Any],
    video: Annotated[Path, typer.Argument(help="An MP4 that 'reasondiff generate' wrote.", show_default=False)],
    output: common.OutputFile,
    image: Annotated[
        Path | None, typer.Option(help="The condition image, where the record was told not to keep it.", metavar="FILE")
    ] = None,
    threads: common.Threads = None,
) -> None:
    """Make one clip of a video again, with another seed or other words, and keep the rest.

    Kept frames are what the model's VAE makes of the old ones; how near they are is said, and so is how far the video
    jumps where the clip begins and ends.
    """
    from reasondiff.cli.replay import refuse_untrusted
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.jobs.inputs import check_names
    from reasondiff.jobs.redo import FinishedVideo
    from reasondiff.jobs.redo import redo as redo_clip
    from reasondiff.jobs.session import VideoSession

    paths.writable(output, ".mp4", video, image)
    finished = FinishedVideo.read(video, image)
    request.check_clip(len(finished.narrative.clips))
    refuse_untrusted(finished.request, changes)
    if "model" in changes:
        finished = replace(finished, request=replace(finished.request, revision=None))
    asked = replace(finished.request, **changes)
    check_names(asked)
    with paths.only_writer(output), user_warnings():
        session = VideoSession(asked)
        with StageBars() as bars:
            made = redo_clip(session, finished, request, progress=bars)
        made.save(output)
    typer.echo(_told(made, request, output))


def _told(made: RedoneVideo, request: RedoRequest, output: Path) -> str:
    """What was made again, what was kept and how well."""
    first, last = made.redone.start + 1, made.redone.stop
    lines = [f"{output}: frames {first} to {last} made again for clip {request.clip}, with seed {made.record.seed}."]
    if made.kept_psnr is not None:
        lines.append(f"The other frames are the old ones at {made.kept_psnr:.1f} dB.")
    lines += [f"{str(join)[0].upper()}{str(join)[1:]}." for join in made.joins]
    return "\n".join(lines)
