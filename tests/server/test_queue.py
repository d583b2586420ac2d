"""The queue on both databases: every job is done, and its outcome is written once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reasondiff.server import rows
from reasondiff.server.jobs import NewJob, Order
from reasondiff.server.leases import Leases
from reasondiff.server.queue import JobQueue, NotQueuedError, RepeatedError
from reasondiff.server.quotas import Quota, QuotaError
from reasondiff.server.rows import LeaseLostError, new_id
from reasondiff.server.tables import jobs, open_database, workers
from tests.server.harness import ORDER
from tests.server.postgres import postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobQueue]:
    url = f"sqlite:///{tmp_path}/queue.db" if request.param == "sqlite" else request.getfixturevalue("server")
    database = open_database(url)
    with database.writing() as connection:
        for table in (jobs, workers):
            connection.execute(table.delete())
    yield JobQueue(database)
    database.close()


@pytest.fixture
def leases(queue: JobQueue) -> Leases:
    return Leases(queue.database)


def new(**changes: Any) -> NewJob:
    return replace(NewJob(id=new_id("video"), owner="anna", model="tiny", order=ORDER, seed=1), **changes)


def age(queue: JobQueue, job_id: str, **columns: Any) -> None:
    with queue.database.writing() as connection:
        connection.execute(jobs.update().where(jobs.c.id == job_id).values(**columns))


def test_an_order_of_the_days_of_one_image_is_read() -> None:
    row = {name: value for name, value in ORDER.to_json().items() if name not in ("images", "places")}
    assert Order.from_json({**row, "image": "i"}) == ORDER == Order.from_json(ORDER.to_json())


def test_a_job_goes_its_way(queue: JobQueue, leases: Leases) -> None:
    job, fresh = queue.add(new())
    assert fresh and job.status == "queued" and job.order == ORDER
    lease = leases.claim("w", ["tiny"])
    assert lease is not None and lease.job.id == job.id and lease.job.attempts == 1
    leases.report(lease, stage="denoise", step=3, steps=20)
    leases.report(lease, narrative={"version": 1})
    seen = queue.get(job.id, "anna")
    assert seen is not None and (seen.stage, seen.step, seen.narrative) == ("denoise", 3, {"version": 1})
    leases.complete(lease, artifacts={"video": "v.mp4"}, size=9)
    done = queue.get(job.id)
    assert done is not None and (done.status, done.artifacts, done.bytes) == ("completed", {"video": "v.mp4"}, 9)
    assert done.expires_at == pytest.approx(done.completed_at + 30 * 24 * 3600)
    changes = [event.changes for event in queue.events(job.id, -1)]
    assert [event.number for event in queue.events(job.id, -1)] == [0, 1, 2, 3, 4]
    assert changes[0] == {"status": "queued"} and changes[2] == {"stage": "denoise", "step": 3, "steps": 20}
    assert leases.claim("w", ["tiny"]) is None


def test_stories_come_first_and_a_worker_takes_only_what_it_can(queue: JobQueue, leases: Leases) -> None:
    video, story, other = new(), new(kind="story"), new(model="wan")
    for each in (video, other, story):
        queue.add(each)
    taken = [lease.job.id for _ in range(3) if (lease := leases.claim("w", ["tiny"])) is not None]
    assert taken == [story.id, video.id]
    assert leases.claim("w", ["wan"], ["story"]) is None


def test_whoever_was_taken_for_dead_can_write_no_more(queue: JobQueue, leases: Leases) -> None:
    job, _ = queue.add(new())
    asleep = leases.claim("asleep", ["tiny"])
    assert asleep is not None and leases.claim("other", ["tiny"]) is None
    age(queue, job.id, lease_until=0.0)
    awake = leases.claim("awake", ["tiny"])
    assert awake is not None and awake.job.attempts == 2
    for write in (
        lambda: leases.report(asleep, step=1),
        lambda: leases.renew(asleep),
        lambda: leases.complete(asleep, artifacts={"video": "wrong"}, size=1),
        lambda: leases.fail(asleep, "x", "y"),
        lambda: leases.give_back(asleep, counts=True),
        lambda: leases.check(asleep),
    ):
        with pytest.raises(LeaseLostError):
            write()
    leases.complete(awake, artifacts={"video": "right"}, size=1)
    done = queue.get(job.id)
    assert done is not None and done.artifacts == {"video": "right"} and done.worker == "awake"


def test_a_job_that_kills_its_workers_is_given_up_after_three(queue: JobQueue, leases: Leases) -> None:
    job, _ = queue.add(new())
    for attempt in range(3):
        lease = leases.claim(f"w{attempt}", ["tiny"])
        assert lease is not None and lease.job.attempts == attempt + 1
        age(queue, job.id, lease_until=0.0)
    assert leases.claim("w3", ["tiny"]) is None
    given_up = queue.get(job.id)
    assert given_up is not None and given_up.status == "failed" and given_up.error["code"] == "worker_lost"


def test_the_jobs_of_the_dead_are_free_at_once(queue: JobQueue, leases: Leases) -> None:
    for name in ("host:1:ab", "host:12:cd"):
        queue.add(new())
        assert leases.claim(name, ["tiny"]) is not None
    leases.bury("host:1:")
    freed = leases.claim("host:3:ef", ["tiny"])
    assert freed is not None and freed.job.attempts == 2
    assert leases.claim("host:3:ef", ["tiny"]) is None and queue.living_workers() == 2


def test_giving_back_keeps_the_place_and_may_not_count(queue: JobQueue, leases: Leases) -> None:
    first, second = (queue.add(new())[0] for _ in range(2))
    lease = leases.claim("w", ["tiny"])
    assert lease is not None
    leases.give_back(lease, counts=False)
    back = queue.get(first.id)
    assert back is not None and (back.status, back.attempts, back.rank) == ("queued", 0, first.rank)
    assert queue.places([back, second]) == {first.id: 0, second.id: 1}


def test_cancelling_and_deleting_take_the_lease_away(queue: JobQueue, leases: Leases) -> None:
    for end in (queue.cancel, queue.delete):
        job, _ = queue.add(new())
        lease = leases.claim("w", ["tiny"])
        assert lease is not None and lease.job.id == job.id
        assert not end(job.id, "berta") and end(job.id, "anna")
        with pytest.raises(LeaseLostError):
            leases.check(lease)
    job, _ = queue.add(new())
    cancelled = queue.cancel(job.id, "anna")
    assert cancelled is not None and cancelled.status == "failed" and cancelled.error["code"] == "cancelled"
    assert queue.cancel(job.id, "anna") == cancelled


def test_many_claim_at_once_and_each_job_is_taken_once(queue: JobQueue, leases: Leases) -> None:
    ids = {queue.add(new())[0].id for _ in range(20)}
    taken: list[str] = []

    def work(number: int) -> None:
        while (lease := leases.claim(f"w{number}", ["tiny"])) is not None:
            taken.append(lease.job.id)
            leases.complete(lease, artifacts={}, size=0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(ids)


def test_the_same_request_makes_one_job(queue: JobQueue) -> None:
    made: list[str] = []

    def ask() -> None:
        made.append(queue.add(new(idempotency_key="k", body_hash="h"))[0].id)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 12 and len(set(made)) == 1
    with pytest.raises(RepeatedError):
        queue.add(new(idempotency_key="k", body_hash="other"))
    assert queue.add(new(idempotency_key="k", body_hash="other", owner="berta"))[1]


def test_quotas_are_of_one_key(queue: JobQueue, leases: Leases) -> None:
    queue.add(new(), Quota(queued=1))
    with pytest.raises(QuotaError, match="1 videos wait"):
        queue.add(new(), Quota(queued=1))
    queue.add(new(owner="berta"), Quota(queued=1))
    with pytest.raises(QuotaError) as refused:
        queue.add(new(), Quota(queued=None, frames_per_day=60))
    assert 86000 < refused.value.retry_after <= 86400
    lease = leases.claim("w", ["tiny"])
    assert lease is not None
    leases.complete(lease, artifacts={}, size=100)
    with pytest.raises(QuotaError, match="100 bytes"):
        queue.add(new(), Quota(queued=None, bytes=100))


def test_moving_swaps_places_among_ones_own(queue: JobQueue) -> None:
    owners = ["anna", "berta", "anna", "berta", "anna"]
    a0, b0, a1, b1, a2 = (queue.add(new(owner=owner))[0] for owner in owners)

    def order() -> list[str]:
        with queue.database.reading() as connection:
            return list(connection.execute(sa.select(jobs.c.id).order_by(jobs.c.rank)).scalars())

    queue.move(a2.id, "anna", 0)
    assert order() == [a2.id, b0.id, a0.id, b1.id, a1.id]
    queue.move(a2.id, "anna", 99)
    assert order() == [a0.id, b0.id, a1.id, b1.id, a2.id]
    queue.move(a0.id, "anna", 2)  # after one of berta's and one of anna's
    assert order() == [a1.id, b0.id, a0.id, b1.id, a2.id]
    assert queue.move(a0.id, "berta", 0) is None
    queue.cancel(a0.id, "anna")
    with pytest.raises(NotQueuedError):
        queue.move(a0.id, "anna", 0)


def test_places_are_what_counting_gives(queue: JobQueue) -> None:
    rng = random.Random(0)
    for _ in range(40):
        kind, model = rng.choice(["video", "video", "story"]), rng.choice(["tiny", "large"])
        job, _ = queue.add(new(owner=rng.choice("abc"), model=model, kind=kind))
        if rng.random() < 0.2:
            queue.cancel(job.id, job.owner)
    with queue.database.reading() as connection:
        ordered = connection.execute(sa.select(*rows.COLUMNS).where(jobs.c.status == "queued").order_by(*rows.ORDER))
        waiting = [rows.job_of(row) for row in ordered]
    counted: dict[str, int] = {}
    for model in ("tiny", "large"):
        counted |= {job.id: place for place, job in enumerate(job for job in waiting if job.model == model)}
    assert queue.places(waiting) == counted and len(counted) > 20
    for count in (1, 1, 2, 5):
        some = rng.sample(waiting, count)
        assert queue.places(some) == {job.id: counted[job.id] for job in some}
    assert queue.places([]) == {}


def test_owners_take_turns(queue: JobQueue, leases: Leases) -> None:
    def add(owner: str, count: int = 1) -> list[str]:
        return [queue.add(new(owner=owner))[0].id for _ in range(count)]

    def take(count: int) -> list[str]:
        return [lease.job.id for _ in range(count) if (lease := leases.claim("w", ["tiny"])) is not None]

    a, b, c = add("anna", 5), add("berta", 2), add("clara")
    assert take(4) == [a[0], b[0], c[0], a[1]]
    late = add("dora", 2)  # waits for nobody's second video, but for what came before her in this turn
    assert take(3) == [b[1], late[0], a[2]]
    c += add("clara")
    assert take(4) == [late[1], c[1], a[3], a[4]]
    assert add("anna") + add("berta") == take(2)


def test_old_jobs_are_forgotten_and_keys_become_free(queue: JobQueue) -> None:
    job, _ = queue.add(new(idempotency_key="k", body_hash="h"))
    queue.cancel(job.id, "anna")
    assert queue.expire() == []
    age(queue, job.id, created_at=0.0)
    queue.expire()
    again, fresh = queue.add(new(idempotency_key="k", body_hash="other"))
    assert fresh
    age(queue, job.id, expires_at=1.0)
    assert queue.expire() == [job.id]
    assert queue.existing([job.id, again.id]) == {again.id}


def test_only_the_newest_events_are_kept(queue: JobQueue, leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasondiff.server.rows.KEPT_EVENTS", 20)
    job, _ = queue.add(new())
    lease = leases.claim("w", ["tiny"])
    assert lease is not None
    for step in range(30):
        leases.report(lease, step=step)
    kept = queue.events(job.id, -1)
    assert len(kept) == 20 and kept[-1].changes == {"step": 29}
    queue.delete(job.id, "anna")
    assert queue.events(job.id, -1) == []
