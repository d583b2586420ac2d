"""A database of an older release is brought up to date; one that cannot be is left as it is, with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from reasondiff.errors import InputError
from reasondiff.server.jobs import NewJob
from reasondiff.server.keys import Keys
from reasondiff.server.leases import Leases
from reasondiff.server.queue import JobQueue
from reasondiff.server.rows import new_id
from reasondiff.server.tables import metadata, open_database
from reasondiff.web.database import Database
from tests.server.harness import ORDER
from tests.server.postgres import postgres

BEFORE = Path(__file__).with_name("made_before") / "queue.sql"
DONE, WAITING = "video_" + "1" * 32, "video_" + "2" * 32


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/queue.db"
        return
    with postgres(tmp_path) as address:
        yield address


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for each in statements:
            connection.exec_driver_sql(each)
    engine.dispose()


def columns(url: str, table: str) -> set[str]:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        return {column["name"] for column in sa.inspect(engine).get_columns(table)}
    except sa.exc.NoSuchTableError:
        return set()
    finally:
        engine.dispose()


def test_an_older_releases_queue_goes_on(url: str) -> None:
    execute(url, *BEFORE.read_text(encoding="utf-8").split(";\n")[:-1])
    queue = JobQueue(open_database(url))
    done, waiting = queue.get(DONE), queue.get(WAITING, "local")
    assert done is not None and (done.status, done.artifacts["video"][-4:]) == ("completed", ".mp4")
    assert waiting is not None and (waiting.rank, waiting.order.images) == (5.5, ("i",))
    new, _ = queue.add(NewJob(id=new_id("video"), owner="local", model="storyworld-tiny", order=ORDER, seed=1))
    assert queue.places([new, waiting]) == {WAITING: 0, new.id: 1}
    lease = Leases(queue.database).claim("w", ["storyworld-tiny"])
    assert lease is not None and lease.job.id == WAITING
    assert [key.name for key in Keys(queue.database).all()] == ["anna"]
    queue.database.close()
    again = open_database(url)  # nothing is left to do
    again.close()
    assert "rank" in columns(url, "jobs") and "position" not in columns(url, "jobs")


def test_columns_and_indexes_that_are_new_are_added(url: str) -> None:
    open_database(url).close()
    execute(url, "INSERT INTO keys VALUES ('key_0', 'anna', 'h', 1.0, NULL)")
    later = sa.MetaData()
    keys = sa.Table(
        "keys", later,
        *(sa.Column(column.name, column.type, primary_key=column.primary_key) for column in metadata.tables["keys"].c),
        sa.Column("note", sa.JSON), sa.Column("uses", sa.Integer, nullable=False, server_default="3"),
        sa.Index("keys_by_use", "uses"),
    )  # fmt: skip
    database = Database(url, later)
    with database.reading() as connection:
        row = connection.execute(sa.select(keys)).one()
        assert (row.name, row.note, row.uses) == ("anna", None, 3)
        assert "keys_by_use" in {index["name"] for index in sa.inspect(connection).get_indexes("keys")}
    database.close()


def test_a_column_that_cannot_be_added_is_named_and_nothing_is_changed(url: str) -> None:
    execute(url, "CREATE TABLE keys (id VARCHAR(64) NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL)")
    with pytest.raises(InputError, match="table 'keys' has no column 'hash', which this release cannot add; keep that"):
        open_database(url)
    assert columns(url, "keys") == {"id", "name"} and not columns(url, "jobs")


def test_a_newer_releases_database_is_refused(url: str) -> None:
    open_database(url).close()
    execute(url, "UPDATE about SET schema = 99")
    with pytest.raises(InputError, match=r"A newer release has made this database .*; update reasondiff, or"):
        open_database(url)


def test_addresses_that_lead_nowhere_are_named_without_their_password() -> None:
    for url in ("nonsense://user:secret@host/db", "sqlite:queue.db", "sqlite:////nowhere/at/all/queue.db"):
        with pytest.raises(InputError) as refused:
            open_database(url)
        assert "secret" not in str(refused.value)
