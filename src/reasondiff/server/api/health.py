"""``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.exc import OperationalError

from reasondiff.server.api.context import Parts, Seen
from reasondiff.server.api.watching import Watchers
from reasondiff.server.service import Service

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
def healthz() -> str:
    """The process lives."""
    return "ok\n"


@router.get("/readyz", responses={503: {"description": "Jobs cannot be taken or done now."}})
def readyz(service: Parts) -> JSONResponse:
    """Whether jobs can be taken and done now, and why not."""
    missing = []
    try:
        if not service.queue.living_workers():
            missing.append("no worker lives")
    except OperationalError:
        missing.append("the database takes nothing")
    if (free := service.storage.free()) is not None and free < service.limits.disk_floor:
        missing.append("the disk is nearly full")
    return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: Parts, watchers: Seen) -> Response:
    """For Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(service, watchers))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Collector:
    """What the queue knows; there is no second count that could differ."""

    def __init__(self, service: Service, watchers: Watchers) -> None:
        self._service, self._watchers = service, watchers

    def describe(self) -> list[Metric]:
        """Nothing ahead of time."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        queue = self._service.queue
        jobs = GaugeMetricFamily("reasondiff_jobs", "Jobs by kind and status.", labels=["kind", "status"])
        for (kind, status), count in queue.counts().items():
            jobs.add_metric([kind, status], count)
        yield jobs
        workers = float(queue.living_workers())
        yield GaugeMetricFamily("reasondiff_workers", "Workers that gave a sign lately.", workers)
        load = queue.load()
        yield GaugeMetricFamily("reasondiff_longest_wait_seconds", "Of a job that still waits.", load.longest_wait)
        yield GaugeMetricFamily("reasondiff_artifact_bytes", "Of finished videos.", float(load.bytes))
        yield GaugeMetricFamily("reasondiff_jobs_tried_again", "Jobs of several attempts.", float(load.tried_again))
        seconds = GaugeMetricFamily("reasondiff_seconds_per_video", "Of the last twenty videos.", labels=["model"])
        for name in self._service.served:
            if (mean := queue.seconds_per_video(name)) is not None:
                seconds.add_metric([name], mean)
        yield seconds
        listeners = float(self._watchers.listeners)
        yield GaugeMetricFamily("reasondiff_event_listeners", "Streams of events that wait.", listeners)
        if (free := self._service.storage.free()) is not None:
            yield GaugeMetricFamily("reasondiff_storage_free_bytes", "Left for videos.", float(free))
