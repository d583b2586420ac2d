"""``reasondiff worker``: make what is queued, on any machine that reaches the queue."""

from __future__ import annotations

from typing import Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.cli.serve import Data, DatabaseUrl, StoragePlace, need_extra
from reasondiff.jobs.request import VideoRequest

__all__ = ["worker"]


@common.takes_request(*common.LOADING, "mag_ratios")
def worker(
    request: VideoRequest,
    data: Data = None,
    db: DatabaseUrl = None,
    storage: StoragePlace = None,
    only_stories: Annotated[bool, typer.Option("--only-stories", help="Tell stories, make no videos.")] = False,
    until_stdin_ends: Annotated[bool, typer.Option("--until-stdin-ends", hidden=True)] = False,
    threads: common.Threads = None,
) -> None:
    """Make the videos of a queue, one after another; a server, or several, fill it.

    Any number of workers may share a queue. One that dies loses nothing: its job goes to another.
    """
    need_extra()
    from reasondiff.jobs.inputs import check_names
    from reasondiff.server.leases import Leases
    from reasondiff.server.making import StoryMaker, VideoMaker
    from reasondiff.server.places import Places
    from reasondiff.server.running import run_worker, worker_name
    from reasondiff.server.served import Served
    from reasondiff.server.storage import Storage
    from reasondiff.server.tables import open_database
    from reasondiff.server.worker import Worker

    check_names(request)
    served = Served.of(request)
    places = Places.of(data, db, storage)
    leases = Leases(open_database(places.database))
    maker = StoryMaker(served) if only_stories else VideoMaker(served)
    name = worker_name()
    typer.echo(f"The worker {name} is ready.", err=True)
    made = Worker(name, leases, Storage(places.storage), maker, places.scratch)
    raise typer.Exit(run_worker(made, until_stdin_ends=until_stdin_ends))
