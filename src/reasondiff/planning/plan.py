"""What a run will cost: parameters, FLOPs, seconds, memory and disk, from closed forms alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reasondiff.planning.architecture import Architecture
from reasondiff.planning.gpus import SIZES, USABLE, Gpu
from reasondiff.planning.presets import PRESETS, Preset, suited
from reasondiff.planning.stages import Job, Run, Stage

_STEP_OF_SIZE = 32
"""Pixels, each way, of which every model's sizes are multiples."""

__all__ = ["Plan", "fitting_preset", "job_of", "plan", "smallest_card"]


@dataclass(frozen=True)
class Plan:
    """What a run will cost.

    Args:
        model: of which architecture.
        preset: how it is run.
        job: what is made.
        weights: bytes by component, in the preset's precision.
        stages: in order.
    """

    model: Architecture
    preset: Preset
    job: Job
    weights: Mapping[str, float]
    stages: tuple[Stage, ...] = field(repr=False)

    @property
    def sections(self) -> int:
        """How many a video is made of; ``stages`` are those of one."""
        return self.job.sections(self.model.vae.stride)

    @property
    def flops(self) -> float:
        return self.sections * sum(stage.work.flops for stage in self.stages)

    @property
    def memory(self) -> float:
        """Peak bytes on the GPU."""
        return max(stage.memory for stage in self.stages)

    @property
    def waiting(self) -> float:
        """Bytes of weights in the CPU's memory."""
        return 0.0 if self.preset.offload == "none" else sum(self.weights.values())

    def seconds(self, gpu: Gpu) -> float | None:
        """For one video, models loaded; None where there is a ``problem``."""
        if self.problem(gpu):
            return None
        return self.sections * sum(stage.seconds(gpu) or 0.0 for stage in self.stages)

    def problem(self, gpu: Gpu) -> str | None:
        """Why it cannot run there."""
        if any(stage.seconds(gpu) is None for stage in self.stages):
            return "no 8-bit products"
        return "too little memory" if self.memory > gpu.memory else None


def plan(model: Architecture, preset: Preset, job: Job) -> Plan:
    """Predict one video.

    Raises:
        InputError: the frames or the size do not fit the model.
    """
    preset = suited(preset, step_cache=model.takes_step_cache)
    weights = weight_bytes(model, preset)
    return Plan(model, preset, job, weights, Run(model, preset, job, weights).stages)


def weight_bytes(model: Architecture, preset: Preset) -> dict[str, float]:
    """By component, in the preset's precision."""
    weights = {part: 2.0 * count for part, count in model.parameters.items()}
    if preset.vae_dtype == "float32":
        weights["vae"] *= 2
    if preset.text_weights == "float8":
        weights["text_encoder"] = model.text_encoder.parameters + model.text_encoder.kept_parameters
    if preset.weights == "float8":
        for part, transformer in zip(("transformer", "transformer_2"), model.transformers, strict=False):
            blocks = transformer.all_layers - (2 if preset.float8_products else 0)
            weights[part] -= max(0, blocks) * transformer.block_parameters
    return weights


def fitting_preset(model: Architecture, job: Job, memory: float, *, float8_products: bool = True) -> Preset | None:
    """The first preset, from ``quality`` on, that needs at most ``memory`` bytes of the GPU; None if none does.

    Args:
        model: to be run.
        job: to be done.
        memory: bytes that are free.
        float8_products: whether the GPU can multiply in 8 bits (compute capability 8.9).
    """
    for preset in PRESETS.values():
        if (float8_products or not preset.float8_products) and plan(model, preset, job).memory <= memory:
            return preset
    return None


def smallest_card(memory: float) -> int | None:
    """The smallest card that is sold, in gigabytes, on which ``memory`` bytes fit; None if there is none."""
    return next((size for size in SIZES if size * 2**30 * USABLE >= memory), None)


def job_of(defaults: Mapping[str, Any], **given: Any) -> Job:
    """A job from a model's own options, and from those that were given (None stands for not given)."""
    own = ("num_frames", "num_inference_steps", "guidance_scale", "guidance_stop")
    known: dict[str, Any] = {key: defaults[key] for key in own if key in defaults}
    if "area" in defaults:
        step = _STEP_OF_SIZE
        side = max(1, int(defaults["area"] ** 0.5) // step) * step
        known |= {"width": side, "height": side}
    own = known.get("num_frames", Job.num_frames)
    asked = known | {key: value for key, value in given.items() if value is not None}
    if asked.get("num_frames", own) > own:
        asked.setdefault("section_frames", own)  # a longer video than the model was made for
    return Job(**asked)
