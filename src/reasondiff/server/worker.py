"""One process that does one job after another, for as long as it lives.

How a job is done is a ``Maker``'s; here is only what every job needs: a lease that is kept, progress that is told, an
end that is written once, and files that nobody sees before they are whole.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.exc import OperationalError

from reasondiff.errors import (
    InputError,
    NarrationError,
    OutputError,
    ProviderError,
    ReasonDiffError,
    StoppedError,
    UnsupportedError,
)
from reasondiff.server.jobs import Job, Kind, Lease
from reasondiff.server.leases import Leases
from reasondiff.server.rows import LeaseLostError
from reasondiff.server.storage import Storage

__all__ = ["BEFORE", "Made", "Maker", "Watch", "Worker"]

logger = logging.getLogger(__name__)

BEFORE = "before.mp4"

_CODES: tuple[tuple[type[ReasonDiffError], str], ...] = (
    (NarrationError, "narration_failed"),
    (ProviderError, "provider_error"),
    (OutputError, "storage_full"),
    (InputError, "invalid_input"),
    (UnsupportedError, "invalid_input"),
    (ReasonDiffError, "server_error"),
)
"""The first that fits names the error for programs; its sentence is for people."""


@dataclass(frozen=True)
class Made:
    """What came of a job.

    Args:
        files: by variant.
        changes: columns of the job that are known only now, such as ``narrative``.
    """

    files: Mapping[str, Path]
    changes: Mapping[str, Any] = field(default_factory=dict)


class Watch(Protocol):
    """Whom a maker tells how far it is, and who tells it to stop; it also is a ``StageProgress``."""

    stop: threading.Event
    """Set when the job is not wanted any more, or this worker should end."""

    def on_stage(self, name: str) -> None: ...

    def on_step(self, done: int, total: int) -> None: ...

    def on_narrative(self, narrative: Mapping[str, Any]) -> None:
        """The story is told; from here on it belongs to the job, and every later attempt tells the same."""
        ...

    def on_preview(self, picture: Path) -> None:
        """A picture of what the video is becoming is there."""
        ...


class Maker(Protocol):
    """Makes what a job asks for."""

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models whose jobs it does."""
        ...

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of jobs it does."""
        ...

    def make(self, job: Job, images: Sequence[bytes], folder: Path, watch: Watch) -> Made:
        """Do a job.

        Args:
            job: what is asked for.
            images: PNGs, as many as the job has places.
            folder: an empty folder, or that of an attempt on this machine that did not end; its files may be used. The
                video of which one clip is made again is there as ``BEFORE``.
            watch: to be told.

        Raises:
            ReasonDiffError: it cannot be done; the sentence is for whoever asked.
        """
        ...


class Worker:
    """Takes jobs off a queue and does them.

    Args:
        name: tells this worker from all others.
        leases: see ``Leases``.
        storage: where images are and results go.
        maker: does the jobs.
        scratch: a folder on this machine; what a job that is interrupted leaves here, its next attempt finds.
        poll_seconds: between two looks at an empty queue.
    """

    def __init__(
        self, name: str, leases: Leases, storage: Storage, maker: Maker, scratch: Path, poll_seconds: float = 0.2
    ) -> None:
        self.name, self.leases, self.storage, self.maker, self.scratch = name, leases, storage, maker, scratch
        self.poll_seconds = poll_seconds
        self.ending = threading.Event()
        """When it is set, the job that is done is given back, and ``run`` ends."""
        self.broken = False
        """Whether a fault of ours ended ``run``: what a GPU or a library is left in then is nothing to go on with."""

    def run(self) -> None:
        """Until ``ending`` is set."""
        while not self.ending.is_set():
            try:
                lease = self.leases.claim(self.name, self.maker.models, self.maker.kinds)
            except OperationalError as error:
                logger.warning("The database takes nothing now (%s); asking again.", error.orig)
                self.ending.wait(5)
                continue
            if lease is None:
                self.ending.wait(self.poll_seconds)
            else:
                self._do(lease)
        self.leases.say_goodbye(self.name)

    def _do(self, lease: Lease) -> None:
        folder = self.scratch / lease.job.id
        folder.mkdir(parents=True, exist_ok=True)
        done = False
        try:
            with _Keeper(self.leases, self.storage, lease, self.ending) as keeper:
                done = self._end(lease, keeper, folder)
        except LeaseLostError:
            done = True  # it is over for whoever asked, or another worker's
            gone = not self.leases.has(lease.job.id)
            self.storage.delete(lease.job.id if gone else f"{lease.job.id}/{lease.token}")
        except OperationalError as error:  # the lease runs out, and the next attempt finds what is here
            logger.warning("What became of %s could not be written down (%s).", lease.job.id, error.orig)
        finally:
            if done:
                shutil.rmtree(folder, ignore_errors=True)

    def _end(self, lease: Lease, keeper: _Keeper, folder: Path) -> bool:
        """Make what is asked for and write down what came of it; whether the job is over."""
        job = lease.job
        try:
            if job.order.redo is not None:
                (folder / BEFORE).write_bytes(self.storage.read(job.order.redo.film))
            made = self.maker.make(job, [self.storage.read(name) for name in job.order.images], folder, keeper)
            keeper.close()
            files = {variant: f"{job.id}/{lease.token}/{variant}{file.suffix}" for variant, file in made.files.items()}
            for variant, file in made.files.items():
                self.storage.put_file(files[variant], file)
            size = sum(file.stat().st_size for file in made.files.values())
        except (StoppedError, LeaseLostError):
            keeper.close()
            self.leases.check(lease)
            self.leases.give_back(lease, counts=False)  # it was this worker that had to end
            return False
        except OSError as error:
            keeper.close()
            logger.warning("%s failed: %s", job.id, error)
            self.leases.fail(lease, "storage_full", f"The video could not be kept ({error.strerror or error}).")
            return True
        except ReasonDiffError as error:
            keeper.close()
            code = next(code for kind, code in _CODES if isinstance(error, kind))
            self.leases.fail(lease, code, str(error))
            return True
        except Exception:
            keeper.close()
            logger.exception("%s failed by a fault of ours.", job.id)
            self.broken = True
            self.ending.set()
            if job.attempts >= self.leases.max_attempts:
                self.leases.fail(lease, "server_error", "The server made a mistake and has written it down.")
                return True
            self.leases.give_back(lease, counts=True)
            return False
        self.leases.complete(lease, artifacts=files, size=size, **made.changes)
        for other in self.storage.subfolders(job.id):
            if other != f"{job.id}/{lease.token}":
                self.storage.delete(other)  # of attempts that did not end
        return True


class _Keeper:
    """Keeps a lease while its job is done, and writes down how far it is, beside the work and at most twice a second.

    Args:
        leases: that the lease is of.
        storage: takes the previews.
        lease: to be kept.
        ending: set when this worker should end.
    """

    PACE = 0.5

    def __init__(self, leases: Leases, storage: Storage, lease: Lease, ending: threading.Event) -> None:
        self.stop = threading.Event()
        self._leases, self._storage, self._lease, self._ending = leases, storage, lease, ending
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._changes: dict[str, Any] = {}
        self._preview: Path | None = None
        self._artifacts: dict[str, str] = {}
        self._pace = _Pace()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> _Keeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The job is done; what follows is written by whoever ends it."""
        self._closed.set()
        self._thread.join()

    def on_stage(self, name: str) -> None:
        with self._lock:
            self._changes |= {"stage": name or None}

    def on_step(self, done: int, total: int) -> None:
        with self._lock:
            self._changes |= {"step": done, "steps": total, "eta": self._pace.left(done, total)}

    def on_narrative(self, narrative: Mapping[str, Any]) -> None:
        name = f"{self._lease.job.id}/{self._lease.token}/narrative.json"
        self._storage.put(name, json.dumps(narrative, indent=2, ensure_ascii=False).encode())
        with self._lock:
            self._artifacts["narrative"] = name
            artifacts = dict(self._artifacts)
        self._leases.report(self._lease, narrative=dict(narrative), artifacts=artifacts)

    def on_preview(self, picture: Path) -> None:
        with self._lock:
            self._preview = picture

    def _run(self) -> None:
        renewed = time.monotonic()
        while not self._closed.wait(self.PACE):
            if self._ending.is_set():
                self.stop.set()
            try:
                if time.monotonic() - renewed > self._leases.lease_seconds / 12:
                    self._leases.renew(self._lease)
                    renewed = time.monotonic()
                self._write()
            except LeaseLostError:
                self.stop.set()
                return
            except (OperationalError, OSError) as error:
                logger.warning("How far %s is could not be written down (%s).", self._lease.job.id, error)

    def _write(self) -> None:
        with self._lock:
            changes, self._changes = self._changes, {}
            preview, self._preview = self._preview, None
            if preview is not None:
                self._artifacts["preview"] = f"{self._lease.job.id}/{self._lease.token}/preview{preview.suffix}"
                changes["artifacts"] = dict(self._artifacts)
        if preview is not None:
            self._storage.put_file(self._artifacts["preview"], preview)
        if changes:
            self._leases.report(self._lease, **changes)
        else:
            self._leases.check(self._lease)


class _Pace:
    """How long the steps that are left will take, by those that are done."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[int, float] | None = None

    def left(self, done: int, total: int) -> float | None:
        """Seconds; None until two steps are done."""
        now = self._clock()
        if self._first is None or done <= self._first[0]:
            self._first = (done, now)
            return None
        first, since = self._first
        return round((now - since) / (done - first) * (total - done), 1)
