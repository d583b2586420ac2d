"""``reasondiff serve``: a model over HTTP."""

from __future__ import annotations

import json
import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest

__all__ = ["Data", "DatabaseUrl", "StoragePlace", "need_extra", "serve"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104

Data = Annotated[
    Path | None,
    typer.Option(help="Where queue and videos are kept; ~/.local/share/reasondiff unless given.", metavar="FOLDER"),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--db", help="sqlite:///PATH or postgresql://...; in the data folder unless given.", metavar="URL",
        envvar="REASONDIFF_DB", show_envvar=True,
    ),
]  # fmt: skip
StoragePlace = Annotated[str | None, typer.Option(help="Folder or fsspec address of the videos.", metavar="PLACE")]


@common.takes_request(*common.LOADING, "mag_ratios")
def serve(
    request: VideoRequest,
    host: Annotated[str, typer.Option(help="Address to listen at; others than loopback want a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 for any.")] = 8000,
    workers: Annotated[
        int | None, typer.Option(min=0, max=64, help="Processes that make videos; one per GPU unless given.")
    ] = None,
    data: Data = None,
    db: DatabaseUrl = None,
    storage: StoragePlace = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="Another name of this server.", metavar="NAME")] = None,
    allow_webhook_host: Annotated[
        list[str] | None, typer.Option(help="A receiver of webhooks that is not public.", metavar="HOST")
    ] = None,
    max_queued: Annotated[int, typer.Option(min=1, help="Waiting videos of one key.", metavar="N")] = 1000,
    frames_per_day: Annotated[int | None, typer.Option(min=1, help="Of one key.", metavar="N")] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Finished videos of one key.", metavar="N")] = None,
    disk_floor: Annotated[float, typer.Option(min=0, help="GB that stay free.", metavar="X")] = 1.0,
    keep_days: Annotated[float, typer.Option(min=0, help="Then videos go; 0 keeps them.", metavar="X")] = 30.0,
    browser: Annotated[bool, typer.Option("--open", help="Show the studio in a browser.")] = False,
    openapi: Annotated[bool, typer.Option("--openapi", help="Print the API's OpenAPI file and stop.")] = False,
) -> None:
    """Serve a model: the studio in a browser, and the OpenAI Videos API with a durable queue.

    Keys come from 'reasondiff keys add'; with REASONDIFF_WEBHOOK_SECRET set, webhooks are sent.
    """
    need_extra()
    from reasondiff.jobs.inputs import check_names
    from reasondiff.server.api.app import create_app
    from reasondiff.server.keys import Keys
    from reasondiff.server.places import Places
    from reasondiff.server.queue import JobQueue
    from reasondiff.server.quotas import Quota
    from reasondiff.server.running import run_server, worker_commands
    from reasondiff.server.served import Served
    from reasondiff.server.service import Limits, Service
    from reasondiff.server.storage import Storage
    from reasondiff.server.tables import open_database
    from reasondiff.server.webhooks import secret_bytes
    from reasondiff.web.listening import address_of, listen

    check_names(request)
    served = Served.of(request)
    places = Places.of(data, db, storage)
    database = open_database(places.database)
    keys = Keys(database)
    if host not in LOOPBACK and not keys.any():
        raise InputError(
            f"Whoever reaches {host!r} could use this server; make a key first: 'reasondiff keys add NAME'."
        )
    secret = os.environ.get("REASONDIFF_WEBHOOK_SECRET")
    if secret is not None:
        secret_bytes(secret)
    names = {*LOOPBACK, *(allow_host or ()), *([host] if host not in EVERYWHERE else [])}
    service = Service(
        served={served.name: served},
        queue=JobQueue(database),
        storage=Storage(places.storage),
        keys=keys,
        quota=Quota(queued=max_queued, frames_per_day=frames_per_day, bytes=max_bytes),
        limits=Limits(disk_floor=round(disk_floor * 1e9), keep_days=keep_days),
        webhook_secret=secret,
        webhook_hosts=frozenset(allow_webhook_host or ()),
        hosts=frozenset() if host in EVERYWHERE and not allow_host else frozenset(names),
    )
    if openapi:
        typer.echo(json.dumps(create_app(service).openapi(), indent=1))
        return
    listener = listen(host, port)
    address = address_of(host, listener)
    typer.echo(f"{served.name} at {address}; Ctrl-C ends it, and no job is lost.")
    if browser:
        webbrowser.open(address)  # whoever connects now waits for the first answer
    raise typer.Exit(run_server(service, listener, worker_commands(request, workers, data, storage), places))


def need_extra() -> None:
    """Refuse to start without the libraries of the extra ``server``."""
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "uvicorn", "sqlalchemy", "python_multipart") if find_spec(name) is None]
    if missing:
        raise InputError(f"The server needs {missing[0]!r}; install it with: pip install 'reasondiff[server]'.")
