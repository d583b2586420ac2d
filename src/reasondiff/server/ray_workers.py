"""Workers as actors of a Ray cluster: Ray starts them, moves them from a machine that is lost, and knows of no job.

The queue stays in the database. What an actor did when it was lost is leased to another one when its lease runs out, as
with any worker.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from reasondiff.cluster import join_cluster
from reasondiff.errors import InputError
from reasondiff.server.worker import Worker

__all__ = ["run_on_ray"]

GRACE = 60.0
"""Seconds in which an actor gives its job back; the lease of one that does not runs out."""


class RayWorker:
    """An actor that does jobs until it is told to end."""

    def __init__(self, make: Callable[[], Worker]) -> None:
        self._worker = make()

    def run(self) -> None:
        """See ``Worker.run``; after a fault of ours the process dies, so that Ray starts a fresh one."""
        self._worker.run()
        if self._worker.broken:
            os._exit(1)

    def end(self) -> None:
        """Give the job back that is done, and end."""
        self._worker.ending.set()


def run_on_ray(
    make: Callable[[], Worker], address: str, count: int | None, *, uses_gpus: bool, ending: threading.Event
) -> None:
    """Let actors do jobs until ``ending`` is set.

    Args:
        make: a worker, where an actor has come to be; a function of a module, with its arguments.
        address: of the cluster.
        count: of actors; None for one per GPU of the cluster, or one.
        uses_gpus: an actor has a GPU of its own where the cluster has any.
        ending: tells when.

    Raises:
        InputError: Ray is not installed, no cluster answers, or it has fewer GPUs than actors are asked for.
    """
    join_cluster(address)
    import ray

    gpus = int(ray.cluster_resources().get("GPU", 0)) if uses_gpus else 0
    if count is not None and 0 < gpus < count:
        raise InputError(f"The cluster has {gpus} GPUs and an actor takes one; give at most --actors {gpus}.")
    made: Any = ray.remote(RayWorker)
    actor = made.options(num_cpus=1, num_gpus=1 if gpus else 0, max_concurrency=2, max_restarts=-1, max_task_retries=-1)
    actors = [actor.remote(make) for _ in range(count or gpus or 1)]
    running = [each.run.remote() for each in actors]
    while running and not ending.wait(0.5):
        done, running = ray.wait(running, num_returns=len(running), timeout=0)
        ray.get(done)  # what one cannot do, none can: its sentence ends the command
    for each in actors:
        each.end.remote()
    if running:
        ray.wait(running, num_returns=len(running), timeout=GRACE)
