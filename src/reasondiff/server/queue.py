"""The queue is the table of jobs, here as those see it who ask for them; ``leases`` is how workers see it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from reasondiff.errors import ReasonDiffError
from reasondiff.server.jobs import OVER, Job, Kind, NewJob
from reasondiff.server.quotas import Quota
from reasondiff.server.rows import COLUMNS, DAY, ORDER, end, job_of, note, owned
from reasondiff.server.tables import events, jobs, workers
from reasondiff.web.database import Database

__all__ = ["Event", "JobQueue", "Load", "NotQueuedError", "RepeatedError", "is_id"]

IDEMPOTENT_SECONDS = 24 * 3600.0


class NotQueuedError(ReasonDiffError, RuntimeError):
    """The job does not wait any more."""


class RepeatedError(ReasonDiffError, RuntimeError):
    """An idempotency key came with another request than before."""


@dataclass(frozen=True)
class Event:
    """What became of a job at one moment: the columns that changed."""

    number: int
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Load:
    """What a queue asks of its workers and its storage.

    Args:
        longest_wait: seconds that the oldest waiting job has waited.
        bytes: that finished videos take.
        tried_again: jobs that needed more than one attempt.
    """

    longest_wait: float
    bytes: int
    tried_again: int


def is_id(text: str) -> bool:
    """Whether a text can be a job's name; no database is asked about others."""
    return re.fullmatch(r"(video|story)_[0-9a-f]{32}", text) is not None


