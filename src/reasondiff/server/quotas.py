"""What one key may have."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from reasondiff.errors import ReasonDiffError
from reasondiff.server.jobs import NewJob
from reasondiff.server.rows import DAY
from reasondiff.server.tables import jobs

__all__ = ["Quota", "QuotaError"]


class QuotaError(ReasonDiffError, RuntimeError):
    """A key has used what it may.

    Args:
        message: one sentence.
        retry_after: seconds until it is worth to ask again.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


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

    def check(self, connection: sa.Connection, new: NewJob, now: float) -> None:
        """Raise ``QuotaError`` where the owner of a new job has used what a key may; ``now`` is the database's."""
        own = jobs.c.owner == new.owner
        if self.queued is not None:
            waiting = sa.select(sa.func.count()).select_from(jobs).where(own, jobs.c.status == "queued")
            if connection.execute(waiting).scalar_one() >= self.queued:
                raise QuotaError(f"{self.queued} videos wait already; ask again when some are done.", 30)
        if self.frames_per_day is not None:
            today = sa.select(jobs.c.order, jobs.c.created_at).where(
                own, jobs.c.kind == "video", jobs.c.created_at > now - DAY
            )
            rows = connection.execute(today).all()
            asked = sum(row.order["num_frames"] for row in rows) + new.order.num_frames
            if asked > self.frames_per_day:
                oldest = min((row.created_at for row in rows), default=now)
                message = f"This key may ask for {self.frames_per_day} frames in 24 hours; ask again later."
                raise QuotaError(message, max(1, round(oldest + DAY - now)))
        if self.bytes is not None:
            kept = connection.execute(sa.select(sa.func.sum(jobs.c.bytes)).where(own)).scalar() or 0
            if kept >= self.bytes:
                raise QuotaError(f"The videos of this key take {kept:,} bytes; delete some first.", 3600)
