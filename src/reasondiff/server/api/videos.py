"""``/v1/videos``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from reasondiff.server.api import schemas
from reasondiff.server.api.context import Owner, Parts, Seen, asked_by
from reasondiff.server.api.errors import not_found
from reasondiff.server.api.forms import read_fields, refusal
from reasondiff.server.api.ordering import Ordering
from reasondiff.server.api.shapes import Deleted, Video, VideoList, video_of
from reasondiff.server.jobs import OVER, Job
from reasondiff.server.service import Service
from reasondiff.web.refusal import Refusal

__all__ = ["router"]

router = APIRouter(prefix="/v1/videos", tags=["videos"], responses=schemas.REFUSALS)

Id = Annotated[str, Path(max_length=64)]

Variant = Literal[
    "video", "thumbnail", "spritesheet", "contact_sheet", "gif", "narrative", "record", "preview", "image"
]

TYPES = {
    "mp4": "video/mp4", "webp": "image/webp", "jpg": "image/jpeg", "png": "image/png", "gif": "image/gif",
    "json": "application/json",
}  # fmt: skip


def shown(service: Service, job: Job) -> Video:
    """A job as the API shows it, with its place in the queue."""
    return video_of(job, service.queue.places([job]).get(job.id))


def found(service: Service, job_id: str, owner: str) -> Job:
    """An owner's video.

    Raises:
        Refusal: there is none.
    """
    job = service.queue.get(job_id, owner)
    if job is None or job.kind != "video":
        raise not_found()
    return job


@router.post("", openapi_extra=schemas.CREATE)
async def create(request: Request, service: Parts, owner: Owner) -> Video:
    """Ask for a video."""
    fields = await read_fields(request)
    asked = asked_by(request, owner, fields, "create")
    return await run_in_threadpool(lambda: shown(service, Ordering(service).create(fields, asked)))


@router.get("")
def list_videos(
    service: Parts,
    owner: Owner,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> VideoList:
    """Your videos, by the time they were asked for."""
    jobs = service.queue.page(owner, limit=limit + 1, after=after, descending=order == "desc")
    more, jobs = len(jobs) > limit, jobs[:limit]
    places = service.queue.places(jobs)
    data = [video_of(job, places.get(job.id)) for job in jobs]
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return VideoList(data=data, first_id=first, last_id=last, has_more=more)


@router.post("/edits", openapi_extra=schemas.EDIT)
async def edit(request: Request, service: Parts, owner: Owner) -> Video:
    """Another story for a video's image and seed."""
    fields = await read_fields(request)
    asked = asked_by(request, owner, fields, "edits")
    return await run_in_threadpool(lambda: shown(service, Ordering(service).edit(fields, asked)))


@router.post("/extensions", openapi_extra=schemas.EXTEND)
async def extend(request: Request, service: Parts, owner: Owner) -> Video:
    """A video of a longer story, made anew."""
    fields = await read_fields(request)
    asked = asked_by(request, owner, fields, "extensions")
    return await run_in_threadpool(lambda: shown(service, Ordering(service).extend(fields, asked)))


@router.get("/{video_id}")
def retrieve(video_id: Id, request: Request, response: Response, service: Parts, owner: Owner) -> Video:
    """A video, from its request to its end."""
    job = found(service, video_id, owner)
    if request.headers.get("x-stainless-poll-helper") == "true":
        response.headers["openai-poll-after-ms"] = "500" if job.status == "in_progress" else "1000"
    return shown(service, job)


@router.patch("/{video_id}", openapi_extra=schemas.MOVE)
async def move(video_id: Id, request: Request, service: Parts, owner: Owner) -> Video:
    """Bring a waiting video to another place among your own."""
    fields = await read_fields(request)
    fields.check({"queue_position"})
    place = fields.number("queue_position", int)
    if type(place) is not int or not 0 <= place <= 10**9:
        raise refusal("queue_position", "'queue_position' is no place; give a whole number from 0.")

    def work() -> Video:
        found(service, video_id, owner)
        if (job := service.queue.move(video_id, owner, place)) is None:
            raise not_found()
        return shown(service, job)

    return await run_in_threadpool(work)


@router.delete("/{video_id}")
def delete(video_id: Id, service: Parts, owner: Owner) -> Deleted:
    """Forget a video and its files; one that is being made is stopped."""
    found(service, video_id, owner)
    if not service.queue.delete(video_id, owner):
        raise not_found()
    service.storage.delete(video_id)
    return Deleted(id=video_id)


@router.post("/{video_id}/cancel")
def cancel(video_id: Id, service: Parts, owner: Owner) -> Video:
    """Stop a video; one that is over stays as it is."""
    found(service, video_id, owner)
    if (job := service.queue.cancel(video_id, owner)) is None:
        raise not_found()
    return shown(service, job)


@router.post("/{video_id}/remix", openapi_extra=schemas.REMIX)
async def remix(video_id: Id, request: Request, service: Parts, owner: Owner) -> Video:
    """Another text for a video's image and seed."""
    fields = await read_fields(request)
    asked = asked_by(request, owner, fields, f"remix {video_id}")
    return await run_in_threadpool(lambda: shown(service, Ordering(service).remix(video_id, fields, asked)))


@router.get("/{video_id}/content", response_class=Response, responses=schemas.CONTENT)
def content(
    video_id: Id,
    service: Parts,
    owner: Owner,
    variant: Variant = "video",
    image: Annotated[int, Query(ge=1, description="Of the variant image: which one.")] = 1,
) -> Response:
    """The bytes of a video, or of a picture or text that goes with it."""
    job = found(service, video_id, owner)
    if variant == "narrative" and variant not in job.artifacts and job.narrative is not None:
        return JSONResponse(dict(job.narrative))
    name = _image(job, image) if variant == "image" else job.artifacts.get(variant)
    if name is None:
        if job.status in OVER:
            raise Refusal(404, f"This video has no {variant}; it is {job.status}.", code="no_content", param="variant")
        raise Refusal(409, f"There is no {variant} yet; the video is {job.status}.", code="not_ready", param="variant")
    suffix = name.rpartition(".")[2]
    headers = {"Cache-Control": "private, no-cache"}
    if (path := service.storage.local_path(name)) is not None:
        if not path.is_file():
            raise not_found()
        file = f"{job.id}.{suffix}"
        return FileResponse(
            path, media_type=TYPES[suffix], headers=headers, filename=file, content_disposition_type="inline"
        )
    return StreamingResponse(service.storage.chunks(name), media_type=TYPES[suffix], headers=headers)


def _image(job: Job, number: int) -> str:
    """Where an image that a video was asked for with is kept; they count from 1.

    Raises:
        Refusal: there is none of that number.
    """
    if number > len(job.order.images):
        raise Refusal(404, f"This video has no image {number}; it has {len(job.order.images)}.", param="image")
    return job.order.images[number - 1]


@router.get("/{video_id}/events", response_class=StreamingResponse, responses=schemas.EVENTS)
async def events(video_id: Id, request: Request, service: Parts, watchers: Seen, owner: Owner) -> Response:
    """A video's events, as they come."""
    job = await run_in_threadpool(found, service, video_id, owner)
    given = request.headers.get("last-event-id")
    if given is not None and not (given.isdecimal() and len(given) < 10):
        raise Refusal(400, "The Last-Event-ID is none of ours; leave it out.", param="Last-Event-ID")
    after = int(given) if given is not None else None
    if after is not None and after >= job.version and job.status in OVER:
        return Response(status_code=204)  # tells a browser not to come again
    stream: AsyncIterator[Any] = watchers.events(job, after)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
