"""``reasondiff worker``: make what is queued, on any machine that reaches the queue."""

from __future__ import annotations

from typing import Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.cli.serve import Data, DatabaseUrl, StoragePlace, need_extra
from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest

__all__ = ["worker"]


@common.takes_request(*common.LOADING, "mag_ratios")
def worker(
    request: VideoRequest,
    data: Data = None,
    db: DatabaseUrl = None,
    storage: StoragePlace = None,
    only_stories: Annotated[bool, typer.Option("--only-stories", help="Tell stories, make no videos.")] = False,
    ray: Annotated[
        str | None, typer.Option("--ray", help="Work as actors of the Ray cluster at this address.", metavar="ADDRESS")
    ] = None,
    actors: Annotated[
        int | None, typer.Option(min=1, max=1024, help="With --ray: how many; one per GPU there unless given.")
    ] = None,
    until_stdin_ends: Annotated[bool, typer.Option("--until-stdin-ends", hidden=True)] = False,
    threads: common.Threads = None,
) -> None:
    """Make the videos of a queue, one after another; a server, or several, fill it.

    Any number of workers may share a queue. One that dies loses nothing: its job goes to another. With --ray they are
    actors of a cluster, which sees the same database and storage.
    """
    need_extra()
    from functools import partial
    from threading import Event

    from reasondiff.jobs.inputs import check_names
    from reasondiff.server.places import Places
    from reasondiff.server.running import end_by_signal, make_worker, run_worker

    check_names(request)
    make = partial(make_worker, request, Places.of(data, db, storage), only_stories=only_stories)
    if ray is None:
        if actors is not None:
            raise InputError(f"--actors {actors} are of a Ray cluster; give its address with --ray.")
        worker = make()
        typer.echo(f"The worker {worker.name} is ready.", err=True)
        raise typer.Exit(run_worker(worker, until_stdin_ends=until_stdin_ends))
    from reasondiff.server.ray_workers import run_on_ray

    end_by_signal(ending := Event())
    run_on_ray(make, ray, actors, uses_gpus=request.device != "cpu", ending=ending)
