"""Workers as actors of a Ray cluster; a machine of it is killed while its actor makes a video."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from reasondiff.errors import InputError
from reasondiff.server.jobs import OVER
from reasondiff.server.leases import Leases
from reasondiff.server.queue import JobQueue
from reasondiff.server.ray_workers import run_on_ray
from reasondiff.server.running import worker_name
from reasondiff.server.storage import Storage
from reasondiff.server.tables import open_database
from reasondiff.server.worker import Worker
from tests.server.fakes import FakeMaker
from tests.server.harness import Running, listening, service

pytestmark = [pytest.mark.packages, pytest.mark.enable_socket]


@pytest.fixture
def cluster() -> Iterator[object]:
    """A head that works on nothing."""
    ray = pytest.importorskip("ray", reason="run this where 'reasondiff[ray]' is installed")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()


def make(database: str, folder: Path) -> Worker:
    """In an actor."""
    leases = Leases(open_database(database), lease_seconds=6)
    return Worker(worker_name(), leases, Storage(f"{folder}/videos"), FakeMaker(2.0), folder / worker_name())


def test_an_actors_job_goes_to_another_machine_when_its_own_is_lost(cluster, tmp_path: Path) -> None:
    import ray

    database, ending = f"sqlite:///{tmp_path}/queue.db", threading.Event()
    parts = service(tmp_path, url=database)
    queue: JobQueue = parts.queue
    arguments = (partial(make, database, tmp_path), cluster.address, 1)
    actors = threading.Thread(target=run_on_ray, args=arguments, kwargs={"uses_gpus": True, "ending": ending})

    def until(what: str, done: object) -> None:
        end = time.monotonic() + 300
        while not done():
            assert time.monotonic() < end, what
            time.sleep(0.1)

    with listening(parts) as url:
        running = Running(url, parts, tmp_path)
        ids = [running.ask(f"Number {number}.", seed=number)["id"] for number in range(3)]
        actors.start()
        until("nobody has joined", ray.is_initialized)  # at the head: the raylet that a driver is at cannot be lost
        lost = cluster.add_node(num_cpus=1)
        until("nothing is begun", lambda: queue.get(ids[0]).step)
        cluster.add_node(num_cpus=1)
        cluster.remove_node(lost, allow_graceful=False)
        until("not all are made", lambda: all(queue.get(each).status in OVER for each in ids))
        ending.set()
        actors.join(120)
    jobs = [queue.get(each) for each in ids]
    assert [job.status for job in jobs] == ["completed"] * 3
    assert sum(job.attempts for job in jobs) == 4 and len({job.worker for job in jobs}) <= 2
    assert not actors.is_alive() and queue.living_workers() <= 1  # the lost one said no goodbye
    queue.database.close()


def test_no_cluster_is_said(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="run this where 'reasondiff[ray]' is installed")
    nobody = partial(make, "sqlite:///x", tmp_path)
    with pytest.raises(InputError, match=r"No Ray cluster answers at '127.0.0.1:1'"):
        run_on_ray(nobody, "127.0.0.1:1", None, uses_gpus=True, ending=threading.Event())
