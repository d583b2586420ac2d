"""Tables in SQLite on one machine, or in PostgreSQL for several: opened, brought up to date, read and written."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from reasondiff.errors import InputError
from reasondiff.web.schema import bring_up_to_date

__all__ = ["Database"]

BUSY_SECONDS = 30
"""How long a write waits for another process's."""


class Database:
    """A database by its address; what its tables lack of this release is added.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://...``.
        tables: that are to be there.

    Raises:
        InputError: it cannot be reached, or what is there cannot be brought up to date.
    """

    def __init__(self, url: str, tables: sa.MetaData) -> None:
        kind = url.partition(":")[0]  # never the whole, which may hold a password
        try:
            self.engine = _engine(url)
            self.is_sqlite = self.engine.dialect.name == "sqlite"
            try:
                self._open(tables)
            except BaseException:
                self.close()
                raise
        except (SQLAlchemyError, ImportError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise InputError(f"The {kind} database cannot be used ({reason}); check its address.") from None

    def _open(self, tables: sa.MetaData) -> None:
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7236273)"))  # two that start at once
            bring_up_to_date(connection, tables)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent look."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """All of the block or none of it, and on SQLite one process at a time; keep it short."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def now(self, connection: sa.Connection) -> float:
        """Seconds since 1970 by the one clock that all processes share: the database's."""
        if self.is_sqlite:
            return time.time()
        return float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()


def _engine(url: str) -> sa.Engine:
    kind, _, place = url.partition("://")
    if kind.partition("+")[0] in ("postgres", "postgresql"):
        return sa.create_engine(f"postgresql+psycopg://{place}", pool_size=10, max_overflow=40, pool_pre_ping=True)
    if kind != "sqlite" or not place.startswith("/"):
        raise InputError(
            f"A {kind[:40]!r} database is none that is known; give sqlite:///PATH or postgresql://HOST/NAME."
        )
    engine = sa.create_engine(
        url, pool_size=10, max_overflow=40, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
    )
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN
    # FULL: what a client was told is on the disk. One WAL for readers beside one writer.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: sa.Connection) -> None:
    # A reader that turns into a writer is refused at once when another one writes; a writer that says so early waits.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
