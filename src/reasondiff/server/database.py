"""The tables, and the two databases that hold them: SQLite on one machine, PostgreSQL for several."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from reasondiff.errors import InputError

__all__ = ["Database", "deliveries", "events", "jobs", "keys", "workers"]

SCHEMA = 1
"""Of the tables below; a database of another one is refused."""

BUSY_SECONDS = 30
"""How long a write waits for another process's."""

metadata = sa.MetaData()

about = sa.Table("about", metadata, sa.Column("schema", sa.Integer, primary_key=True))

jobs = sa.Table(
    "jobs", metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("order", sa.JSON, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("narrative", sa.JSON(none_as_null=True)),
    sa.Column("parent", sa.String(64)),
    sa.Column("idempotency_key", sa.String(255)),
    sa.Column("body_hash", sa.String(64)),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("rank", sa.Double, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("started_at", sa.Double),
    sa.Column("completed_at", sa.Double),
    sa.Column("expires_at", sa.Double),
    sa.Column("stage", sa.String(32)),
    sa.Column("step", sa.Integer),
    sa.Column("steps", sa.Integer),
    sa.Column("eta", sa.Double),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(200)),
    sa.Column("lease_token", sa.String(64)),
    sa.Column("lease_until", sa.Double),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("artifacts", sa.JSON, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("owner", "idempotency_key"),
    sa.Index("jobs_by_place", "status", "priority", "rank"),
    sa.Index("jobs_by_owner", "owner", "kind", "created_at", "id"),
    sa.Index("jobs_by_expiry", "expires_at"),
)  # fmt: skip
"""One row is one job: the API's resource and the queue's entry at once, so that they cannot tell two stories."""

events = sa.Table(
    "events", metadata,
    sa.Column("job_id", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("changes", sa.JSON, nullable=False),
)  # fmt: skip

keys = sa.Table(
    "keys", metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),
)  # fmt: skip

workers = sa.Table(
    "workers", metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("models", sa.JSON, nullable=False),
    sa.Column("kinds", sa.JSON, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
)  # fmt: skip

deliveries = sa.Table(
    "deliveries", metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.Double, nullable=False, index=True),
)  # fmt: skip
"""Messages to webhooks that are still to arrive, written in the transaction that ends their job."""


class Database:
    """A database by its address; the tables are made where there are none.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://...``.

    Raises:
        InputError: it cannot be reached, or is of another release.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        try:
            self._prepare()
        except OperationalError as error:
            shown = self.engine.url.render_as_string(hide_password=True)
            raise InputError(f"The database {shown!r} cannot be used ({error.orig}); check its address.") from None

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

    def _prepare(self) -> None:
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7236273)"))  # two that start at once
            metadata.create_all(connection)
            found = connection.execute(sa.select(about.c.schema)).scalar()
            if found is None:
                connection.execute(about.insert().values(schema=SCHEMA))
            elif found != SCHEMA:
                raise InputError(
                    f"The database is of schema {found} and this release reads {SCHEMA}; give another one."
                )


def _engine(url: str) -> sa.Engine:
    if url.startswith("postgres"):
        address = "postgresql+psycopg://" + url.partition("://")[2]
        return sa.create_engine(address, pool_size=10, max_overflow=40, pool_pre_ping=True)
    if not url.startswith("sqlite:///"):
        raise InputError(f"The database {url!r} is of no known kind; give sqlite:///PATH or postgresql://HOST/NAME.")
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
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
