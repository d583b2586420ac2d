"""``benchmarks.training``: it times the steps of real recipes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks import training
from reasondiff.training.distributed import accelerator_on
from reasondiff.training.stages.base import BaseStage


def test_a_step_takes_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = BaseStage.loss

    def slow(self: BaseStage, inputs: object) -> object:
        time.sleep(0.4)
        return loss(self, inputs)

    monkeypatch.setattr(BaseStage, "loss", slow)
    with accelerator_on() as accelerator:
        found = training.measured("storyworld-tiny/base", 1, tmp_path, accelerator, clips=2, steps=4, compile=False)
    assert found > 0.4
