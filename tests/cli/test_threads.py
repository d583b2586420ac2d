"""``--threads``: on every verb that computes, and before anything is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

VERBS = [
    ("generate",), ("demo",), ("cases",), ("evaluate",), ("train",), ("attention",), ("calibrate",), ("caption",),
    ("replay",), ("narrate",), ("narrate", "edit"),
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("number", [0, 1025])
def test_every_verb_that_computes_takes_it(refused: Callable, verb: tuple[str, ...], number: int) -> None:
    told = f"{number} CPU threads cannot compute; give 1 to 1024."
    assert refused(*verb, "--threads", number) == told


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What torch is asked for, in turn; it stays at one thread."""
    numbers: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # restored afterwards
    return numbers


def test_a_torch_that_is_loaded_is_told(reasondiff: Callable, asked: list[int]) -> None:
    assert reasondiff("train", "--recipe", "storyworld-tiny/base", "--threads", "3", "--dry-run").code == 0
    assert asked == [3]
    assert reasondiff("train", "--recipe", "storyworld-tiny/base", "--dry-run").code == 0
    assert asked == [3]


def test_a_torch_that_is_not_begins_with_it_and_a_refusal_does_not_load_one() -> None:
    code = (
        "import sys; sys.argv = ['reasondiff', 'evaluate', '--threads', '1', '--cases', '0']\n"
        "from reasondiff.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 2\n"
        "assert 'torch' not in sys.modules\n"
        "import torch; print(torch.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "2"}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr


def test_a_replay_computes_with_the_videos_number_unless_told_otherwise(
    reasondiff: Callable, here: object, model: object, asked: list[int]
) -> None:
    made = reasondiff("generate", "--image", "vase.png", "--narrative", "story.json", "--model", model, "-o", "a.mp4")
    assert made.code == 0 and not asked
    now = torch.get_num_threads()
    assert reasondiff("replay", "a.mp4", "-o", "b.mp4", "--model", model).code == 0
    assert asked == [now, now]
    asked.clear()
    reasondiff("replay", "a.mp4", "-o", "b.mp4", "--model", model, "--threads", "5")
    assert asked == [5, 5, now]
