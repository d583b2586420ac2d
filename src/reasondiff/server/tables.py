"""The tables of queue and keys."""

from __future__ import annotations

import sqlalchemy as sa

from reasondiff.web.database import Database

__all__ = ["deliveries", "events", "jobs", "keys", "open_database", "workers"]

metadata = sa.MetaData()

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
    sa.Column("rank", sa.Double, nullable=False, info={"formerly": "position"}),
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
    sa.Index("jobs_in_order", "status", "model", "priority", "rank", "created_at", "id"),
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


def open_database(url: str) -> Database:
    """The database of a queue; see ``Database``."""
    return Database(url, metadata)
