"""The processes that ``torchrun`` or ``accelerate launch`` started together, and what only one of them may do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Group"]


class Group:
    """This process among those that were started with it, or alone."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        self._state = None
        if self.size > 1:
            import torch
            from accelerate import PartialState

            self._state = PartialState(cpu=not torch.cuda.is_available())  # each process computes on a GPU of its own

    @property
    def is_first(self) -> bool:
        """The one that writes what all of them have made, and that speaks."""
        return self._state is None or bool(self._state.is_main_process)

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The first does what is in the block before the others do it."""
        if self._state is None:
            yield
            return
        with self._state.main_process_first():
            yield

    def meet(self) -> None:
        """Wait until every process is here."""
        if self._state is not None:
            self._state.wait_for_everyone()
