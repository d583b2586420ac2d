"""What a training step of Algorithm 1 takes: memory, seconds, and which micro-batch and precision fit a card.

Closed forms, as for generation. The base is frozen: the backward pass goes through it, but makes no gradient of its
weights. Texts and clips are encoded before training; anchors are encoded in the step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from reasondiff.errors import InputError
from reasondiff.planning.architecture import Architecture
from reasondiff.planning.encoders import AlignFormerShape
from reasondiff.planning.gpus import USABLE, Gpu
from reasondiff.planning.presets import preset
from reasondiff.planning.stages import Job, Run, Stage
from reasondiff.planning.transformer import Transformer
from reasondiff.planning.work import Work

__all__ = ["CARDS", "PAPER", "FrozenWeights", "TrainingJob", "TrainingPlan", "fitting", "plan_training"]

FrozenWeights = Literal["fp32", "bf16"]
"""What the base's weights are kept in."""

CARDS = (24, 48, 80, 141)
"""Cards that are asked about, in gigabytes of 2^30 bytes."""

_TRAINED = 16
"""Bytes per trained parameter: fp32 weight, gradient, and AdamW's two moments."""

_EMA = 4

_ALIGNING = 64
"""Bytes per token and width that AlignFormer keeps for its backward pass: counted, at most."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What is trained, and on what.

    Args:
        width: of the clips, pixels.
        height: of the clips, pixels.
        num_frames: of a clip.
        batch: clips per optimizer step.
        rank: of the LoRA; 0 trains AlignFormer alone (the second stage).
        ema: whether an average of the weights is kept.
        segments: distinct descriptions of a clip.
        words: tokens of each.

    Raises:
        InputError: there is nothing to train on.
    """

    width: int = 512
    height: int = 512
    num_frames: int = 33
    batch: int = 8
    rank: int = 16
    ema: bool = False
    segments: int = 9
    words: int = 64

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"A batch of {self.batch} trains nothing; give 1 or more.")
        if self.rank < 0:
            raise InputError(f"A LoRA of rank {self.rank} is none; give 0 for AlignFormer alone, or more.")


