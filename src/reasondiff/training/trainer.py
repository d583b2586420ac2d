"""The trainer: one loop for every stage.

A stage says what it trains, what it draws (``prepare``) and what it minimises (``loss``). All chance in step n comes
from (seed, process, n), so a run that is stopped and resumed goes through the same batches as one that is not.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from reasondiff.errors import ReasonDiffError
from reasondiff.precision import Precision, autocast
from reasondiff.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from reasondiff.training.distributed import Workers
from reasondiff.training.optimizer import Optimizer

__all__ = ["Optimization", "Stage", "fit", "step_generator"]


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """How a stage is optimised: by AdamW or Muon; a warm-up, a constant rate, and a linear fall to zero at the end.

    Args:
        steps: optimizer steps of the whole run; more can be asked for later, and the run goes on.
        learning_rate: the constant rate.
        warmup: steps until it is reached.
        cooldown: share of the steps over which it falls to zero.
        muon: orthogonal updates for the weights of layers (``Optimizer``); not for a model with embeddings, whose rows
            are no directions of one map.
        clip: largest gradient norm.
        average: decay of the moving average of the weights; 0 keeps none.
        precision: of the forward pass, ``auto``, ``bf16`` or ``fp32`` (``training.precision``); weights are fp32.
        seed: of every draw.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 100
    cooldown: float = 0.3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.95)
    muon: bool = False
    clip: float = 1.0
    average: float = 0.0
    precision: Precision = "auto"
    seed: int = 0

    def rate(self, step: int) -> float:
        """The learning rate of ``step``, 0-based."""
        fall = max(1.0, self.cooldown * self.steps)
        return self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup), (self.steps - step) / fall)


class Stage(Protocol):
    """What is trained, on what, and towards what."""

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters this stage changes, by the name they are saved under."""

    def prepare(self, step: int, generator: torch.Generator) -> Any:
        """Draw the inputs of one step; every draw comes from ``generator``."""

    def loss(self, inputs: Any) -> dict[str, Tensor]:
        """``{"loss": what is minimised, ...: what else is worth a column in the log}``."""

    def validate(self, folder: Path) -> dict[str, float]:
        """Measure on unseen clips; may leave pictures in ``folder``."""

    def export(self, model: Path) -> None:
        """Write the finished components into a model folder."""


def step_generator(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """The source of chance of one step in one process."""
    return torch.Generator().manual_seed((seed * 1_000_003 + rank * 1_000_000_007 + step) % 2**63)


def fit(
    stage: Stage,
    optimization: Optimization,
    run: Path,
    *,
    checkpoint_minutes: float = 5.0,
    validate_every: int = 0,
    log_every: int = 20,
    stop_after_minutes: float = math.inf,
    on_step: Callable[[int, Mapping[str, float]], None] | None = None,
    workers: Workers | None = None,
) -> int:
    """Train ``stage`` in ``run``, from its checkpoint if it has one.

    Args:
        checkpoint_minutes: a SIGKILL loses at most this much.
        validate_every: steps between validations; 0 validates at the end only.
        stop_after_minutes: stop early, with a checkpoint, to go on another time.
        on_step: called with the number of steps done and the logged values.
        workers: the processes that share the run; this one alone unless given.

    Returns:
        The number of steps done so far; ``optimization.steps`` when the run is finished.

    Raises:
        ReasonDiffError: the loss is no longer a finite number.
    """
    workers = workers or Workers()
    parameters = stage.trainable()
    optimizer = Optimizer(
        parameters, weight_decay=optimization.weight_decay, betas=optimization.betas, muon=optimization.muon
    )
    step, seconds = 0, 0.0
    saved = load_checkpoint(run)
    if saved is not None:
        step, seconds = saved.step, saved.seconds
        _copy(saved.weights, parameters)
        optimizer.restore(saved.optimizer)
    average = {name: p.detach().clone() for name, p in parameters.items()} if optimization.average else {}
    if saved is not None and average:
        _copy(saved.average, average)

    run.mkdir(parents=True, exist_ok=True)
    device = next(iter(parameters.values())).device.type
    started = last_saved = time.monotonic()
    sums: dict[str, float] = {}
    summed = 0

    workers.wait()  # nobody saves before all have loaded

    def save() -> None:
        if not workers.first:
            return
        spent = seconds + time.monotonic() - started
        save_checkpoint(run, Checkpoint(step, spent, dict(parameters), average, optimizer.state()))

    whole = True
    try:
        while step < optimization.steps:
            inputs = stage.prepare(step, step_generator(optimization.seed, step, workers.rank))
            with _attention(device):
                with autocast(device, optimization.precision), _quiet():
                    losses = stage.loss(inputs)
                losses["loss"].backward()
            workers.average(parameters.values())
            norm = nn.utils.clip_grad_norm_(parameters.values(), optimization.clip)
            if not torch.isfinite(norm):
                raise ReasonDiffError(f"The loss of step {step + 1} is not a finite number; lower the learning rate.")
            whole = False
            optimizer.step(optimization.rate(step))
            if average:
                decay = min(optimization.average, (step + 1) / (step + 10))
                torch._foreach_lerp_(list(average.values()), list(parameters.values()), 1 - decay)
            step += 1
            whole = True

            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            summed += 1
            if workers.first and (step % log_every == 0 or step == optimization.steps):
                row = {name: value / summed for name, value in sums.items()}
                _log(run, {"step": step, "rate": optimization.rate(step - 1), **row})
                sums.clear()
                summed = 0
                if on_step:
                    on_step(step, row)
            elif on_step:
                on_step(step, {})
            if validate_every and step % validate_every == 0 and step < optimization.steps:
                if workers.first:
                    _validate(stage, run, step, parameters, average)
                workers.wait()
            minutes = (time.monotonic() - last_saved) / 60
            if minutes >= checkpoint_minutes:
                save()
                last_saved = time.monotonic()
            minutes = (time.monotonic() - started) / 60
            if stop_after_minutes < math.inf and workers.agree(minutes >= stop_after_minutes):
                break
    finally:  # also on Ctrl-C: what was learnt is kept, but for a step that is half done
        if step and whole:
            save()
    if step >= optimization.steps:
        _copy(average, parameters)
        if workers.first:
            _validate(stage, run, step, parameters, {})
    workers.wait()  # until the run's files are whole
    return step


@contextmanager
def _attention(device: str) -> Iterator[None]:
    """Over the few tokens that fit a CPU, attention written out takes less time than its flash kernel's backward."""
    if device != "cpu":
        yield
        return
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)  # the name says CUDA; it holds for CPUs as well
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's remark that its fused norm wants weights in the inputs' precision; ours are fp32 on purpose."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mismatch dtype between input and weight", UserWarning)
        yield


def _validate(
    stage: Stage, run: Path, step: int, parameters: Mapping[str, Tensor], average: Mapping[str, Tensor]
) -> None:
    """Measure with the averaged weights, then go on with the current ones."""
    current = {name: p.detach().clone() for name, p in parameters.items()} if average else {}
    _copy(average, parameters)
    folder = run / "validation" / f"{step:06d}"
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        _log(run, {"step": step, "validation": stage.validate(folder)})
    _copy(current, parameters)


@torch.no_grad()
def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    for name, tensor in source.items():
        target[name].copy_(tensor)


def _log(run: Path, row: Mapping[str, Any]) -> None:
    with open(run / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "time": round(time.time(), 1)}) + "\n")
