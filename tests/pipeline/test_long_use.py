"""Fifty generations in one process: memory stays flat, and the last one is what a fresh process makes."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reasondiff.narrative import Narrative
from tests.tiny.pipelines import alignformer, latents, pipeline


def tensors() -> int:
    gc.collect()
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


def story(number: int) -> Narrative:
    return Narrative.from_ends([(4, f"Scene {number}"), (9, f"After scene {number}")], number % 9, 9)


def test_nothing_is_kept_from_one_generation_to_the_next() -> None:
    pipe = pipeline(alignformer())
    counts = []
    for number in range(4):
        latents(pipe, narrative=story(number), num_inference_steps=1)
        counts.append(tensors())
    assert counts[-1] <= counts[1]


FRESH = """
import sys, torch
torch.set_num_threads(int(sys.argv[2]))
from tests.tiny.pipelines import alignformer, latents, pipeline
from tests.pipeline.test_long_use import story
torch.save(latents(pipeline(alignformer()), narrative=story(49), seed=49), sys.argv[1])
"""


@pytest.mark.slow
def test_fifty_generations(tmp_path: Path) -> None:
    pipe = pipeline(alignformer())
    for number in range(10):  # allocators settle
        last = latents(pipe, narrative=story(number), seed=number)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, tensors()
    for number in range(10, 50):
        last = latents(pipe, narrative=story(number), seed=number)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, tensors()
    assert after[1] <= before[1]
    assert after[0] <= before[0] * 1.02
    command = [sys.executable, "-c", FRESH, str(tmp_path / "fresh.pt"), str(torch.get_num_threads())]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)
    assert torch.equal(last, torch.load(tmp_path / "fresh.pt", weights_only=True))
