"""The trainer: one loop for every stage.

A stage says what it trains, what it draws (``dataset``) and what it minimises (``loss``). Every draw is keyed by (seed,
step, sample): a run that is stopped and resumed, or shared by more processes, goes through the same samples.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from reasondiff.backends.precision import autocast
from reasondiff.data.loader import StepDataset, StepSampler, step_dataloader
from reasondiff.errors import InputError, ReasonDiffError
from reasondiff.training.checkpoint import Checkpoint, Retention, drop_later, load_checkpoint, save_checkpoint
from reasondiff.training.distributed import accelerator_on, main_process_says
from reasondiff.training.ema import Ema, copy_weights
from reasondiff.training.forward import LossModule, cheapest_attention
from reasondiff.training.log import Means, Pace, Row, RunLog, over_processes, peak_memory
from reasondiff.training.optimization import Optimization
from reasondiff.training.optimizer import Optimizer
from reasondiff.training.sharding import Shardable, whole, whole_weights
from reasondiff.training.trackers import Tracking

__all__ = ["Stage", "Trainer", "Watched", "fit"]

_log = logging.getLogger(__name__)


class Stage(Protocol):
    """What is trained, on what, and towards what."""

    @property
    def dataset(self) -> StepDataset:
        """What a step's samples are drawn from."""

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters this stage changes, by the name they are saved under."""

    def loss(self, inputs: Any) -> dict[str, Tensor]:
        """``{"loss": what is minimised, ...: what else is worth a column in the log}``.

        Scalars, and series by bin (``training.log.by_bin``).
        """

    def validate(self, folder: Path) -> dict[str, float]:
        """Measure on unseen clips; may leave pictures in ``folder``."""

    def export(self, model: Path) -> None:
        """Write the finished components into a model folder."""


@runtime_checkable
class Watched(Protocol):
    """A stage that has something to say about what is logged."""

    def remark(self, row: Row, share: float) -> str | None:
        """A warning for the user, or None; the same one is shown once.

        Args:
            row: a line of the log.
            share: of the run that is done, 0 to 1.
        """


def fit(
    stage: Stage,
    optimization: Optimization,
    run: Path,
    *,
    accelerator: Accelerator | None = None,
    checkpoint_minutes: float = 5.0,
    retention: Retention | None = None,
    tracking: Tracking | None = None,
    validate_every: int = 0,
    log_every: int = 20,
    stop_after_minutes: float = math.inf,
    on_step: Callable[[int, Mapping[str, float]], None] | None = None,
    workers: int = 0,
) -> int:
    """Train ``stage`` in ``run``, from its checkpoint if it has one.

    Args:
        accelerator: of the processes that share the run (``accelerator_on``); this process alone unless given.
        checkpoint_minutes: a SIGKILL loses at most this much.
        retention: which checkpoints stay; the last two unless given.
        tracking: who is told what the log is told; nobody unless given.
        validate_every: steps between validations; 0 validates at the end only.
        stop_after_minutes: stop early, with a checkpoint, to go on another time.
        on_step: called with the number of steps done and the logged values.
        workers: processes that draw batches ahead of the step; 0 draws in this one.

    Returns:
        The number of steps done so far; ``optimization.steps`` when the run is finished.

    Raises:
        CheckpointError: no checkpoint of the run is whole, or the newest is of another version.
        ReasonDiffError: the loss is no longer a finite number.
    """
    retention = retention or Retention()
    device = next(iter(stage.trainable().values())).device
    processes = accelerator_on(device.type) if accelerator is None else nullcontext(accelerator)
    with processes as accelerator:
        trainer = Trainer(stage, optimization, run, accelerator, retention)
        (tracking or Tracking()).start(accelerator, run, trainer.step)
        batches = trainer.batches(workers)
        started = last_saved = time.monotonic()
        try:
            while trainer.step < optimization.steps:
                trainer.train_step(batches)
                step = trainer.step
                logged = step % log_every == 0 or step == optimization.steps
                values = trainer.write_row() if logged else {}
                if on_step:
                    on_step(step, values)
                if validate_every and step % validate_every == 0 and step < optimization.steps:
                    trainer.validate()
                now = time.monotonic()
                due = now - last_saved >= 60 * checkpoint_minutes
                if trainer.sharded:  # all of them save
                    due = main_process_says(due, accelerator)
                if due or retention.is_kept_for_good(step):
                    trainer.save()
                    last_saved = now
                late = now - started >= 60 * stop_after_minutes
                if stop_after_minutes < math.inf and main_process_says(late, accelerator):
                    break
        finally:  # also on Ctrl-C: what was learnt is kept, but for a step that is half done
            alone = trainer.sharded and sys.exc_info()[0] is not None  # a process that is stopped has but its share
            if trainer.step and trainer.whole and not alone:
                trainer.save()
        if trainer.step >= optimization.steps:
            trainer.finish()
        accelerator.wait_for_everyone()  # until the run's files are whole
        return trainer.step


class Trainer:
    """One run: the weights, their EMA and the optimizer's moments, as far as they have come.

    Args:
        stage: what is trained.
        optimization: how.
        run: the folder of its checkpoints, from the newest of which it goes on.
        accelerator: of the processes that share the run.
        retention: which checkpoints stay.
    """

    def __init__(
        self,
        stage: Stage,
        optimization: Optimization,
        run: Path,
        accelerator: Accelerator,
        retention: Retention | None = None,
    ) -> None:
        self.stage = stage
        self.optimization = optimization
        self.run = run
        self.accelerator = accelerator
        self.retention = retention or Retention()
        self.sharded = optimization.shard_weights and accelerator.num_processes > 1
        if self.sharded:
            if not isinstance(stage, Shardable):
                raise InputError("This stage shares no weights out; leave optimization.shard_weights false.")
            stage.shard(init_device_mesh(accelerator.device.type, (accelerator.num_processes,)))
        accelerator.gradient_accumulation_steps = optimization.gradient_accumulation_steps
        self.parameters = stage.trainable()
        self.device = next(iter(self.parameters.values())).device
        self.step = 0
        self.whole = True  # False while a step changes the weights, and while a line of the log is written
        self.skipped = self.skipped_in_a_row = 0
        self.means = Means()
        self.log = RunLog(run, accelerator)
        self.remarks: set[str] = set()
        self.seconds_before = 0.0
        self.started = time.monotonic()
        self.pace = Pace()
        self.optimizer = Optimizer(
            self.parameters,
            weight_decay=optimization.weight_decay,
            betas=optimization.betas,
            muon=optimization.muon,
            eight_bit=optimization.eight_bit,
        )
        self.ema = Ema(self.parameters, optimization.ema_decay)
        self._resume()
        module = LossModule(stage.loss, self.parameters)
        self.model = module if self.sharded else accelerator.prepare(module)
        run.mkdir(parents=True, exist_ok=True)
        accelerator.wait_for_everyone()  # nobody saves before all have loaded
        if accelerator.is_main_process:
            drop_later(run, self.step)
        self.log.rewind(self.step)

    def batches(self, workers: int = 0) -> Iterator[Any]:
        """The batches that are left of the run, in order."""
        sampler = StepSampler(
            accumulation=self.optimization.gradient_accumulation_steps,
            processes=self.accelerator.num_processes,
            rank=self.accelerator.process_index,
        )
        steps = range(self.step, self.optimization.steps)
        seed = self.optimization.seed
        return iter(step_dataloader(self.stage.dataset, seed=seed, steps=steps, sampler=sampler, workers=workers))

    def train_step(self, batches: Iterator[Any]) -> None:
        """One optimizer step: forward and backward of every batch, clipping, the update, the EMA.

        Where the loss or the gradient is no finite number nothing is changed, and the next step draws other samples.

        Args:
            batches: as ``batches`` gives them; a step takes ``gradient_accumulation_steps`` of them.

        Raises:
            ReasonDiffError: it was no finite number too often in a row.
        """
        optimization, accelerator = self.optimization, self.accelerator
        count = optimization.gradient_accumulation_steps
        sums: dict[str, Tensor] = {}
        for number in range(count):
            inputs = send_to_device(next(batches), self.device)
            with self._synchronised(last=number == count - 1), cheapest_attention(self.device.type):
                with autocast(self.device.type, optimization.precision):
                    losses = self.model(inputs)
                accelerator.backward(losses["loss"])
            for name, value in losses.items():
                value = value.detach() if value.ndim else value.detach() / count
                sums[name] = sums[name] + value if name in sums else value
        norm = whole(accelerator.clip_grad_norm_(self.parameters.values(), optimization.max_grad_norm))
        values = over_processes({**sums, "grad_norm": norm}, accelerator)
        finite = bool(torch.isfinite(values["loss"]) and torch.isfinite(values["grad_norm"]))
        self.whole = False
        if finite:
            self.optimizer.step(optimization.lr_at(self.step))
            self.ema.update(self.step)
            self.means.add(values)
            self.skipped_in_a_row = 0
        else:
            self.optimizer.clear()
            self.skipped += 1
            self.skipped_in_a_row += 1
        self.pace.steps += 1
        self.step += 1
        self.whole = True
        if self.skipped_in_a_row >= optimization.max_skipped_steps:
            raise ReasonDiffError(
                f"The loss of step {self.step} is not a finite number, nor were {self.skipped_in_a_row - 1} before it; "
                "lower the learning rate."
            )

    def write_row(self) -> dict[str, float]:
        """Write the means since the last line, and what a user watches; returns those that are one number.

        A kill in between leaves the checkpoint from before the step: a line is written once.
        """
        self.whole = False
        means, steps, seconds = self.means.row(), *self.pace.taken()
        size = self.stage.dataset.batch_size(self.step - 1) * self.accelerator.num_processes
        row = {
            "step": self.step,
            "lr": self.optimization.lr_at(self.step - 1),
            **means,
            "skipped": self.skipped,
            "samples_per_second": steps * size * self.optimization.gradient_accumulation_steps / seconds,
            "memory_gb": peak_memory(self.device) / 2**30,
        }
        self.log.write(row)
        self.means.clear()
        self.whole = True
        self._remark(row)
        return {name: value for name, value in means.items() if isinstance(value, float)}

    def _remark(self, row: Row) -> None:
        if not self.accelerator.is_main_process or not isinstance(self.stage, Watched):
            return
        remark = self.stage.remark(row, self.step / self.optimization.steps)
        if remark is not None and remark not in self.remarks:
            self.remarks.add(remark)
            _log.warning("%s", remark)

    def _synchronised(self, *, last: bool) -> AbstractContextManager[None]:
        """The processes' gradients are averaged in the backward pass of a step's last batch."""
        return nullcontext() if last else self.accelerator.no_sync(self.model)

    def validate(self) -> None:
        """Measure with the EMA of the weights, then go on with the current ones."""
        with self.ema.in_place():
            self._measure()
        self.accelerator.wait_for_everyone()

    def finish(self) -> None:
        """Leave the EMA in the stage's weights, all of them, and measure it."""
        copy_weights(self.ema.weights, self.parameters)
        self._measure()
        if isinstance(self.stage, Shardable) and self.sharded:
            self.stage.gather()

    def _measure(self) -> None:
        """In the main process; of shared weights in all, of which the main one keeps what is found."""
        if not (self.accelerator.is_main_process or self.sharded):
            return
        folder = self.run / "validation" / f"{self.step:06d}"
        with torch.no_grad(), ExitStack() as scratch:
            if self.accelerator.is_main_process:
                folder.mkdir(parents=True, exist_ok=True)
            else:
                folder = Path(scratch.enter_context(TemporaryDirectory()))
            if found := self.stage.validate(folder):
                self.log.write({"step": self.step, "validation": found})

    def save(self) -> None:
        """Write a checkpoint, in the main process; where weights are shared out, all processes must."""
        weights: dict[str, Tensor] = dict(self.parameters)
        ema, moments = self.ema.weights, self.optimizer.state()
        if self.sharded:
            weights, ema, moments = whole_weights(weights), whole_weights(ema), whole_weights(moments)
        if not self.accelerator.is_main_process:
            return
        seconds = self.seconds_before + time.monotonic() - self.started
        save_checkpoint(
            self.run,
            Checkpoint(
                step=self.step,
                seconds=seconds,
                weights=weights,
                ema=ema,
                optimizer=moments,
                progress={
                    "log": self.means.state(),
                    "skipped": self.skipped,
                    "skipped_in_a_row": self.skipped_in_a_row,
                },
            ),
            self.retention,
        )

    def _resume(self) -> None:
        saved = load_checkpoint(self.run)
        if saved is None:
            return
        self.step, self.seconds_before = saved.step, saved.seconds
        self.means.restore(saved.progress.get("log", {}))
        self.skipped = int(saved.progress.get("skipped", 0))
        self.skipped_in_a_row = int(saved.progress.get("skipped_in_a_row", 0))
        copy_weights(saved.weights, self.parameters)
        if self.ema.weights:
            copy_weights(saved.ema, self.ema.weights)
        self.optimizer.restore(saved.optimizer)
