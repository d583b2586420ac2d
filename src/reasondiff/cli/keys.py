"""``reasondiff keys``: who may use a server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli.serve import Data, DatabaseUrl, need_extra

if TYPE_CHECKING:
    from reasondiff.server.keys import Keys

__all__ = ["keys_app"]

keys_app = typer.Typer(no_args_is_help=True, help="Who may use a server.", rich_markup_mode="markdown")

Name = Annotated[str, typer.Argument(help="Of whoever uses it.")]


@keys_app.command()
def add(name: Name, data: Data = None, db: DatabaseUrl = None) -> None:
    """Make a key and print it; it is kept nowhere."""
    typer.echo(_keys(data, db).add(name))


@keys_app.command("list")
def list_keys(data: Data = None, db: DatabaseUrl = None) -> None:
    """Print the names of all keys."""
    for key in _keys(data, db).all():
        state = "usable" if key.revoked_at is None else f"revoked {_day(key.revoked_at)}"
        typer.echo(f"{key.name}: made {_day(key.created_at)}, {state}")


@keys_app.command()
def revoke(name: Name, data: Data = None, db: DatabaseUrl = None) -> None:
    """Let a key be of no use from now on."""
    _keys(data, db).revoke(name)
    typer.echo(f"The key of {name} is revoked.")


def _keys(data: Path | None, database: str | None) -> Keys:
    need_extra()
    from reasondiff.server.keys import Keys
    from reasondiff.server.places import Places
    from reasondiff.server.tables import open_database

    return Keys(open_database(Places.of(data, database, None).database))


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