class JobQueue:
    """Jobs in a database, for any number of servers and workers.

    Args:
        database: see ``Database``.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

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
                    quota.check(connection, new, now)
                values = {
                    "id": new.id, "owner": new.owner, "kind": new.kind, "model": new.model,
                    "order": new.order.to_json(), "seed": new.seed, "narrative": new.narrative, "parent": new.parent,
                    "idempotency_key": new.idempotency_key, "body_hash": new.body_hash, "status": "queued",
                    "priority": _priority(new.kind), "rank": self._rank(connection, new), "created_at": now,
                    "attempts": 0, "artifacts": {}, "bytes": 0, "version": 0,
                }  # fmt: skip
                row = connection.execute(jobs.insert().values(values).returning(*COLUMNS)).one()
                note(connection, new.id, 0, {"status": "queued"})
                return job_of(row), True
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
            row = connection.execute(sa.select(*COLUMNS).where(asked)).first()
        if row is None:
            return None
        if row.body_hash != body_hash:
            raise RepeatedError("This Idempotency-Key was given with another request; give a new one.")
        return job_of(row)

    def retried(self, owner: str, body_hash: str, within: float = 600.0) -> Job | None:
        """The job that the same request made a moment ago: a client that got no answer sends it again."""
        with self.database.reading() as connection:
            since = self.database.now(connection) - within
            asked = (jobs.c.owner == owner) & (jobs.c.body_hash == body_hash) & (jobs.c.created_at > since)
            row = connection.execute(sa.select(*COLUMNS).where(asked).order_by(jobs.c.created_at.desc())).first()
        return None if row is None else job_of(row)

    def get(self, job_id: str, owner: str | None = None) -> Job | None:
        """A job; None where there is none, or it is another owner's."""
        if not is_id(job_id):
            return None
        with self.database.reading() as connection:
            row = connection.execute(sa.select(*COLUMNS).where(*owned(job_id, owner))).first()
        return None if row is None else job_of(row)

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
        wanted = sa.select(*COLUMNS).where(jobs.c.owner == owner, jobs.c.kind == kind).limit(limit)
        order = [column.desc() if descending else column for column in (jobs.c.created_at, jobs.c.id)]
        if after is not None:
            cursor = sa.select(jobs.c.created_at, jobs.c.id).where(*owned(after, owner)).subquery()
            here, there = sa.tuple_(jobs.c.created_at, jobs.c.id), sa.tuple_(cursor.c.created_at, cursor.c.id)
            wanted = wanted.join(cursor, here < there if descending else here > there)
        with self.database.reading() as connection:
            return [job_of(row) for row in connection.execute(wanted.order_by(*order))]

    def places(self, waiting: Iterable[Job]) -> dict[str, int]:
        """How many jobs come before each of these, by id; those that do not wait are left out."""
        groups: dict[tuple[str, Kind], dict[str, float]] = {}
        for job in waiting:
            if job.status == "queued":
                groups.setdefault((job.model, job.kind), {})[job.id] = job.rank
        found: dict[str, int] = {}
        if not groups:
            return found
        with self.database.reading() as connection:
            for (model, kind), ranks in groups.items():
                asked = {"model": model, "priority": _priority(kind), "ids": list(ranks)}
                span = {"first": min(ranks.values()), "last": max(ranks.values())}
                found |= {row.id: row.place for row in connection.execute(_PLACES, asked | span)}
        return found

    def move(self, job_id: str, owner: str, place: int) -> Job | None:
        """Bring a waiting job to another place, as near to ``place`` as its owner's own jobs allow.

        An owner's jobs only change places among themselves.

        Raises:
            NotQueuedError: it does not wait.
        """
        with self.database.writing() as connection:
            row = connection.execute(sa.select(*COLUMNS).where(*owned(job_id, owner))).first()
            if row is None:
                return None
            if row.status != "queued":
                raise NotQueuedError("This video does not wait any more, so it has no place to be moved to.")
            queue = (jobs.c.status == "queued") & (jobs.c.kind == row.kind) & (jobs.c.model == row.model)
            query = sa.select(jobs.c.id, jobs.c.owner, jobs.c.rank).where(queue).order_by(*ORDER)
            everyone = connection.execute(query).all()
            own = [each for each in everyone if each.owner == owner]
            others = [each.id for each in own if each.id != job_id]
            ahead = sum(each.owner == owner for each in [each for each in everyone if each.id != job_id][:place])
            order = [*others[:ahead], job_id, *others[ahead:]]
            for moved, slot in zip(order, own, strict=True):
                connection.execute(jobs.update().where(jobs.c.id == moved).values(rank=slot.rank))
            row = connection.execute(sa.select(*COLUMNS).where(jobs.c.id == job_id)).one()
            return job_of(row)

    def cancel(self, job_id: str, owner: str) -> Job | None:
        """End a job now; whoever works on it finds its lease gone. One that is over stays as it is."""
        error = {"code": "cancelled", "message": "The job was cancelled, as asked."}
        with self.database.writing() as connection:
            row = connection.execute(sa.select(*COLUMNS).where(*owned(job_id, owner)).with_for_update()).first()
            if row is None:
                return None
            if row.status not in OVER:
                end(self.database, connection, job_of(row), jobs.c.id == job_id, "failed", error=error)
            return job_of(connection.execute(sa.select(*COLUMNS).where(jobs.c.id == job_id)).one())

    def delete(self, job_id: str, owner: str) -> bool:
        """Forget a job; whoever works on it finds its lease gone. Its files are the storage's to remove."""
        with self.database.writing() as connection:
            return bool(connection.execute(jobs.delete().where(*owned(job_id, owner))).rowcount)

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

    def load(self) -> Load:
        """What the queue asks of its workers and its storage now."""
        waits, begun = jobs.c.status == "queued", jobs.c.attempts > 1
        with self.database.reading() as connection:
            now = self.database.now(connection)
            since = connection.execute(sa.select(sa.func.min(jobs.c.created_at)).where(waits)).scalar()
            size = connection.execute(sa.select(sa.func.sum(jobs.c.bytes))).scalar()
            again = connection.execute(sa.select(sa.func.count()).select_from(jobs).where(begun)).scalar_one()
        return Load(max(0.0, now - since) if since is not None else 0.0, int(size or 0), int(again))

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
        row = connection.execute(sa.select(*COLUMNS).where(asked)).first()
        if row is None:
            return None
        if row.body_hash != new.body_hash:
            raise RepeatedError("This Idempotency-Key was given with another request; give a new one.")
        return job_of(row)

    def _rank(self, connection: sa.Connection, new: NewJob) -> float:
        """Where a new job comes in: owners take turns, so that nobody waits for all that another one has asked for.

        A rank's whole part is the turn: the one after its owner's last job's, but not before the one that the queue
        has come to, which is that of the jobs that were begun last or of the first one that waits. Within a turn the
        earlier request comes first.
        """
        here = (jobs.c.priority == _priority(new.kind), jobs.c.model == new.model)
        waiting = jobs.c.status == "queued"

        def rank(*where: sa.ColumnElement[bool], newest: bool = True) -> float | None:
            order = jobs.c.rank.desc() if newest else jobs.c.rank
            query = sa.select(jobs.c.rank).where(*here, *where).order_by(order).limit(1)
            return connection.execute(query).scalar()

        begun = [rank(jobs.c.status == status) for status in ("in_progress", "completed")]
        turns = [math.floor(each) for each in (*begun, rank(waiting, newest=False)) if each is not None]
        own = rank(jobs.c.status.in_(("queued", "in_progress")), jobs.c.owner == new.owner)
        turn = max([*turns, math.floor(own) + 1] if own is not None else turns, default=0)
        before = rank(waiting, jobs.c.rank >= turn, jobs.c.rank < turn + 1)
        return turn if before is None else (before + turn + 1) / 2


def _places() -> sa.Select[Any]:
    """How many jobs come before each of some waiting ones of one model and priority, by id.

    The database counts, and only along its index: those before the first of them, and those up to the last of them.
    """
    queue = (jobs.c.status == "queued", jobs.c.model == sa.bindparam("model"))
    priority, first = sa.bindparam("priority", type_=sa.Integer), sa.bindparam("first", type_=sa.Double)
    earlier = sa.tuple_(jobs.c.priority, jobs.c.rank) < sa.tuple_(priority, first)
    before = sa.select(sa.func.count()).select_from(jobs).where(*queue, earlier).scalar_subquery()
    place = before + sa.func.row_number().over(order_by=ORDER) - 1
    here = (jobs.c.priority == priority, jobs.c.rank.between(first, sa.bindparam("last", type_=sa.Double)))
    among = sa.select(jobs.c.id, place.label("place")).where(*queue, *here).subquery()
    return sa.select(among).where(among.c.id.in_(sa.bindparam("ids", expanding=True)))


_PLACES = _places()
"""Built once: it is asked with every answer."""


def _priority(kind: Kind) -> int:
    return 0 if kind == "story" else 1
