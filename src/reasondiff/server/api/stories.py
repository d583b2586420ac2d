"""``/v1/narratives`` and ``/v1/models``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from reasondiff.server.api import schemas
from reasondiff.server.api.context import Owner, Parts, Seen, asked_by
from reasondiff.server.api.errors import busy, not_found
from reasondiff.server.api.forms import Fields, read_fields
from reasondiff.server.api.ordering import Asked, Ordering
from reasondiff.server.api.shapes import Model, Models, Told, model_of
from reasondiff.server.api.watching import Watchers
from reasondiff.server.jobs import OVER, Job
from reasondiff.server.service import Service
from reasondiff.web.refusal import Refusal

__all__ = ["router", "tell"]

router = APIRouter(prefix="/v1", tags=["stories and models"], responses=schemas.REFUSALS)


@router.post("/narratives", openapi_extra=schemas.TELL)
async def narrate(request: Request, service: Parts, watchers: Seen, owner: Owner) -> Told:
    """Tell the story of an image and a text; the answer comes when it is told."""
    fields = await read_fields(request)
    asked = asked_by(request, owner, fields, "narratives")
    return await tell(service, watchers, fields, Asked(owner, None, asked.body_hash), request.is_disconnected)


async def tell(
    service: Service, watchers: Watchers, fields: Fields, asked: Asked, gone: Callable[[], Awaitable[bool]]
) -> Told:
    """Queue a story and wait for it; whoever goes away before has it cancelled.

    Raises:
        Refusal: it cannot be told, or nobody tells it in time.
    """
    job = await run_in_threadpool(Ordering(service).story, fields, asked)
    try:
        ended = await _ended(service, watchers, job, gone)
    finally:
        await asyncio.shield(run_in_threadpool(_forget, service, job))
    if ended.error is not None or ended.narrative is None:
        error = ended.error or {"message": "The story was lost.", "code": "server_error"}
        status = 400 if error["code"] == "invalid_input" else 502
        raise Refusal(status, error["message"], code=error["code"])
    story = dict(ended.narrative)
    provenance = dict(story.get("provenance", {}))
    return Told(narrative=story, candidates=list(provenance.get("candidates", ())))


async def _ended(service: Service, watchers: Watchers, job: Job, gone: Callable[[], Awaitable[bool]]) -> Job:
    until = time.monotonic() + service.limits.story_seconds
    while job.status not in OVER:
        if await gone() or time.monotonic() > until:
            raise busy("The story was not told in time; ask again later.")
        await watchers.changed(job.id, job.version, 1.0)
        now = await run_in_threadpool(service.queue.get, job.id)
        if now is None:
            raise not_found("story")
        job = now
    return job


def _forget(service: Service, job: Job) -> None:
    service.queue.delete(job.id, job.owner)
    service.storage.delete(job.id)


@router.get("/models")
def models(service: Parts, owner: Owner) -> Models:
    """The models that are served."""
    return Models(data=[_model(service, name) for name in service.served])


@router.get("/models/{model}")
def model(model: str, service: Parts, owner: Owner) -> Model:
    """One of them."""
    if model not in service.served:
        raise not_found("model")
    return _model(service, model)


def _model(service: Service, name: str) -> Model:
    return model_of(service.served[name], service.queue.seconds_per_video(name))
