"""Whoever watches a denoising run, or changes it: a callback after every step, in diffusers' form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from torch import Tensor

from reasondiff.errors import InputError

__all__ = ["CALLBACK_INPUTS", "StepCallback", "StepCallbackRunner"]

StepCallback = Callable[..., dict[str, Any]] | PipelineCallback | MultiPipelineCallbacks

CALLBACK_INPUTS = ("latents", "condition", "clean")
"""The tensors that a callback can be given; "clean" is the video predicted so far."""


@dataclass
class StepCallbackRunner:
    """The caller's callback, as in diffusers.

    Args:
        callback: called after every step; may return other latents or another condition.
        inputs: the tensors that it is given, of ``CALLBACK_INPUTS``.

    Raises:
        InputError: it asks for something else.
    """

    callback: StepCallback | None
    inputs: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.callback, PipelineCallback | MultiPipelineCallbacks):
            self.inputs = self.callback.tensor_inputs
        if unknown := sorted(set(self.inputs) - set(CALLBACK_INPUTS)):
            raise InputError(f"Callbacks cannot have {unknown[0]!r}; they can have 'latents', 'condition', 'clean'.")

    def call(
        self, pipe: Any, step: int, latents: Tensor, condition: Tensor, clean: Callable[[], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """After ``step``; returns the latents and the condition to go on with.

        Args:
            pipe: that runs; its ``current_timestep`` is the step's.
            step: 0-based.
            latents: after it.
            condition: of the run.
            clean: works out the video predicted so far, where it is asked for.
        """
        if self.callback is None:
            return latents, condition
        tensors = {"latents": latents, "condition": condition}
        if "clean" in self.inputs:
            tensors["clean"] = clean()
        given = {name: tensors[name] for name in self.inputs}
        changed = self.callback(pipe, step, pipe.current_timestep, given)
        return changed.get("latents", latents), changed.get("condition", condition)
