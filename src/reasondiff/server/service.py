"""What a server's routes work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reasondiff.server.keys import Keys
from reasondiff.server.queue import JobQueue
from reasondiff.server.quotas import Quota
from reasondiff.server.served import Served
from reasondiff.server.storage import Storage

__all__ = ["Limits", "Service"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is refused.

    Args:
        body: bytes of a request.
        pixels: of an image, counted before it is decoded.
        images: of a request.
        prompt: characters.
        clips: of a story.
        volume: width times height times frames of a video.
        disk_floor: bytes that stay free.
        story_seconds: how long a story is waited for.
        upload_seconds: how long a request may take to arrive.
        keep_days: how long a video and its files are kept when it is over; 0 for ever.
    """

    body: int = 64 * 2**20
    pixels: int = 40_000_000
    images: int = 32
    prompt: int = 4000
    clips: int = 1000
    volume: int = 1920 * 1088 * 257
    disk_floor: int = 10**9
    story_seconds: float = 300
    upload_seconds: float = 120
    keep_days: float = 30


@dataclass(frozen=True, kw_only=True)
class Service:
    """All parts of one server.

    Args:
        served: models by name; the first is the default.
        queue: takes the jobs.
        storage: keeps images and videos.
        keys: say who asks.
        quota: of each key.
        limits: see ``Limits``.
        webhook_secret: ``whsec_`` and base64; None where nobody is told.
        webhook_hosts: that may be told although they are not public.
        hosts: names that this server goes by.
    """

    served: Mapping[str, Served]
    queue: JobQueue
    storage: Storage
    keys: Keys
    quota: Quota = field(default_factory=Quota)
    limits: Limits = field(default_factory=Limits)
    webhook_secret: str | None = None
    webhook_hosts: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})

    @property
    def default(self) -> Served:
        """The model of a request that names none."""
        return next(iter(self.served.values()))
