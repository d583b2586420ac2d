"""A job as a value: what was asked for, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reasondiff.narrative.place import Place

__all__ = ["OVER", "Job", "Kind", "Lease", "NewJob", "Order", "Redo", "Status"]

Kind = Literal["video", "story"]
"""A video, or a story alone, which is told while somebody waits and so comes before all videos."""

Status = Literal["queued", "in_progress", "completed", "failed"]

OVER: tuple[Status, ...] = ("completed", "failed")


@dataclass(frozen=True)
class Redo:
    """Which clip of a finished video is made again; the rest of it is held.

    Args:
        film: where the storage keeps the video.
        clip: counted from 1.
        text: what the clip shows instead; None for its own.
    """

    film: str
    clip: int
    text: str | None


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was asked for; all of it is JSON, and none of it names a place on this machine.

    Args:
        prompt: the text.
        options: of ``VideoRequest``, those that were given.
        images: where the storage keeps them.
        places: where each of them is to be.
        image_size: width and height of the first, in pixels; its aspect is the video's.
        num_frames: of the video.
        size: of the frames, such as ``832x480``.
        interval: seconds between frames.
        style: of the story, for all clips; None leaves the story's own.
        webhook_url: told when the job is over.
        redo: where not all of the video is made; None for all.
        keep_days: how long the job and its files are kept when it is over; 0 for ever.
    """

    prompt: str
    options: Mapping[str, Any]
    images: tuple[str, ...]
    places: tuple[Place, ...]
    image_size: tuple[int, int]
    num_frames: int
    size: str
    interval: float
    style: str | None = None
    webhook_url: str | None = None
    redo: Redo | None = None
    keep_days: float = 30

    def to_json(self) -> dict[str, Any]:
        """As the database keeps it."""
        places = [vars(place) for place in self.places]
        lists = {"images": list(self.images), "places": places, "image_size": list(self.image_size)}
        redo = vars(self.redo) if self.redo is not None else None
        return {**vars(self), "options": dict(self.options), **lists, "redo": redo}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Order:
        """From what ``to_json`` gave."""
        data = dict(data)
        if "image" in data:  # a row of the days of one image
            data |= {"images": [data.pop("image")], "places": [{}]}
        width, height = data["image_size"]
        data |= {"images": tuple(data["images"]), "places": tuple(Place(**place) for place in data["places"])}
        data["redo"] = Redo(**data["redo"]) if data.get("redo") is not None else None
        return cls(**{**data, "image_size": (width, height)})


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job that is to be queued.

    Args:
        id: drawn by the server.
        owner: whose key asked.
        kind: see ``Kind``.
        model: that is to make it, by the name it is served under.
        order: see ``Order``.
        seed: of the noise; it stays with the job, so that a second attempt makes the same video.
        narrative: where it is told already.
        parent: the video that this one varies.
        idempotency_key: as the client gave it.
        body_hash: of the client's request, to compare a repeated one with.
    """

    id: str
    owner: str
    kind: Kind = "video"
    model: str
    order: Order
    seed: int
    narrative: Mapping[str, Any] | None = None
    parent: str | None = None
    idempotency_key: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of the queue.

    Args:
        id, owner, kind, model, order, seed, narrative, parent, body_hash: as of ``NewJob``; the narrative is
            there as soon as it is told.
        status: see ``Status``.
        rank: its turn in the queue; smaller numbers come first.
        created_at: seconds since 1970, as are the other times.
        started_at: of the last attempt.
        completed_at: when it was over.
        expires_at: when it and its files may go.
        stage: of the pipeline, or None.
        step: denoising steps that are done.
        steps: of all.
        eta: seconds until it is done, where they are known.
        attempts: that were begun.
        worker: who has it or had it last.
        error: code and message of a failed job.
        artifacts: where the storage keeps what was made, by variant.
        bytes: that the artifacts take.
        version: the number of its last event.
    """

    id: str
    owner: str
    kind: Kind
    model: str
    order: Order
    seed: int
    narrative: Mapping[str, Any] | None
    parent: str | None
    body_hash: str | None
    status: Status
    rank: float
    created_at: float
    started_at: float | None
    completed_at: float | None
    expires_at: float | None
    stage: str | None
    step: int | None
    steps: int | None
    eta: float | None
    attempts: int
    worker: str | None
    error: Mapping[str, Any] | None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    bytes: int = 0
    version: int = 0


@dataclass(frozen=True)
class Lease:
    """The right to work on a job, and to write what comes of it, until somebody else has it.

    Args:
        job: as it was when it was taken.
        token: names this lease in every write.
    """

    job: Job
    token: str
