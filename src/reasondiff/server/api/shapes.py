"""The JSON of the API's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from reasondiff.narrative.place import FrameType
from reasondiff.server.jobs import OVER, Job
from reasondiff.server.served import Served

__all__ = ["Deleted", "Model", "Models", "Told", "Video", "VideoList", "at", "model_of", "video_of"]


class JobError(BaseModel):
    """Why there is no video."""

    code: str
    message: str


class Placed(BaseModel):
    """Where an image is to be, in the words of a request."""

    frame_type: FrameType
    frame_index: int | None = Field(description="Counted from 0.")


class About(BaseModel):
    """What is known of a video beyond the protocol."""

    narrative: dict[str, Any] | None = Field(description="The story, as soon as it is told.")
    anchor: int | None = Field(description="The image's frame in it, counted from 1.")
    seed: int
    num_frames: int
    stage: str | None = Field(description="narrate, encode, align, denoise or decode.")
    step: int | None = Field(description="Denoising steps that are done.")
    steps: int | None
    queue_position: int | None = Field(description="Videos before it; null once it has begun.")
    eta_s: float | None = Field(description="Seconds that are left, where they are known.")
    attempts: int
    images: list[Placed] = Field(description="What was asked of each image.")
    variants: list[str] = Field(description="What /content can give now.")


class Video(BaseModel):
    """A video, from its request to its end."""

    id: str
    object: Literal["video"] = "video"
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int = Field(ge=0, le=100)
    created_at: int
    completed_at: int | None
    expires_at: int | None
    seconds: str
    size: str
    prompt: str
    remixed_from_video_id: str | None
    error: JobError | None
    reasondiff: About


class VideoList(BaseModel):
    """A page of videos."""

    object: Literal["list"] = "list"
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(BaseModel):
    """A video is gone."""

    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: Literal[True] = True


class Told(BaseModel):
    """A story, and the narrator's other ideas."""

    narrative: dict[str, Any]
    candidates: list[dict[str, Any]]


class AboutModel(BaseModel):
    """What a model makes unless told otherwise."""

    num_frames: int
    stride: int
    interval: float
    width: int
    height: int
    num_inference_steps: int
    seconds_per_video: float | None
    memory_gb: float = Field(description="GPU memory that such a video is predicted to take.")


class Model(BaseModel):
    """A model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "reasondiff"
    reasondiff: AboutModel


class Models(BaseModel):
    """All models that are served."""

    object: Literal["list"] = "list"
    data: list[Model]


_SHARES = {"narrate": (0, 5), "encode": (5, 10), "align": (10, 12), "denoise": (12, 90), "decode": (90, 99)}
"""Per cent of a video at which each stage begins and ends."""

_EVENT_COLUMNS = {each.name for each in fields(Job)} - {"order"}


def video_of(job: Job, place: int | None) -> Video:
    """A job as the API shows it; ``place`` is its queue position, where it waits."""
    over = job.status in OVER
    variants = [name for name in job.artifacts if over or name in ("narrative", "preview")]
    return Video(
        id=job.id,
        model=job.model,
        status=job.status,
        progress=_progress(job),
        created_at=int(job.created_at),
        completed_at=int(job.completed_at) if job.completed_at is not None and job.status == "completed" else None,
        expires_at=int(job.expires_at) if job.expires_at is not None else None,
        seconds=f"{job.order.num_frames * job.order.interval:.6g}",
        size=job.order.size,
        prompt=job.order.prompt,
        remixed_from_video_id=job.parent,
        error=JobError(**job.error) if job.error is not None else None,
        reasondiff=About(
            narrative=dict(job.narrative) if job.narrative is not None else None,
            anchor=_position(job.narrative),
            seed=job.seed,
            num_frames=job.order.num_frames,
            stage=job.stage,
            step=job.step,
            steps=job.steps,
            queue_position=place if job.status == "queued" else None,
            eta_s=job.eta,
            attempts=job.attempts,
            images=[Placed(**vars(place)) for place in job.order.places],
            variants=sorted(variants),
        ),
    )


def at(job: Job, changes: Mapping[str, Any]) -> Job:
    """A job as it is after an event."""
    return replace(job, **{name: value for name, value in changes.items() if name in _EVENT_COLUMNS})


def model_of(served: Served, seconds_per_video: float | None) -> Model:
    """A model as the API shows it."""
    defaults = served.defaults
    width, height = served.size(served.request, (1, 1))
    return Model(
        id=served.name,
        reasondiff=AboutModel(
            num_frames=defaults.num_frames,
            stride=served.stride,
            interval=defaults.interval,
            width=width,
            height=height,
            num_inference_steps=defaults.num_inference_steps,
            seconds_per_video=round(seconds_per_video, 2) if seconds_per_video is not None else None,
            memory_gb=round(served.memory / 2**30, 2),
        ),
    )


def _progress(job: Job) -> int:
    if job.status == "completed":
        return 100
    if job.stage not in _SHARES:
        return 0
    begins, ends = _SHARES[job.stage]
    done = job.step / job.steps if job.stage == "denoise" and job.step and job.steps else 0.0
    return int(begins + (ends - begins) * done)


def _position(narrative: Mapping[str, Any] | None) -> int | None:
    if narrative is None:
        return None
    return narrative["position"] if "position" in narrative else narrative["anchors"][0]["position"]
