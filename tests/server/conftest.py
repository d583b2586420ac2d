"""Servers for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

from tests.server.harness import Running, listening, service, working


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without a worker, for a module's tests that do not mind what others have asked for."""
    folder = tmp_path_factory.mktemp("shared")
    parts = service(folder)
    with listening(parts) as url:
        yield Running(url, parts, folder)
    parts.queue.database.close()


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Running]:
    """A server without a worker."""
    parts = service(tmp_path)
    with listening(parts) as url:
        yield Running(url, parts, tmp_path)
    parts.queue.database.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A server with a worker that needs no time."""
    parts = service(tmp_path)
    with listening(parts) as url, working(parts, tmp_path):
        yield Running(url, parts, tmp_path)
    parts.queue.database.close()
