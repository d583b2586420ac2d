"""A cache of stories is found where it can be, or a sentence says what to set."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasondiff.narrative import Narrative
from reasondiff.narrator.cache import Cache

STORY = Narrative.from_ends([(9, "A vase.")], 3, 9)


def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    for name in ("REASONDIFF_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert Cache().get({"text": "a"}) is None
    said = Cache().put({"text": "a"}, STORY)
    assert "no home for the cache of stories" in said and "set REASONDIFF_CACHE" in said
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    Cache().put({"text": "a"}, STORY)
    assert Cache().get({"text": "a"}) == STORY and Cache(tmp_path / "reasondiff").get({"text": "a"}) == STORY
