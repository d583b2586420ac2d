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


def test_every_entry_names_code_or_a_folder() -> None:
    text = MAP.read_text(encoding="utf-8")
    assert not re.findall(r"`reasondiff[\w.]*`", text)  # a module says little
    for folder in re.findall(r"`([\w/]+/)`", text):
        assert (MAP.parents[1] / "src" / "reasondiff" / folder).is_dir(), folder


@pytest.mark.parametrize(
    "setting",
    ["Wan2.1-I2V-14B", "LoRA", "AdamW", "1e-5", "batch 8", "33 frames", "0.2 s", "512x512", "~10k clips", "one epoch",
     "beta = 0.2", "81 frames", "50 steps", "guidance 5.0", "8 heads", "U(0, 1)", "A100"],
)  # fmt: skip
def test_the_map_lists_every_hyper_parameter(setting: str) -> None:
    rows = MAP.read_text(encoding="utf-8").partition("## Appendix A, hyper-parameters")[2].partition("## Section 4")[0]
    assert any(setting in row.split("|")[1] for row in rows.splitlines() if row.startswith("|"))


def test_the_map_covers_every_equation_and_algorithm_line() -> None:
    text = MAP.read_text(encoding="utf-8")
    assert all(f"Eq. {number}" in text for number in range(1, 7))
    lines = set()
    for named in re.findall(r"\| lines? ((?:\d+(?:-\d+)?, )+|\d+(?:-\d+)?)", text):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", named):
            lines |= set(range(int(first), int(last or first) + 1))
    assert lines == set(range(1, 27))
