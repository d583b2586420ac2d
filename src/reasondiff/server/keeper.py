"""What a server does beside answering: it forgets what is old, removes what no job names, and tells webhooks."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy.exc import OperationalError

from reasondiff.server.service import Service
from reasondiff.server.webhooks import Sender

__all__ = ["Keeper", "sweep"]

logger = logging.getLogger(__name__)

ORPHAN_SECONDS = 3600.0
"""A folder that no job names is left alone for so long: its job may be about to be queued."""


def sweep(service: Service, now: float | None = None, age: float = ORPHAN_SECONDS) -> list[str]:
    """Forget jobs that are kept long enough, and remove every file that no job names.

    Args:
        service: whose.
        now: seconds since 1970.
        age: of a folder that no job names, in seconds.

    Returns:
        The folders that are gone.
    """
    gone = service.queue.expire()
    now = time.time() if now is None else now
    old = [name for name, changed in service.storage.folders().items() if changed < now - age]
    for start in range(0, len(old), 500):
        some = old[start : start + 500]
        existing = service.queue.existing(some)
        gone += [name for name in some if name not in existing]
    for name in gone:
        service.storage.delete(name)
    return gone


class Keeper:
    """The thread that does it.

    Args:
        service: whose.
        sweep_seconds: between two sweeps.
    """

    def __init__(self, service: Service, sweep_seconds: float = 3600.0) -> None:
        self._service, self._sweep_seconds = service, sweep_seconds
        secret = service.webhook_secret
        self._sender = Sender(service.queue.database, secret, service.webhook_hosts) if secret is not None else None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        swept = -self._sweep_seconds
        while not self._closed.wait(1.0):
            try:
                if time.monotonic() - swept >= self._sweep_seconds:
                    sweep(self._service)
                    swept = time.monotonic()
                if self._sender is not None:
                    self._sender.send_due()
            except (OperationalError, OSError) as error:
                logger.warning("Nothing could be tidied up now (%s).", error)
