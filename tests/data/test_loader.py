"""A sample is what its key says, whoever draws it: this process, a worker, or another process of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from reasondiff.data.loader import SampleKey, StepSampler, draw_batch, step_dataloader


@dataclass(frozen=True)
class Numbers:
    """Samples of a length that their step has in common, and with all kinds of chance; later batches are larger."""

    def batch_size(self, step: int) -> int:
        return 2 + step

    def draw(self, key: SampleKey) -> Tensor:
        length = int(torch.randint(1, 9, (), generator=key.step_generator()))
        own = torch.randn(length, generator=key.generator())
        return own + key.rng().random()

    def collate(self, samples: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(samples))


def batches(workers: int = 0, *, steps: range = range(4), sampler: StepSampler | None = None) -> list[Tensor]:
    return list(step_dataloader(Numbers(), seed=3, steps=steps, sampler=sampler, workers=workers))


def test_workers_change_no_batch_and_no_order() -> None:
    here, there = batches(), batches(workers=2)
    assert [batch.shape[0] for batch in here] == [2, 3, 4, 5]
    assert all(torch.equal(one, other) for one, other in zip(here, there, strict=True))


def test_a_loader_may_begin_at_any_step() -> None:
    late = batches(steps=range(2, 4))
    assert all(torch.equal(one, other) for one, other in zip(late, batches()[2:], strict=True))
    assert torch.equal(draw_batch(Numbers(), 2, seed=3), late[0])


@pytest.mark.parametrize(("processes", "accumulation"), [(2, 1), (1, 3), (2, 3)])
def test_the_keys_of_all_processes_are_a_steps_global_batch(processes: int, accumulation: int) -> None:
    step, size = 2, 4
    keys: list[SampleKey] = []
    for rank in range(processes):
        sampler = StepSampler(accumulation, processes, rank)
        for batch in range(accumulation):
            keys += sampler.keys(Numbers(), 3, step * accumulation + batch)
    assert sorted(key.sample for key in keys) == list(range(size * processes * accumulation))
    assert {(key.seed, key.step) for key in keys} == {(3, step)}


def test_chance_depends_on_seed_step_and_sample_and_on_nothing_else() -> None:
    keys = [SampleKey(seed, step, sample) for seed in range(3) for step in range(3) for sample in range(3)]
    assert len({torch.rand((), generator=key.generator()).item() for key in keys}) == 27
    assert len({key.rng().random() for key in keys}) == 27
    assert len({torch.rand((), generator=key.step_generator()).item() for key in keys}) == 9
    key = SampleKey(1, 2, 3)
    assert torch.equal(torch.rand(4, generator=key.generator()), torch.rand(4, generator=key.generator()))


def test_the_loader_leaves_the_global_chance_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(())
    torch.manual_seed(0)
    batches()
    assert torch.rand(()) == expected
