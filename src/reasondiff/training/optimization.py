"""How a stage is optimised, as a value that a recipe holds and a run records."""

from __future__ import annotations

from dataclasses import dataclass

from reasondiff.backends.precision import Precision
from reasondiff.errors import InputError

__all__ = ["Optimization"]


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """By AdamW or Muon; a warm-up, a constant rate, and a linear fall to zero at the end.

    Args:
        steps: optimizer steps of the whole run; more can be asked for later, and the run goes on.
        lr: the constant learning rate.
        warmup_steps: steps until it is reached.
        decay_fraction: share of the steps over which it falls to zero.
        muon: orthogonal updates for the weights of layers (``Optimizer``); not for a model with embeddings, whose rows
            are no directions of one map.
        eight_bit: AdamW's moments in 8 bits (needs bitsandbytes).
        max_grad_norm: gradients of a larger norm are scaled down to it.
        gradient_accumulation_steps: batches whose mean gradient makes one optimizer step.
        ema_decay: of the exponential moving average of the weights; 0 keeps none.
        shard_weights: FSDP2: several processes share the weights out, each layer's gathered while it works; for a model
            that is larger than a card.
        max_skipped_steps: a step whose loss or gradient is no finite number changes nothing and is counted; this many
            in a row end the run.
        precision: of the forward pass, ``auto``, ``bf16`` or ``fp32`` (``backends.precision``); weights are fp32.
        seed: of every draw.
    """

    steps: int
    lr: float = 1e-3
    warmup_steps: int = 100
    decay_fraction: float = 0.3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.95)
    muon: bool = False
    eight_bit: bool = False
    max_grad_norm: float = 1.0
    gradient_accumulation_steps: int = 1
    ema_decay: float = 0.0
    shard_weights: bool = False
    max_skipped_steps: int = 10
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"{self.steps} steps train nothing; give 1 or more.")
        if self.gradient_accumulation_steps < 1:
            raise InputError(f"{self.gradient_accumulation_steps} batches make no step; give 1 or more.")
        if self.max_skipped_steps < 1:
            raise InputError(f"{self.max_skipped_steps} skipped steps end no run; give 1 or more.")
        if self.lr <= 0 or self.max_grad_norm <= 0:
            wrong = "lr" if self.lr <= 0 else "max_grad_norm"
            raise InputError(f"With {wrong} = {getattr(self, wrong):g} nothing is learnt; give more than 0.")
        for name in ("decay_fraction", "ema_decay"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise InputError(f"{name} = {value:g} is no share; give 0 to 1.")

    def lr_at(self, step: int) -> float:
        """The learning rate of ``step``, 0-based."""
        warmup = (step + 1) / max(1, self.warmup_steps)
        decay = (self.steps - step) / max(1.0, self.decay_fraction * self.steps)
        return self.lr * min(1.0, warmup, decay)
