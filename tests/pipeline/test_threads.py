"""Jobs in one process do not share state: threads take turns, and nobody gets another one's story."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from reasondiff.backends.exclusive import exclusive
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from tests.tiny.pipelines import add_lora, alignformer, latents, pipeline

STORIES = [
    Narrative.from_ends([(4, f"{thing} stands"), (9, f"{thing} falls")], anchor, 9)
    for thing, anchor in (("A vase", 8), ("A tall candle", 0), ("The bicycle of a cat", 4))
]


def together(calls: list[Callable[[], Tensor]]) -> list[Tensor]:
    """The results of calls that all begin at once."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Tensor]) -> Tensor:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def test_threads_on_one_pipeline_get_what_they_get_alone() -> None:
    pipe = pipeline(alignformer())
    add_lora(pipe)
    options: list[dict[str, Any]] = [{"narrative": story, "use_adapter": k != 1} for k, story in enumerate(STORIES)]
    alone = [latents(pipe, **each) for each in options]
    for _ in range(3):
        found = together([lambda each=each: latents(pipe, **each) for each in options])
        assert all(torch.equal(*pair) for pair in zip(found, alone, strict=True))
    assert all(torch.equal(latents(pipe, **each), expected) for each, expected in zip(options, alone, strict=True))


def test_two_pipelines_on_one_transformer_get_what_they_get_alone() -> None:
    pipes = [pipeline(alignformer())]
    pipes.append(ReasonDiffPipeline(**pipes[0].components, reasondiff=pipes[0].config["reasondiff"]))
    pipes[1].set_progress_bar_config(disable=True)
    pairs = [(pipe, story) for pipe in pipes for story in STORIES]
    alone = [latents(pipe, narrative=story) for pipe, story in pairs]
    found = together([lambda pipe=pipe, story=story: latents(pipe, narrative=story) for pipe, story in pairs])
    assert all(torch.equal(*pair) for pair in zip(found, alone, strict=True))


def test_another_thread_can_stop_the_running_call_and_only_that() -> None:
    pipe = pipeline()
    running, stopped = threading.Event(), threading.Event()
    steps: dict[str, int] = {"first": 0, "second": 0}

    def on_step(name: str) -> Callable[..., dict[str, Any]]:
        def count(pipe: Any, step: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            steps[name] += 1
            if name == "first":
                running.set()
                assert stopped.wait(60)
            return {}

        return count

    def call(name: str) -> Tensor:
        return latents(pipe, narrative=STORIES[0], num_inference_steps=4, callback_on_step_end=on_step(name))

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(call, "first")
        assert running.wait(60)
        second = threads.submit(call, "second")  # waits for the first
        pipe.stop()
        stopped.set()
        assert first.result().isfinite().all() and second.result().isfinite().all()
    assert steps == {"first": 1, "second": 4}


def test_a_stop_before_a_call_stops_nothing() -> None:
    pipe = pipeline()
    expected = latents(pipe)
    pipe.stop()
    assert torch.equal(latents(pipe), expected)


def test_locks_nest_and_wait_in_one_order() -> None:
    one, other = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    order: list[str] = []

    def both(name: str, *parts: Any) -> Tensor:
        with exclusive(*parts), exclusive(*reversed(parts), None):
            order.extend([f"{name} in", f"{name} out"])
        return torch.zeros(())

    calls = [lambda k=k: both(str(k), *((one, other) if k % 2 else (other, one))) for k in range(8)]
    together(calls)
    assert [entry.split()[0] for entry in order[::2]] == [entry.split()[0] for entry in order[1::2]]
