"""What feeds the training step: samples that are each drawn from a key of their own, here or in worker processes.

The key is (seed, step, number of the sample in the step's global batch). Neither the number of processes, nor of
workers, nor a stop and a resume changes what a sample is.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from reasondiff.errors import InputError

__all__ = ["SampleKey", "StepDataset", "StepSampler", "check_batch", "draw_batch", "step_dataloader"]


@dataclass(frozen=True)
class SampleKey:
    """What all chance of one sample comes from.

    Args:
        seed: of the run.
        step: 0-based.
        sample: number in the step's global batch, 0-based, over all processes and accumulated batches.
    """

    seed: int
    step: int
    sample: int

    def generator(self) -> torch.Generator:
        """A source of tensors."""
        return _generator(f"{self.seed}/{self.step}/{self.sample}")

    def rng(self) -> random.Random:
        """A source of choices, independent of ``generator``."""
        return random.Random(f"{self.seed}/{self.step}/{self.sample}")

    def step_generator(self) -> torch.Generator:
        """The same for all samples of the step: for what they must have in common, such as their length."""
        return _generator(f"{self.seed}/{self.step}")


def _generator(name: str) -> torch.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)  # torch takes 63 bits


def check_batch(batch: int) -> None:
    """Raise ``InputError`` for a batch without samples."""
    if batch < 1:
        raise InputError(f"A batch of {batch} trains nothing; give 1 or more.")


class StepDataset(Protocol):
    """What a stage draws. It holds no model, so that it can be sent to worker processes; tensors are on the CPU."""

    def batch_size(self, step: int) -> int:
        """Samples of one batch in one process."""

    def draw(self, key: SampleKey) -> Any:
        """One sample; every draw comes from ``key``."""

    def collate(self, samples: Sequence[Any]) -> Any:
        """Samples as one batch."""


@dataclass(frozen=True)
class StepSampler:
    """Which samples of a step's global batch this process draws.

    Args:
        accumulation: batches per step in each process.
        processes: that share the run.
        rank: of this one.
    """

    accumulation: int = 1
    processes: int = 1
    rank: int = 0

    def keys(self, dataset: StepDataset, seed: int, number: int) -> list[SampleKey]:
        """The keys of this process's batch ``number``, counted over all steps of the run."""
        step, batch = divmod(number, self.accumulation)
        size = dataset.batch_size(step)
        first = (batch * self.processes + self.rank) * size
        return [SampleKey(seed, step, sample) for sample in range(first, first + size)]


def draw_batch(dataset: StepDataset, step: int, *, seed: int = 0) -> Any:
    """The batch of one step in a run of one process."""
    keys = StepSampler().keys(dataset, seed, step)
    return dataset.collate([dataset.draw(key) for key in keys])


class _Batches(Dataset[Any]):
    """All batches of a run by their number, for torch's ``DataLoader``."""

    def __init__(self, dataset: StepDataset, seed: int, sampler: StepSampler) -> None:
        self.dataset = dataset
        self.seed = seed
        self.sampler = sampler

    def __getitem__(self, number: int) -> Any:
        keys = self.sampler.keys(self.dataset, self.seed, number)
        return self.dataset.collate([self.dataset.draw(key) for key in keys])


def step_dataloader(
    dataset: StepDataset,
    *,
    seed: int,
    steps: range,
    sampler: StepSampler | None = None,
    workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader[Any]:
    """The batches of ``steps``, in order.

    Args:
        workers: processes that draw ahead; 0 draws in this one, when a batch is asked for.
        pin_memory: for a copy to a GPU that does not wait.
    """
    sampler = sampler or StepSampler()
    numbers = range(steps.start * sampler.accumulation, steps.stop * sampler.accumulation)
    return DataLoader(
        _Batches(dataset, seed, sampler),
        batch_size=None,  # a batch is drawn whole
        sampler=numbers,
        collate_fn=_as_it_is,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,  # a fork would carry threads and a GPU's context along
        pin_memory=pin_memory,
        generator=torch.Generator(),  # the loader's own seed is not taken from the run's
    )


def _as_it_is(batch: Any) -> Any:
    return batch
