"""The trainer's promises: the same draws after a stop, a schedule one can compute, checkpoints that survive a kill."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from reasondiff.data.loader import SampleKey
from reasondiff.errors import CheckpointError, InputError, ReasonDiffError
from reasondiff.training.checkpoint import Retention, load_checkpoint
from reasondiff.training.log import by_bin, read_log
from reasondiff.training.optimization import Optimization
from reasondiff.training.optimizer import Optimizer
from reasondiff.training.trainer import fit


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


TIMES = ("time", "samples_per_second", "memory_gb")


def curve(run: Path) -> list[dict[str, object]]:
    """What a log says but for the clock's and the machine's part."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in read_log(run)]


def test_the_log_of_a_run_that_was_stopped_is_that_of_one_that_was_not(tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path / "each", log_every=1)
    fit(Line(), PLAN, tmp_path / "whole", log_every=10)
    assert fit(Line(), PLAN, tmp_path / "parts", log_every=10, stop_after_minutes=0) == 1
    fit(Line(), PLAN, tmp_path / "parts", log_every=10)
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")
    each = [row["loss"] for row in curve(tmp_path / "each") if "loss" in row]
    means = [sum(each[start : start + 10]) / 10 for start in (0, 10, 20)]
    assert [row["loss"] for row in curve(tmp_path / "parts") if "loss" in row] == pytest.approx(means)


def test_lines_after_the_checkpoint_and_one_that_was_cut_off_are_written_anew(tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path / "whole", log_every=2)
    fit(Line(), replace(PLAN, steps=6, decay_fraction=0.0), tmp_path / "run", log_every=2, stop_after_minutes=0)
    with open(tmp_path / "run" / "log.jsonl", "a") as file:
        file.write('{"step": 2, "loss": 7.0}\n{"step": 4, "lo')
    fit(Line(), PLAN, tmp_path / "run", log_every=2)
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")


def test_a_line_says_what_one_watches(tmp_path: Path) -> None:
    fit(Line(batch=8), replace(PLAN, max_grad_norm=1e-9), tmp_path, log_every=15)
    first = read_log(tmp_path)[0]
    assert first["step"] == 15 and first["skipped"] == 0 and first["lr"] == PLAN.lr_at(14)
    assert first["grad_norm"] > 1  # as it was, not as it was clipped
    assert first["samples_per_second"] > 0 and 0.01 < first["memory_gb"] < 100


def test_series_are_means_by_bin(tmp_path: Path) -> None:
    stage, loss = Line(batch=4), Line.loss

    def with_series(inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        bins = torch.tensor([0, 2, 2, 9])
        return {**loss(stage, inputs), "by": by_bin(torch.tensor([1.0, 2.0, 4.0, 100.0]), bins, 4)}

    stage.loss = with_series
    plan = replace(PLAN, gradient_accumulation_steps=2)
    fit(stage, plan, tmp_path, log_every=15, stop_after_minutes=0)
    fit(stage, plan, tmp_path, log_every=15)
    assert [row["by"] for row in read_log(tmp_path) if "by" in row] == 2 * [[1.0, None, 3.0, None]]


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


class Stumbling(Line):
    """Its loss is no number at some steps, counted from 1."""

    def __init__(self, bad: Sequence[int]) -> None:
        super().__init__()
        self.bad = bad

    def loss(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        step = self.dataset.drawn[-1].step + 1
        return {"loss": super().loss(inputs)["loss"] * (math.nan if step in self.bad else 1.0)}


def test_a_step_without_a_number_changes_nothing_and_is_counted(tmp_path: Path) -> None:
    stage = Stumbling([3, 4, 6])
    seen: list[torch.Tensor] = []
    plan = replace(PLAN, max_skipped_steps=3)
    fit(stage, plan, tmp_path, log_every=6, on_step=lambda *_: seen.append(stage.net.weight.detach().clone()))
    same = [step + 1 for step in range(1, 29) if torch.equal(seen[step], seen[step - 1])]
    assert same == [3, 4, 6]
    rows = [row for row in read_log(tmp_path) if "loss" in row]
    assert [row["skipped"] for row in rows] == [3, 3, 3, 3, 3] and all(math.isfinite(row["loss"]) for row in rows)


def test_too_many_such_steps_in_a_row_end_the_run_also_over_a_stop(tmp_path: Path) -> None:
    plan = replace(PLAN, max_skipped_steps=3)
    bad = [5, 8, 9, 10]

    def stop(step: int, values: object) -> None:
        if step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Stumbling(bad), plan, tmp_path, on_step=stop)
    with pytest.raises(ReasonDiffError, match="step 10 is not a finite number, nor were 2 before it; lower"):
        fit(Stumbling(bad), plan, tmp_path)
    rescued = Stumbling([])
    assert fit(rescued, plan, tmp_path) == PLAN.steps and torch.isfinite(rescued.net.weight).all()


class Remarking(Line):
    def remark(self, row: dict[str, object], share: float) -> str | None:
        return "It stands still." if share > 0.3 else None


def test_what_a_stage_remarks_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(Remarking(), PLAN, tmp_path, log_every=5)
    assert [record.getMessage() for record in caplog.records] == ["It stands still."]


def saved(run: Path) -> list[int]:
    return sorted(int(folder.name) for folder in (run / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("retention", "stay"),
    [
        (Retention(), [29, 30]),
        (Retention(last=1), [30]),
        (Retention(last=3), [28, 29, 30]),
        (Retention(last=1, every=8), [8, 16, 24, 30]),
        (Retention(last=2, every=10), [10, 20, 28, 29, 30]),
    ],
)
def test_the_last_checkpoints_stay_and_some_for_good(retention: Retention, stay: list[int], tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path, checkpoint_minutes=0, retention=retention)
    assert saved(tmp_path) == stay


def test_checkpoints_for_good_are_written_when_no_other_is_due(tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path, checkpoint_minutes=1e9, retention=Retention(last=1, every=12))
    assert saved(tmp_path) == [12, 24, 30]


@pytest.mark.parametrize("wrong", [{"last": 0}, {"every": -1}])
def test_a_run_keeps_at_least_one(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="give 1 or more"):
        Retention(**wrong)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink, lambda file: file.write_bytes(b"")])
@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_passed_over_and_the_run_ends_the_same(
    name: str, damage: Callable[[Path], object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if damage is flip and name == "state.json":
        pytest.skip("JSON of another kind is still JSON")
    whole, again = Line(), Line()
    fit(whole, PLAN, tmp_path / "whole")

    def stop(step: int, values: object) -> None:
        if step == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Line(), PLAN, tmp_path / "run", checkpoint_minutes=0, on_step=stop)
    assert saved(tmp_path / "run") == [11, 12]
    damage(tmp_path / "run" / "checkpoints" / "000012" / name)
    fit(again, PLAN, tmp_path / "run", checkpoint_minutes=1e9, retention=Retention(last=9))
    assert "000012' is damaged (" in caplog.text and "going on from step 11 instead." in caplog.text
    assert saved(tmp_path / "run") == [11, 30]
    assert torch.equal(again.net.weight, whole.net.weight) and curve(tmp_path / "run") == curve(tmp_path / "whole")


def test_where_no_checkpoint_is_whole_one_is_named(tmp_path: Path) -> None:
    fit(Line(), PLAN, tmp_path, stop_after_minutes=0)
    (tmp_path / "checkpoints" / "000001" / "weights.safetensors").write_bytes(b"cut off")
    with pytest.raises(CheckpointError, match=r"is damaged \(.*\), and there is no other; remove it to begin anew"):
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
