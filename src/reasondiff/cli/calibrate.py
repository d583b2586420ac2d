"""``reasondiff calibrate``: measure what MagCache skips by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.jobs.progress import Reporter
    from reasondiff.pipeline.magcache import MagRatios

__all__ = ["calibrate"]


@common.takes_request(without=("more_images", "mag_ratios", "fps", "embed", "verify"))
def calibrate(
    request: VideoRequest,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The JSON to write.", metavar="FILE", show_default=False)
    ],
    threads: common.Threads = None,
) -> None:
    """Measure a model's MagCache ratios in one full run, for 'reasondiff generate --mag-ratios'.

    They belong to the model, its adapter and the guidance; other numbers of steps are interpolated.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.jobs.inputs import Inputs, narrator_file
    from reasondiff.jobs.session import VideoSession

    reads = (request.image, request.narrative, narrator_file(request.narrator), request.transformer)
    paths.writable(output, ".json", *reads)
    inputs = Inputs.read(request)
    with paths.only_writer(output), user_warnings():
        session = VideoSession(request, measuring=True)

        def measure(arguments: Mapping[str, object], reporter: Reporter) -> MagRatios:
            from reasondiff.pipeline.magcache import calibrate as measured

            return measured(session.pipe, on_stage=reporter.on_stage, **arguments)

        with StageBars() as bars:
            ratios, _ = session.run(measure, request, inputs, progress=bars)
        ratios.save(output)
    low, high = min(ratios.ratios), max(ratios.ratios)
    typer.echo(f"{output}: {len(ratios.ratios)} ratios between {low:.3f} and {high:.3f}.")
