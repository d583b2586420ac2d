"""Many items over processes: every one once, in order, and a process that dies is said."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

from reasondiff.data.sample import sample
from reasondiff.data.workers import over, over_processes
from reasondiff.errors import InputError, UnsupportedError
from tests.data.sets import SAMPLING, sampled_set


def square(number: int) -> int:
    return number * number


def die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order_and_a_killed_process_is_said() -> None:
    assert list(over_processes(square, range(1, 40), 2)) == [square(number) for number in range(1, 40)]
    with pytest.raises(UnsupportedError, match="A worker process was killed, perhaps because memory ran out"):
        list(over_processes(die, range(1, 9), 2))
    with pytest.raises(InputError, match="0 processes cannot work; give 1 to 256"):
        list(over_processes(square, [1], 0))
    with pytest.raises(InputError, match="A Ray cluster has processes of its own; leave --workers 2 out"):
        over(2, "auto")
    assert list(over()(square, [2, 3])) == [4, 9]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is here")
def test_without_ray_one_sentence_names_the_extra() -> None:
    with pytest.raises(InputError, match=r"A Ray cluster needs Ray; run pip install 'reasondiff\[ray\]'\."):
        list(over(ray="auto")(square, [1]))


def test_two_processes_make_the_clips_of_one(tmp_path: Path) -> None:
    one = sampled_set(tmp_path, 4)
    before = {path.name: path.read_bytes() for path in (one / "clips").iterdir()}
    lines = (one / "clips.jsonl").read_bytes()
    for path in (one / "clips").iterdir():
        path.unlink()
    done = sample(one, tmp_path / "videos", SAMPLING, over=over(2))
    assert done.kept == 0 and (one / "clips.jsonl").read_bytes() == lines
    assert {path.name: path.read_bytes() for path in (one / "clips").iterdir()} == before