PAPER = AlignFormerShape(dim=2048, text_dim=4096, hidden=4096, patch=64)
"""The AlignFormer of the released code, for a base that comes without one."""


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """One way to run a job on one GPU.

    Args:
        model: the base.
        alignformer: that is trained.
        job: what is trained.
        micro_batch: clips that go through at once; a step accumulates the gradients of ``batch / micro_batch``.
        checkpointing: of the transformer's blocks: their inputs are kept, and all else is computed once more.
        frozen: what the base's weights are kept in.
        compiled: whether element-wise kernels are fused.
    """

    model: Architecture
    alignformer: AlignFormerShape
    job: TrainingJob
    micro_batch: int = 1
    checkpointing: bool = True
    frozen: FrozenWeights = "bf16"
    compiled: bool = False

    @property
    def frozen_parameters(self) -> int:
        """Of what stands by in a step: transformer, VAE and image encoder; texts are encoded before."""
        parameters = self.model.parameters
        return sum(parameters.get(part, 0) for part in ("transformer", "vae", "image_encoder"))

    @property
    def trained_parameters(self) -> int:
        """Of AlignFormer and the LoRA."""
        transformer = self._transformer
        return self.alignformer.parameters + transformer.lora_parameters(self.job.rank)

    @property
    def _transformer(self) -> Transformer:
        transformer = self.model.transformers[0]
        assert isinstance(transformer, Transformer), "plan_training refuses others"
        return transformer

    @cached_property
    def _run(self) -> Run:
        job = self.job
        one = Job(num_frames=job.num_frames, width=job.width, height=job.height, segments=job.segments, words=job.words)
        return Run(self.model, preset("quality"), one, {})

    @property
    def tokens(self) -> int:
        """The transformer's, per clip."""
        return self._run.tokens

    @property
    def weights(self) -> float:
        """Bytes of all weights, gradients and moments."""
        per_trained = _TRAINED + (_EMA if self.job.ema else 0)
        return self.frozen_parameters * (4 if self.frozen == "fp32" else 2) + self.trained_parameters * per_trained

    @property
    def activations(self) -> float:
        """Bytes that are kept for the backward pass of one micro-batch."""
        transformer, tokens = self._transformer, self.tokens * self.micro_batch
        block = tokens * transformer.kept_for_backward(trained=self.job.rank > 0)
        blocks = transformer.all_layers * block
        if self.checkpointing:
            blocks = transformer.all_layers * tokens * 2 * transformer.dim + block
        return blocks + tokens * _ALIGNING * self.alignformer.dim

    @property
    def work(self) -> Work:
        """Of one optimizer step."""
        transformer, job, run = self._transformer, self.job, self._run
        context = job.segments * Job(words=job.words).text_tokens
        images = self.model.image_tokens
        forward = transformer.forward(self.tokens, text_tokens=context, image=images, keys=job.words)
        forward += transformer.keys_values(context, images)
        again = 1 if self.checkpointing else 0
        # Of a linear layer the gradient of its input alone; of attention that of three, and the scores once more.
        through = Work(
            matmul=(2 + again) * forward.matmul,
            attention=(3.5 + again) * forward.attention,
            moved=(3 + again) * forward.moved,
        )
        lora = Work(matmul=2 * self.tokens * transformer.lora_parameters(job.rank) * (3 + again))
        former = self.alignformer
        aligned = 3 * former.align(run.frames, self.tokens // run.frames, job.segments, job.words)
        anchor = self.model.vae.encode(1 + self.model.vae.stride, job.height, job.width)
        return job.batch * (through + lora + aligned + anchor)

    @property
    def stage(self) -> Stage:
        """As the stages of a generation are."""
        work = self.work
        return Stage("step", work, self.weights, working=self.activations, compiled=self.compiled)

    @property
    def memory(self) -> float:
        """Peak bytes on the GPU."""
        return self.stage.memory

    def seconds(self, gpu: Gpu) -> float:
        """For one optimizer step."""
        seconds = self.stage.seconds(gpu)
        assert seconds is not None, "no 8-bit products are asked for"
        return seconds

    def fits(self, size: int) -> bool:
        """Whether it fits a card of so many gigabytes."""
        return self.memory <= size * 2**30 * USABLE


def plan_training(
    model: Architecture,
    job: TrainingJob,
    *,
    alignformer: AlignFormerShape | None = None,
    micro_batch: int | None = None,
    checkpointing: bool = True,
    frozen: FrozenWeights = "bf16",
    compiled: bool = False,
) -> TrainingPlan:
    """Predict one way to train.

    Args:
        model: the base.
        job: what is trained.
        alignformer: of another shape than the base's own, or ``PAPER``.
        micro_batch: clips that go through at once; all of them unless given.

    Raises:
        InputError: the frames or the size do not fit the model, or the model is VACE, which takes no AlignFormer.
    """
    if model.keyframes:
        raise InputError(f"{model.name!r} is LTX-Video, which takes no AlignFormer; give an image-to-video model.")
    if any(transformer.control_layers for transformer in model.transformers):
        raise InputError(f"{model.name!r} is VACE, which takes no AlignFormer; give an image-to-video model.")
    planned = TrainingPlan(
        model=model,
        alignformer=alignformer or model.alignformer or PAPER,
        job=job,
        micro_batch=job.batch if micro_batch is None else micro_batch,
        checkpointing=checkpointing,
        frozen=frozen,
        compiled=compiled,
    )
    _ = planned.tokens
    return planned


def fitting(planned: TrainingPlan, size: int) -> TrainingPlan | None:
    """The fastest way that fits a card of ``size`` gigabytes, with the largest micro-batch; None if none does.

    Without checkpointing a step is a third faster. The base stays in bf16; fp32 is left to those who ask for it.
    """
    batch = planned.job.batch
    divisors = [count for count in range(batch, 0, -1) if batch % count == 0]
    for checkpointing in (False, True):
        for micro_batch in divisors:
            way = replace(planned, micro_batch=micro_batch, checkpointing=checkpointing)
            if way.fits(size):
                return way
    return None
