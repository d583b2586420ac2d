"""A job's row: how it is read, changed and ended. Every change is noted as the job's next event, in one transaction."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from reasondiff.errors import ReasonDiffError
from reasondiff.server.jobs import Job, Order, Status
from reasondiff.server.tables import deliveries, events, jobs
from reasondiff.web.database import Database

__all__ = ["COLUMNS", "DAY", "ORDER", "LeaseLostError", "change", "end", "job_of", "new_id", "note", "owned"]

KEPT_EVENTS = 200
"""Of one job."""
STORY_SECONDS = 3600.0
"""How long a story that nobody waits for any more is kept."""
DAY = 24 * 3600.0

COLUMNS = [jobs.c[each.name] for each in fields(Job)]
"""What a ``Job`` is read from."""
ORDER = (jobs.c.priority, jobs.c.rank, jobs.c.created_at, jobs.c.id)
"""In which jobs are taken."""


class LeaseLostError(ReasonDiffError, RuntimeError):
    """The job is somebody else's now, is cancelled, or is gone; what was made of it is not wanted."""

    def __init__(self) -> None:
        super().__init__("The job is cancelled, deleted, or another worker's.")


def new_id(kind: str) -> str:
    """A name that nobody can guess."""
    return f"{kind}_{secrets.token_hex(16)}"


def job_of(row: sa.Row[Any]) -> Job:
    """From a row of ``COLUMNS``."""
    values = row._asdict()
    return Job(**{**values, "order": Order.from_json(values["order"])})


def owned(job_id: str, owner: str | None) -> list[sa.ColumnElement[bool]]:
    """That a row is this job, and this owner's; None stands for anybody's."""
    return [jobs.c.id == job_id] if owner is None else [jobs.c.id == job_id, jobs.c.owner == owner]


def change(
    connection: sa.Connection, job_id: str, where: sa.ColumnElement[bool], changes: Mapping[str, Any], **unseen: Any
) -> None:
    """Change columns and note it as the job's next event.

    Args:
        connection: that writes.
        job_id: of the job.
        where: what must be true of its row.
        changes: columns.
        unseen: columns that are nobody's concern.

    Raises:
        LeaseLostError: it is not true of the row any more; nothing is changed.
    """
    update = jobs.update().where(where).values(version=jobs.c.version + 1, **changes, **unseen)
    number = connection.execute(update.returning(jobs.c.version)).scalar()
    if number is None:
        raise LeaseLostError
    note(connection, job_id, number, changes)


def note(connection: sa.Connection, job_id: str, number: int, changes: Mapping[str, Any]) -> None:
    """Write an event; the oldest go."""
    connection.execute(events.insert().values(job_id=job_id, number=number, changes=dict(changes)))
    if number >= KEPT_EVENTS:
        old = (events.c.job_id == job_id) & (events.c.number <= number - KEPT_EVENTS)
        connection.execute(events.delete().where(old))


def end(
    database: Database,
    connection: sa.Connection,
    job: Job,
    where: sa.ColumnElement[bool],
    status: Status,
    **changes: Any,
) -> None:
    """End a job, and queue what its webhook is to be told; raises as ``change``."""
    now = database.now(connection)
    kept = STORY_SECONDS if job.kind == "story" else job.order.keep_days * DAY
    ended = {"status": status, "completed_at": now, "stage": None, "eta": None, **changes}
    freed = {"lease_token": None, "lease_until": None, "expires_at": now + kept if kept else None}
    change(connection, job.id, where, ended, **freed)
    if (url := job.order.webhook_url) is not None:
        body = {
            "id": new_id("evt"), "object": "event", "type": f"video.{status}", "created_at": int(now),
            "data": {"id": job.id},
        }  # fmt: skip
        message = {"id": body["id"], "url": url, "body": json.dumps(body), "created_at": now}
        connection.execute(deliveries.insert().values(**message, attempts=0, next_at=now))
