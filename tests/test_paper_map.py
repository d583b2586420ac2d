"""docs/paper-map.md names code that exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

MAP = Path(__file__).parents[1] / "docs" / "paper-map.md"
TARGETS = sorted(set(re.findall(r"`(reasondiff[\w.]*):([\w.]+)`", MAP.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("module", "name"), TARGETS, ids=[":".join(target) for target in TARGETS])
def test_target_exists(module: str, name: str) -> None:
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    assert found is not None


def test_the_map_covers_every_equation_and_algorithm_line() -> None:
    text = MAP.read_text(encoding="utf-8")
    assert all(f"Eq. {number}" in text for number in range(1, 7))
    lines = set()
    for named in re.findall(r"\| lines? ((?:\d+(?:-\d+)?, )+|\d+(?:-\d+)?)", text):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", named):
            lines |= set(range(int(first), int(last or first) + 1))
    assert lines == set(range(1, 27))
