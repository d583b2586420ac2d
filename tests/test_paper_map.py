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
    lines = {int(n) for span in re.findall(r"\| lines? ([\d, -]+?)[, ]", text) for n in re.findall(r"\d+", span)}
    assert {4, 5, 6, 7, 8, 14, 17, 18, 19, 20, 21, 24} <= lines
