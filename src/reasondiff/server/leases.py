"""Leases: at least once for the work, exactly once for the outcome.

A worker leases a job. Every later write of its names the lease and changes nothing once somebody else has the job:
whoever was taken for dead and was only asleep, or whose job was cancelled or deleted meanwhile, finds out at its next
write. Cancelling and deleting are therefore nothing but taking the lease away.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reasondiff.server.jobs import Job, Kind, Lease
from reasondiff.server.rows import COLUMNS, ORDER, LeaseLostError, change, end, job_of
from reasondiff.server.tables import jobs, workers
from reasondiff.web.database import Database

__all__ = ["Leases"]

LEASE_SECONDS = 60.0
MAX_ATTEMPTS = 3
SEEN_SECONDS = 10.0
"""Between two signs of a worker that has nothing to do."""


class Leases:
    """The queue as workers see it, any number of them.

    Args:
        database: see ``Database``.
        lease_seconds: how long a worker is believed to live without a sign.
        max_attempts: after which a job that kills its workers is given up.
    """

    def __init__(
        self, database: Database, *, lease_seconds: float = LEASE_SECONDS, max_attempts: int = MAX_ATTEMPTS
    ) -> None:
        self.database = database
        self.lease_seconds = lease_seconds
        self.max_attempts = max_attempts
        self._seen: dict[str, float] = {}

    def claim(self, worker: str, models: Sequence[str], kinds: Sequence[Kind] = ("story", "video")) -> Lease | None:
        """The next job that ``worker`` can do, leased to it; None where there is none.

        A job whose worker gave no sign until its lease ran out is taken over, or given up after too many attempts.
        """
        self._see(worker, models, kinds)
        while True:
            with (
                self.database.reading() as connection
            ):  # an empty queue is looked at often, and nothing is written then
                free = self._free(models, kinds, self.database.now(connection))
                if connection.execute(free).first() is None:
                    return None
            with self.database.writing() as connection:
                now = self.database.now(connection)
                free = self._free(models, kinds, now).with_for_update(skip_locked=True)
                if (row := connection.execute(free).first()) is None:
                    return None
                job = job_of(row)
                if job.attempts < self.max_attempts:
                    return self._lease(connection, job, worker, now)
                message = f"{job.attempts} workers were lost while they made this; it is given up."
                error = {"code": "worker_lost", "message": message}
                end(self.database, connection, job, jobs.c.id == job.id, "failed", error=error)

    def renew(self, lease: Lease) -> None:
        """Say that the worker lives.

        Raises:
            LeaseLostError: the job is not its any more.
        """
        with self.database.writing() as connection:
            now = self.database.now(connection)
            until = now + self.lease_seconds
            connection.execute(workers.update().where(workers.c.name == lease.job.worker).values(seen_at=now))
            if not connection.execute(jobs.update().where(_leased(lease)).values(lease_until=until)).rowcount:
                raise LeaseLostError

    def check(self, lease: Lease) -> None:
        """Raise ``LeaseLostError`` unless the job is still the worker's."""
        with self.database.reading() as connection:
            if connection.execute(sa.select(jobs.c.id).where(_leased(lease))).first() is None:
                raise LeaseLostError

    def report(self, lease: Lease, **changes: Any) -> None:
        """Write down how far a job is.

        Args:
            lease: of the job.
            changes: columns: ``stage``, ``step``, ``steps``, ``eta``, ``narrative``, ``artifacts``.

        Raises:
            LeaseLostError: the job is not the worker's any more.
        """
        with self.database.writing() as connection:
            change(connection, lease.job.id, _leased(lease), changes)

    def complete(self, lease: Lease, *, artifacts: Mapping[str, str], size: int, **changes: Any) -> None:
        """Hand in what was made.

        Args:
            lease: of the job.
            artifacts: where the storage has them, by variant.
            size: their bytes.
            changes: other columns.

        Raises:
            LeaseLostError: the job is not the worker's any more; nothing is written.
        """
        made = {"artifacts": dict(artifacts), "bytes": size, **changes}
        with self.database.writing() as connection:
            end(self.database, connection, lease.job, _leased(lease), "completed", **made)

    def fail(self, lease: Lease, code: str, message: str) -> None:
        """Give a job up, with a sentence for its owner.

        Raises:
            LeaseLostError: as ``complete``.
        """
        error = {"code": code, "message": message}
        with self.database.writing() as connection:
            end(self.database, connection, lease.job, _leased(lease), "failed", error=error)

    def give_back(self, lease: Lease, *, counts: bool) -> None:
        """Put a job back into the queue, in its old place.

        Args:
            lease: of the job.
            counts: whether the attempt counts; that of a worker that is asked to end does not.

        Raises:
            LeaseLostError: as ``complete``.
        """
        freed: dict[str, Any] = {"status": "queued", "artifacts": {}}
        freed |= dict.fromkeys(("stage", "step", "steps", "eta"))
        with self.database.writing() as connection:
            if not counts:
                freed["attempts"] = lease.job.attempts - 1
            change(connection, lease.job.id, _leased(lease), freed, lease_token=None, lease_until=None)

    def bury(self, name: str) -> None:
        """Workers whose names begin so are dead for certain; their jobs are free at once."""
        theirs = jobs.c.worker.startswith(name, autoescape=True) & (jobs.c.status == "in_progress")
        with self.database.writing() as connection:
            connection.execute(jobs.update().where(theirs).values(lease_until=0.0))
            connection.execute(workers.delete().where(workers.c.name.startswith(name, autoescape=True)))

    def say_goodbye(self, worker: str) -> None:
        """A worker ends."""
        with self.database.writing() as connection:
            connection.execute(workers.delete().where(workers.c.name == worker))

    def has(self, job_id: str) -> bool:
        """Whether a job is there, whoever has it."""
        with self.database.reading() as connection:
            return connection.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id)).first() is not None

    def _free(self, models: Sequence[str], kinds: Sequence[Kind], now: float) -> sa.Select[Any]:
        """The next job that nobody has, or that nobody has any more."""
        waits = jobs.c.status == "queued"
        left = (jobs.c.status == "in_progress") & (jobs.c.lease_until < now)
        mine = (jobs.c.model.in_(models), jobs.c.kind.in_(kinds))
        return sa.select(*COLUMNS).where(waits | left, *mine).order_by(*ORDER).limit(1)

    def _see(self, worker: str, models: Sequence[str], kinds: Sequence[Kind]) -> None:
        """A worker lives; written down now and then."""
        if time.monotonic() - self._seen.get(worker, -math.inf) < SEEN_SECONDS:
            return
        with self.database.writing() as connection:
            seen = {"models": list(models), "kinds": list(kinds), "seen_at": self.database.now(connection)}
            if not connection.execute(workers.update().where(workers.c.name == worker).values(seen)).rowcount:
                connection.execute(workers.insert().values(name=worker, **seen))
        self._seen[worker] = time.monotonic()

    def _lease(self, connection: sa.Connection, job: Job, worker: str, now: float) -> Lease:
        token = secrets.token_hex(16)
        changes = {
            "status": "in_progress", "started_at": now, "attempts": job.attempts + 1, "worker": worker, "stage": None,
            "step": None, "steps": None, "eta": None, "artifacts": {},
        }  # fmt: skip
        until = now + self.lease_seconds
        change(connection, job.id, jobs.c.id == job.id, changes, lease_token=token, lease_until=until)
        row = connection.execute(sa.select(*COLUMNS).where(jobs.c.id == job.id)).one()
        return Lease(job_of(row), token)


def _leased(lease: Lease) -> sa.ColumnElement[bool]:
    return (jobs.c.id == lease.job.id) & (jobs.c.lease_token == lease.token)
