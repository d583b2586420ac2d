"""One look at the database for all who follow a video's events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool

from reasondiff.server.api.shapes import at, video_of
from reasondiff.server.jobs import OVER, Job
from reasondiff.server.queue import JobQueue

__all__ = ["Watchers"]

logger = logging.getLogger(__name__)

PACE = 0.25
"""Seconds between two looks."""
QUIET = 15.0
"""Seconds after which a quiet stream says that it is still there."""


class Watchers:
    """Wakes whoever waits for a job to change.

    Args:
        queue: whose jobs.
    """

    def __init__(self, queue: JobQueue) -> None:
        self.queue = queue
        self._waiting: dict[str, list[tuple[int, asyncio.Future[bool]]]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """Who waits now."""
        return sum(map(len, self._waiting.values()))

    async def changed(self, job_id: str, version: int, timeout: float) -> bool:
        """Whether a job changed after an event's number, or is gone, before the time is up."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        waiter = (version, future)
        self._waiting.setdefault(job_id, []).append(waiter)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            return False
        finally:
            others = self._waiting[job_id]
            others.remove(waiter)
            if not others:
                del self._waiting[job_id]

    async def events(self, job: Job, after: int | None) -> AsyncIterator[bytes]:
        """A job's events as ``text/event-stream``, until it is over or gone.

        Args:
            job: as it is.
            after: the number of the last event that was seen; None for none.
        """
        yield b"retry: 1000\n\n"
        if after is None:
            seen, shown = job.version, job
            yield await self._event(seen, shown)
        else:
            seen, shown = await self._caught_up(job, after)
        while shown.status not in OVER:
            for event in await run_in_threadpool(self.queue.events, job.id, seen):
                seen, shown = event.number, at(shown, event.changes)
                yield await self._event(seen, shown)
            if shown.status in OVER:
                return
            if not await self.changed(job.id, seen, QUIET):
                yield b": here\n\n"
            elif await run_in_threadpool(self.queue.get, job.id) is None:
                return

    async def _caught_up(self, job: Job, after: int) -> tuple[int, Job]:
        """The job as it was after an event that was seen, by the events up to it."""
        shown = replace(
            job, status="queued", stage=None, step=None, steps=None, eta=None, artifacts={}, error=None,
            completed_at=None, expires_at=None, attempts=0,
        )  # fmt: skip
        seen = -1
        for event in await run_in_threadpool(self.queue.events, job.id, -1):
            if event.number <= after:
                seen, shown = event.number, at(shown, event.changes)
        return max(seen, min(after, job.version)), shown

    async def _event(self, number: int, job: Job) -> bytes:
        places = await run_in_threadpool(self.queue.places, [job])
        data = json.dumps(video_of(job, places.get(job.id)).model_dump(), ensure_ascii=False)
        return f"id: {number}\ndata: {data}\n\n".encode()

    async def _look(self) -> None:
        while self._waiting:
            try:
                versions = await run_in_threadpool(self.queue.versions, list(self._waiting))
            except OperationalError as error:
                logger.warning("The database takes nothing now (%s).", error.orig)
                versions = None
            if versions is not None:
                for job_id, waiters in self._waiting.items():
                    for version, future in waiters:
                        if not future.done() and versions.get(job_id, version + 1) > version:
                            future.set_result(True)
            await asyncio.sleep(PACE)
