from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image

from tests.narrator.providers.misbehaving_server import Server, running


@pytest.fixture(scope="session")
def _running() -> Iterator[Server]:
    with running() as app:
        yield app


@pytest.fixture
def server(_running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, as new; no key is in the environment."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    _running.__dict__.update({**Server().__dict__, "url": _running.url})
    return _running


@pytest.fixture
def image() -> Image.Image:
    return Image.linear_gradient("L").resize((48, 32)).convert("RGB")
