"""``benchmarks.oracle``: its status says whether every required row is reached."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import oracle
from reasondiff.storyworld.judges import StoryVerdict
from reasondiff.storyworld.oracle import Verdict
from reasondiff.storyworld.template_judge import TemplateVerdict

PASS, FAIL = (
    StoryVerdict(Verdict(reasons, True, True, None, None, None), TemplateVerdict(reasons))
    for reasons in ((), ("the cat is never seen",))
)
VIDEO = np.zeros((1, 64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("row", "wanted", "least", "most"),
    [
        ("true", True, 99, 100),
        ("true, after the VAE", True, 97, 100),
        ("frozen", False, 0, 2),
        ("ghostly agent", False, 0, 2),
        ("nobody comes", False, 0, 100),
        ("true, noise 0.1", True, 0, 100),
    ],
)
def test_what_is_required_of_a_row(row: str, wanted: bool, least: int, most: int) -> None:
    for hits in {least - 1, least, most, most + 1} & set(range(101)):
        table = oracle.Table(None)
        table.row("core", row, iter([(VIDEO, PASS)] * hits + [(VIDEO, FAIL)] * (100 - hits)), wanted)
        assert table.missed == ([] if least <= hits <= most else [f"core {row}"])


def test_rows_that_miss_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--clips", "2", "--curve-clips", "0", "--levels", "core", "--only", "true", "frozen", "reversed"]
    monkeypatch.setattr("sys.argv", ["oracle", *arguments])
    oracle.main()
    monkeypatch.setattr(oracle, "judge_story", lambda *_, **__: PASS)
    with pytest.raises(SystemExit, match=r"^Required and missed: core frozen, core reversed\.$"):
        oracle.main()
    monkeypatch.setattr(oracle, "judge_story", lambda *_, **__: FAIL)
    with pytest.raises(SystemExit, match="core true"):
        oracle.main()
    monkeypatch.setattr(oracle, "VAE", Path("none"))
    with pytest.raises(SystemExit, match="There is no none, whose round trip"):
        oracle.main()
