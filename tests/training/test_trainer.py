"""The trainer's promises: the same draws after a stop, a schedule one can compute, checkpoints that survive a kill."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from reasondiff.data.loader import SampleKey
from reasondiff.errors import CheckpointError, ReasonDiffError
from reasondiff.training.checkpoint import load_checkpoint
from reasondiff.training.optimizer import Optimizer
from reasondiff.training.trainer import Optimization, fit


@dataclass
class Points:
    """Points in space, ``batch`` a step; it remembers the samples that were drawn."""

    batch: int = 8
    drawn: list[SampleKey] = field(default_factory=list)

    def batch_size(self, step: int) -> int:
        return self.batch

    def draw(self, key: SampleKey) -> torch.Tensor:
        self.drawn.append(key)
        return torch.randn(3, generator=key.generator())

    def collate(self, samples: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.stack(list(samples))


class Line:
    """Fits a line to points."""

    def __init__(self, batch: int = 8) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Linear(3, 1)
        self.dataset = Points(batch)
        self.validated = 0

    def trainable(self) -> dict[str, nn.Parameter]:
        return dict(self.net.named_parameters())

    def loss(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        target = inputs @ torch.tensor([[1.0], [2.0], [3.0]])
        return {"loss": (self.net(inputs) - target).square().mean()}

    def validate(self, folder: Path) -> dict[str, float]:
        self.validated += 1
        return {"weight": float(self.net.weight[0, 0])}

    def export(self, model: Path) -> None:
        pass


PLAN = Optimization(steps=30, lr=0.1, warmup_steps=2, precision="fp32", ema_decay=0.9)


def test_stopping_and_resuming_changes_nothing(tmp_path: Path) -> None:
    whole, parts = Line(), Line()
    fit(whole, PLAN, tmp_path / "whole")
    assert fit(parts, PLAN, tmp_path / "parts", stop_after_minutes=0) == 1
    while fit(again := Line(), PLAN, tmp_path / "parts", stop_after_minutes=1e-6) < PLAN.steps:
        pass
    for name, weight in whole.trainable().items():
        assert torch.equal(weight, again.trainable()[name])


@pytest.mark.parametrize("inside", [True, False])
def test_ctrl_c_keeps_whole_steps_and_no_half_one(
    inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = Optimizer.step, []

    def interrupted(self: Optimizer, rate: float) -> None:
        calls.append(rate)
        whole(self, rate)
        if inside and len(calls) == 4:
            raise KeyboardInterrupt

    def stop(step: int, losses: object) -> None:
        if not inside and step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Optimizer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(Line(), PLAN, tmp_path / "run", on_step=stop)
    saved = load_checkpoint(tmp_path / "run")
    assert (saved is None) if inside else (saved is not None and saved.step == 4)
    monkeypatch.undo()
    straight, resumed = Line(), Line()
    fit(straight, PLAN, tmp_path / "straight")
    fit(resumed, PLAN, tmp_path / "run")
    assert torch.equal(straight.net.weight, resumed.net.weight)


def test_a_finished_run_holds_the_averaged_weights_and_is_validated_once(tmp_path: Path) -> None:
    stage = Line()
    fit(stage, PLAN, tmp_path)
    saved = load_checkpoint(tmp_path)
    assert saved is not None and saved.step == PLAN.steps and stage.validated == 1
    assert torch.equal(stage.net.weight, saved.ema["weight"])
    assert not torch.equal(stage.net.weight, saved.weights["weight"])


def test_the_log_means_the_steps_since_it_was_resumed(tmp_path: Path) -> None:
    def losses(run: Path) -> list[float]:
        rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        return [row["loss"] for row in rows if "loss" in row]

    fit(Line(), PLAN, tmp_path / "each", log_every=1)
    assert fit(Line(), PLAN, tmp_path / "parts", log_every=10, stop_after_minutes=0) == 1
    fit(Line(), PLAN, tmp_path / "parts", log_every=10)
    each = losses(tmp_path / "each")
    means = [sum(each[start:stop]) / (stop - start) for start, stop in ((1, 10), (10, 20), (20, 30))]
    assert losses(tmp_path / "parts") == pytest.approx(means)


def test_it_learns(tmp_path: Path) -> None:
    fit(Line(), Optimization(steps=200, lr=0.1, warmup_steps=1, precision="fp32"), tmp_path, log_every=1)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < 1e-2 * losses[0]


@pytest.mark.parametrize(("step", "share"), [(0, 0.5), (1, 1.0), (20, 1.0), (21, 1.0), (24, 6 / 9), (29, 1 / 9)])
def test_the_rate_warms_up_stays_and_falls_to_zero(step: int, share: float) -> None:
    assert math.isclose(PLAN.lr_at(step), 0.1 * share)


def test_more_steps_can_be_asked_for_later(tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path)
    assert fit(Line(), Optimization(steps=40, lr=0.1, precision="fp32", ema_decay=0.9), tmp_path) == 40


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    large, small = Line(batch=8), Line(batch=2)
    fit(large, PLAN, tmp_path / "large")
    fit(small, replace(PLAN, gradient_accumulation_steps=4), tmp_path / "small")
    assert small.dataset.drawn == large.dataset.drawn
    torch.testing.assert_close(small.net.weight, large.net.weight)


def test_a_loss_that_is_not_finite_stops_the_run_with_a_sentence(tmp_path: Path) -> None:
    stage = Line()
    stage.loss = lambda inputs: {"loss": stage.net(inputs).sum() * math.nan}
    with pytest.raises(ReasonDiffError, match="step 1 is not a finite number; lower the learning rate"):
        fit(stage, PLAN, tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path, stop_after_minutes=0)
    (tmp_path / "checkpoints" / "000001" / "weights.safetensors").write_bytes(b"cut off")
    with pytest.raises(CheckpointError, match="is damaged"):
        fit(Line(), PLAN, tmp_path)


@pytest.mark.parametrize("version", [None, 1, 3])
def test_a_checkpoint_of_another_version_is_refused(version: int | None, tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path, stop_after_minutes=0)
    state = tmp_path / "checkpoints" / "000001" / "state.json"
    state.write_text(json.dumps({"step": 1, "seconds": 0.0} | ({"version": version} if version else {})))
    with pytest.raises(CheckpointError, match="is of another version; begin anew with another --runs"):
        fit(Line(), PLAN, tmp_path)


SLOW_RUN = """
import sys, time
from pathlib import Path
from reasondiff.training.trainer import fit
from tests.training.test_trainer import PLAN, Line
class Slow(Line):
    def loss(self, inputs):
        time.sleep(0.05)
        return super().loss(inputs)
fit(Slow(), PLAN, Path(sys.argv[1]), checkpoint_minutes=0)
"""


def test_a_killed_process_loses_at_most_the_time_between_checkpoints(tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", SLOW_RUN, str(run)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 120
    # By name: the run goes on, and the checkpoint being read could be replaced.
    while max((int(saved.name) for saved in run.glob("checkpoints/[0-9]*[0-9]")), default=0) < 3:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    whole, rest = Line(), Line()
    fit(whole, PLAN, tmp_path / "whole")
    fit(rest, PLAN, run)
    assert torch.equal(whole.net.weight, rest.net.weight)
