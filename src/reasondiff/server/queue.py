"""The queue is the table of jobs: at least once for the work, exactly once for the outcome.

A worker leases a job. Every later write of its names the lease and changes nothing once somebody else has the job:
whoever was taken for dead and was only asleep, or whose job was cancelled or deleted meanwhile, finds out at its next
write. Cancelling and deleting are therefore nothing but taking the lease away.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from reasondiff.errors import ReasonDiffError
from reasondiff.server.database import Database, deliveries, events, jobs, workers
from reasondiff.server.jobs import OVER, Job, Kind, Lease, NewJob, Order, Status

__all__ = [
    "Event",
    "JobQueue",
    "LeaseLostError",
    "NotQueuedError",
    "Quota",
    "QuotaError",
    "RepeatedError",
    "is_id",
    "new_id",
]

LEASE_SECONDS = 60.0
MAX_ATTEMPTS = 3
KEPT_EVENTS = 200
"""Of one job."""
IDEMPOTENT_SECONDS = 24 * 3600.0
SEEN_SECONDS = 10.0
"""Between two signs of a worker that has nothing to do."""
STORY_SECONDS = 3600.0
"""How long a story that nobody waits for any more is kept."""
DAY = 24 * 3600.0


class LeaseLostError(ReasonDiffError, RuntimeError):
    """The job is somebody else's now, is cancelled, or is gone; what was made of it is not wanted."""


class NotQueuedError(ReasonDiffError, RuntimeError):
    """The job does not wait any more."""


class RepeatedError(ReasonDiffError, RuntimeError):
    """An idempotency key came with another request than before."""


class QuotaError(ReasonDiffError, RuntimeError):
    """A key has used what it may.

    Args:
        message: one sentence.
        retry_after: seconds until it is worth to ask again.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Event:
    """What became of a job at one moment: the columns that changed."""

    number: int
    changes: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What one key may have; None for any number.

    Args:
        queued: jobs that wait.
        frames_per_day: frames that were asked for in the last 24 hours.
        bytes: of finished videos.
    """

    queued: int | None = 1000
    frames_per_day: int | None = None
    bytes: int | None = None


def new_id(kind: str) -> str:
    """A name that nobody can guess."""
    return f"{kind}_{secrets.token_hex(16)}"


def is_id(text: str) -> bool:
    """Whether a text can be a job's name; no database is asked about others."""
    return re.fullmatch(r"(video|story)_[0-9a-f]{32}", text) is not None


class JobQueue:
    """Jobs in a database, for any number of servers and workers.

    Args:
        database: see ``Database``.
        lease_seconds: how long a worker is believed to live without a sign.
        max_attempts: after which a job that kills its workers is given up.
        keep_days: how long a job that is over and its files are kept; 0 for ever.
    """

    def __init__(
        self,
        database: Database,
        *,
        lease_seconds: float = LEASE_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
        keep_days: float = 30,
    ) -> None:
        self.database = database
        self.lease_seconds = lease_seconds
        self.max_attempts = max_attempts
        self.keep_days = keep_days
        self._seen: dict[str, float] = {}

    # -- for clients --------------------------------------------------------------------------------------------------

    def add(self, new: NewJob, quota: Quota | None = None) -> tuple[Job, bool]:
        """Queue a job.

        Returns:
            It, and whether it is new: an idempotency key that was seen before gives the job it made.

        Raises:
            QuotaError: its owner has used what a key may.
            RepeatedError: the key was seen with another request.
        """
        try:
            with self.database.writing() as connection:
                if (before := self._before(connection, new)) is not None:
                    return before, False
                now = self.database.now(connection)
                if quota is not None:
                    self._check_quota(connection, new, quota, now)
                values = {
                    "id": new.id, "owner": new.owner, "kind": new.kind, "model": new.model,
                    "order": new.order.to_json(), "seed": new.seed, "narrative": new.narrative, "parent": new.parent,
                    "idempotency_key": new.idempotency_key, "body_hash": new.body_hash, "status": "queued",
                    "priority": 0 if new.kind == "story" else 1, "rank": now, "created_at": now, "attempts": 0,
                    "artifacts": {}, "bytes": 0, "version": 0,
                }  # fmt: skip
                row = connection.execute(jobs.insert().values(values).returning(*_COLUMNS)).one()
                self._note(connection, new.id, 0, {"status": "queued"})
                return _job(row), True
        except IntegrityError:  # on PostgreSQL the same request may be written at the same moment
            with self.database.reading() as connection:
                if (before := self._before(connection, new)) is None:
                    raise
                return before, False

    def repeated(self, owner: str, idempotency_key: str, body_hash: str) -> Job | None:
        """The job that a request made before.

        Raises:
            RepeatedError: the key was seen with another request.
        """
        asked = (jobs.c.owner == owner) & (jobs.c.idempotency_key == idempotency_key)
        with self.database.reading() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(asked)).first()
        if row is None:
            return None
        if row.body_hash != body_hash:
            raise RepeatedError("This Idempotency-Key was given with another request; give a new one.")
        return _job(row)

    def retried(self, owner: str, body_hash: str, within: float = 600.0) -> Job | None:
        """The job that the same request made a moment ago: a client that got no answer sends it again."""
        with self.database.reading() as connection:
            since = self.database.now(connection) - within
            asked = (jobs.c.owner == owner) & (jobs.c.body_hash == body_hash) & (jobs.c.created_at > since)
            row = connection.execute(sa.select(*_COLUMNS).where(asked).order_by(jobs.c.created_at.desc())).first()
        return None if row is None else _job(row)

    def get(self, job_id: str, owner: str | None = None) -> Job | None:
        """A job; None where there is none, or it is another owner's."""
        if not is_id(job_id):
            return None
        with self.database.reading() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(*_owned(job_id, owner))).first()
        return None if row is None else _job(row)

    def page(
        self, owner: str, *, kind: Kind = "video", limit: int = 20, after: str | None = None, descending: bool = True
    ) -> list[Job]:
        """An owner's jobs by the time they were asked for.

        Args:
            owner: whose.
            kind: of the jobs.
            limit: at most so many.
            after: the job that they come after; nothing comes after one that is not there.
            descending: the newest first.
        """
        if after is not None and not is_id(after):
            return []
        wanted = sa.select(*_COLUMNS).where(jobs.c.owner == owner, jobs.c.kind == kind).limit(limit)
        order = [column.desc() if descending else column for column in (jobs.c.created_at, jobs.c.id)]
        if after is not None:
            cursor = sa.select(jobs.c.created_at, jobs.c.id).where(*_owned(after, owner)).subquery()
            here, there = sa.tuple_(jobs.c.created_at, jobs.c.id), sa.tuple_(cursor.c.created_at, cursor.c.id)
            wanted = wanted.join(cursor, here < there if descending else here > there)
        with self.database.reading() as connection:
            return [_job(row) for row in connection.execute(wanted.order_by(*order))]

    def places(self, waiting: Iterable[Job]) -> dict[str, int]:
        """How many jobs come before each of these, by id; those that do not wait are left out."""
        asked = {job.id: job for job in waiting if job.status == "queued"}
        if not asked:
            return {}
        last = max(job.rank for job in asked.values())
        before = (jobs.c.status == "queued") & (jobs.c.rank <= last)
        query = sa.select(jobs.c.id, jobs.c.model).where(before).order_by(*_ORDER)
        counts: dict[str, int] = {}
        found = {}
        with self.database.reading() as connection:
            for row in connection.execute(query):
                place = counts.get(row.model, 0)
                counts[row.model] = place + 1
                if row.id in asked:
                    found[row.id] = place
        return found

    def move(self, job_id: str, owner: str, place: int) -> Job | None:
        """Bring a waiting job to another place, as near to ``place`` as its owner's own jobs allow.

        An owner's jobs only change places among themselves.

        Raises:
            NotQueuedError: it does not wait.
        """
        with self.database.writing() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(*_owned(job_id, owner))).first()
            if row is None:
                return None
            if row.status != "queued":
                raise NotQueuedError("This video does not wait any more, so it has no place to be moved to.")
            queue = (jobs.c.status == "queued") & (jobs.c.kind == row.kind) & (jobs.c.model == row.model)
            query = sa.select(jobs.c.id, jobs.c.owner, jobs.c.rank).where(queue).order_by(*_ORDER)
            everyone = connection.execute(query).all()
            own = [each for each in everyone if each.owner == owner]
            others = [each.id for each in own if each.id != job_id]
            ahead = sum(each.owner == owner for each in [each for each in everyone if each.id != job_id][:place])
            order = [*others[:ahead], job_id, *others[ahead:]]
            for moved, slot in zip(order, own, strict=True):
                connection.execute(jobs.update().where(jobs.c.id == moved).values(rank=slot.rank))
            row = connection.execute(sa.select(*_COLUMNS).where(jobs.c.id == job_id)).one()
            return _job(row)

    def cancel(self, job_id: str, owner: str) -> Job | None:
        """End a job now; whoever works on it finds its lease gone. One that is over stays as it is."""
        error = {"code": "cancelled", "message": "The job was cancelled, as asked."}
        with self.database.writing() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(*_owned(job_id, owner)).with_for_update()).first()
            if row is None:
                return None
            if row.status not in OVER:
                self._end(connection, _job(row), jobs.c.id == job_id, "failed", error=error)
            return _job(connection.execute(sa.select(*_COLUMNS).where(jobs.c.id == job_id)).one())

    def delete(self, job_id: str, owner: str) -> bool:
        """Forget a job; whoever works on it finds its lease gone. Its files are the storage's to remove."""
        with self.database.writing() as connection:
            return bool(connection.execute(jobs.delete().where(*_owned(job_id, owner))).rowcount)

    def events(self, job_id: str, after: int) -> list[Event]:
        """What became of a job after an event's number, in order."""
        asked = (events.c.job_id == job_id) & (events.c.number > after)
        query = sa.select(events.c.number, events.c.changes).where(asked).order_by(events.c.number)
        with self.database.reading() as connection:
            return [Event(row.number, row.changes) for row in connection.execute(query)]

    def versions(self, ids: Sequence[str]) -> dict[str, int]:
        """The number of each job's last event, by id; a job that is gone is left out."""
        query = sa.select(jobs.c.id, jobs.c.version).where(jobs.c.id.in_(ids))
        with self.database.reading() as connection:
            return {row.id: row.version for row in connection.execute(query)}

    # -- for workers --------------------------------------------------------------------------------------------------

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
                job = _job(row)
                if job.attempts < self.max_attempts:
                    return self._lease(connection, job, worker, now)
                message = f"{job.attempts} workers were lost while they made this; it is given up."
                error = {"code": "worker_lost", "message": message}
                self._end(connection, job, jobs.c.id == job.id, "failed", error=error)

    def renew(self, lease: Lease) -> None:
        """Say that the worker lives.

        Raises:
            LeaseLostError: the job is not its any more.
        """
        with self.database.writing() as connection:
            now = self.database.now(connection)
            until = now + self.lease_seconds
            connection.execute(workers.update().where(workers.c.name == lease.job.worker).values(seen_at=now))
            self._held(connection.execute(jobs.update().where(_leased(lease)).values(lease_until=until)))

    def check(self, lease: Lease) -> None:
        """Raise ``LeaseLostError`` unless the job is still the worker's."""
        with self.database.reading() as connection:
            if connection.execute(sa.select(jobs.c.id).where(_leased(lease))).first() is None:
                raise LeaseLostError("The job is cancelled, deleted, or another worker's.")

    def report(self, lease: Lease, **changes: Any) -> None:
        """Write down how far a job is.

        Args:
            lease: of the job.
            changes: columns: ``stage``, ``step``, ``steps``, ``eta``, ``narrative``, ``artifacts``.

        Raises:
            LeaseLostError: the job is not the worker's any more.
        """
        with self.database.writing() as connection:
            self._change(connection, lease.job.id, _leased(lease), changes)

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
            self._end(connection, lease.job, _leased(lease), "completed", **made)

    def fail(self, lease: Lease, code: str, message: str) -> None:
        """Give a job up, with a sentence for its owner.

        Raises:
            LeaseLostError: as ``complete``.
        """
        error = {"code": code, "message": message}
        with self.database.writing() as connection:
            self._end(connection, lease.job, _leased(lease), "failed", error=error)

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
            self._change(connection, lease.job.id, _leased(lease), freed, lease_token=None, lease_until=None)

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

    # -- for keepers --------------------------------------------------------------------------------------------------

    def living_workers(self, within: float = 60.0) -> int:
        """Workers that gave a sign lately."""
        with self.database.reading() as connection:
            since = self.database.now(connection) - within
            query = sa.select(sa.func.count()).select_from(workers).where(workers.c.seen_at > since)
            return int(connection.execute(query).scalar_one())

    def counts(self) -> dict[tuple[str, str], int]:
        """Jobs by kind and status."""
        query = sa.select(jobs.c.kind, jobs.c.status, sa.func.count()).group_by(jobs.c.kind, jobs.c.status)
        with self.database.reading() as connection:
            return {(kind, status): count for kind, status, count in connection.execute(query)}

    def seconds_per_video(self, model: str, newest: int = 20) -> float | None:
        """How long a model's last videos took."""
        done = (jobs.c.model == model) & (jobs.c.kind == "video") & (jobs.c.status == "completed")
        query = sa.select(jobs.c.started_at, jobs.c.completed_at).where(done).order_by(jobs.c.completed_at.desc())
        with self.database.reading() as connection:
            spans = [row.completed_at - row.started_at for row in connection.execute(query.limit(newest))]
        return sum(spans) / len(spans) if spans else None

    def expire(self) -> list[str]:
        """Forget what is kept long enough; the ids of the jobs that are gone."""
        with self.database.writing() as connection:
            now = self.database.now(connection)
            old = jobs.c.created_at < now - IDEMPOTENT_SECONDS
            connection.execute(
                jobs.update().where(old, jobs.c.idempotency_key.is_not(None)).values(idempotency_key=None)
            )
            connection.execute(workers.delete().where(workers.c.seen_at < now - DAY))
            return list(connection.execute(jobs.delete().where(jobs.c.expires_at < now).returning(jobs.c.id)).scalars())

    def existing(self, ids: Sequence[str]) -> set[str]:
        """Those of these ids that a job has."""
        with self.database.reading() as connection:
            return set(connection.execute(sa.select(jobs.c.id).where(jobs.c.id.in_(ids))).scalars())

    # -- the steps ----------------------------------------------------------------------------------------------------

    def _before(self, connection: sa.Connection, new: NewJob) -> Job | None:
        if new.idempotency_key is None:
            return None
        asked = (jobs.c.owner == new.owner) & (jobs.c.idempotency_key == new.idempotency_key)
        row = connection.execute(sa.select(*_COLUMNS).where(asked)).first()
        if row is None:
            return None
        if row.body_hash != new.body_hash:
            raise RepeatedError("This Idempotency-Key was given with another request; give a new one.")
        return _job(row)

    def _check_quota(self, connection: sa.Connection, new: NewJob, quota: Quota, now: float) -> None:
        own = jobs.c.owner == new.owner
        if quota.queued is not None:
            waiting = sa.select(sa.func.count()).select_from(jobs).where(own, jobs.c.status == "queued")
            if connection.execute(waiting).scalar_one() >= quota.queued:
                raise QuotaError(f"{quota.queued} videos wait already; ask again when some are done.", 30)
        if quota.frames_per_day is not None:
            today = sa.select(jobs.c.order, jobs.c.created_at).where(
                own, jobs.c.kind == "video", jobs.c.created_at > now - DAY
            )
            rows = connection.execute(today).all()
            asked = sum(row.order["num_frames"] for row in rows) + new.order.num_frames
            if asked > quota.frames_per_day:
                oldest = min((row.created_at for row in rows), default=now)
                message = f"This key may ask for {quota.frames_per_day} frames in 24 hours; ask again later."
                raise QuotaError(message, max(1, round(oldest + DAY - now)))
        if quota.bytes is not None:
            kept = connection.execute(sa.select(sa.func.sum(jobs.c.bytes)).where(own)).scalar() or 0
            if kept >= quota.bytes:
                raise QuotaError(f"The videos of this key take {kept:,} bytes; delete some first.", 3600)

    def _free(self, models: Sequence[str], kinds: Sequence[Kind], now: float) -> sa.Select[Any]:
        """The next job that nobody has, or that nobody has any more."""
        waits = jobs.c.status == "queued"
        left = (jobs.c.status == "in_progress") & (jobs.c.lease_until < now)
        mine = (jobs.c.model.in_(models), jobs.c.kind.in_(kinds))
        return sa.select(*_COLUMNS).where(waits | left, *mine).order_by(*_ORDER).limit(1)

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
        self._change(connection, job.id, jobs.c.id == job.id, changes, lease_token=token, lease_until=until)
        row = connection.execute(sa.select(*_COLUMNS).where(jobs.c.id == job.id)).one()
        return Lease(_job(row), token)

    def _end(
        self, connection: sa.Connection, job: Job, where: sa.ColumnElement[bool], status: Status, **changes: Any
    ) -> None:
        now = self.database.now(connection)
        kept = STORY_SECONDS if job.kind == "story" else self.keep_days * DAY
        ended = {"status": status, "completed_at": now, "stage": None, "eta": None, **changes}
        expires = now + kept if kept else None
        freed = {"lease_token": None, "lease_until": None, "expires_at": expires}
        self._change(connection, job.id, where, ended, **freed)
        if (url := job.order.webhook_url) is not None:
            body = {
                "id": new_id("evt"), "object": "event", "type": f"video.{status}", "created_at": int(now),
                "data": {"id": job.id},
            }  # fmt: skip
            message = {"id": body["id"], "url": url, "body": json.dumps(body), "created_at": now}
            connection.execute(deliveries.insert().values(**message, attempts=0, next_at=now))

    def _change(
        self,
        connection: sa.Connection,
        job_id: str,
        where: sa.ColumnElement[bool],
        changes: dict[str, Any],
        **unseen: Any,
    ) -> None:
        """Change columns and note it as the job's next event; ``unseen`` ones are nobody's concern."""
        update = jobs.update().where(where).values(version=jobs.c.version + 1, **changes, **unseen)
        number = connection.execute(update.returning(jobs.c.version)).scalar()
        if number is None:
            raise LeaseLostError("The job is cancelled, deleted, or another worker's.")
        self._note(connection, job_id, number, changes)

    def _note(self, connection: sa.Connection, job_id: str, number: int, changes: Mapping[str, Any]) -> None:
        connection.execute(events.insert().values(job_id=job_id, number=number, changes=dict(changes)))
        if number >= KEPT_EVENTS:
            old = (events.c.job_id == job_id) & (events.c.number <= number - KEPT_EVENTS)
            connection.execute(events.delete().where(old))

    def _held(self, result: sa.CursorResult[Any]) -> None:
        if not result.rowcount:
            raise LeaseLostError("The job is cancelled, deleted, or another worker's.")


_COLUMNS = [jobs.c[each.name] for each in fields(Job)]
_ORDER = (jobs.c.priority, jobs.c.rank, jobs.c.id)


def _job(row: sa.Row[Any]) -> Job:
    values = row._asdict()
    return Job(**{**values, "order": Order.from_json(values["order"])})


def _owned(job_id: str, owner: str | None) -> list[sa.ColumnElement[bool]]:
    return [jobs.c.id == job_id] if owner is None else [jobs.c.id == job_id, jobs.c.owner == owner]


def _leased(lease: Lease) -> sa.ColumnElement[bool]:
    return (jobs.c.id == lease.job.id) & (jobs.c.lease_token == lease.token)
