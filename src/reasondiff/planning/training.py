"""What a training step of Algorithm 1 takes: memory, seconds, and which micro-batch and precision fit a card.

Closed forms, as for generation. The base is frozen: the backward pass goes through it, but makes no gradient of its
weights. Texts and clips are encoded before training; anchors are encoded in the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Literal

from reasondiff.errors import InputError
from reasondiff.planning.architecture import Architecture
from reasondiff.planning.encoders import AlignFormerShape
from reasondiff.planning.gpus import USABLE, Gpu
from reasondiff.planning.presets import preset
from reasondiff.planning.stages import Job, Run, Stage
from reasondiff.planning.transformer import Transformer
from reasondiff.planning.work import Work

__all__ = ["CARDS", "GROUPS", "PAPER", "FrozenWeights", "TrainingJob", "TrainingPlan", "fitting", "plan_training"]

FrozenWeights = Literal["fp32", "bf16", "float8"]
"""What the base's weights are kept in; ``float8`` those of the linear layers of the transformer's blocks, with a scale
for each output, and bf16 the rest."""

CARDS = (24, 48, 80, 141)
"""Cards that are asked about, in gigabytes of 2^30 bytes."""

GROUPS = (1, 2, 4, 8)
"""Cards that may share a run's weights out."""

_TRAINED = 8
"""Bytes per trained parameter: fp32 weight and gradient."""

_MOMENTS = {False: 8.0, True: 2 * (1 + 4 / 256)}
"""AdamW's two, in fp32 or in blocks of 256 numbers of 8 bits with a scale."""

_EMA = 4

_DEQUANTISING = 7
"""Bytes that are read and written per float8 weight whenever a layer brings its own back: a cast, and a product."""

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
        keep_attention: with checkpointing, what attention gives is kept and not computed again.
        frozen: what the base's weights are kept in.
        eight_bit: whether AdamW's moments are in 8 bits.
        cards: that share the weights out (FSDP2), and the clips; a step's parts go through on all of them at once.
        compiled: whether element-wise kernels are fused.

    Raises:
        InputError: the clips of a step do not divide among the cards, or something in 8 bits is shared out.
    """

    model: Architecture
    alignformer: AlignFormerShape
    job: TrainingJob
    micro_batch: int = 1
    checkpointing: bool = True
    keep_attention: bool = False
    frozen: FrozenWeights = "bf16"
    eight_bit: bool = False
    cards: int = 1
    compiled: bool = False

    def __post_init__(self) -> None:
        if self.cards < 1 or self.job.batch % self.cards:
            raise InputError(f"A step's {self.job.batch} clips do not divide among {self.cards} cards; give a divisor.")
        if self.cards > 1 and (self.frozen == "float8" or self.eight_bit):
            raise InputError("What is in 8 bits is not shared out; give bf16 and moments in fp32, or one card.")

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
        """Bytes of all weights, gradients and moments on a card."""
        parameters = self.model.parameters
        size = 4 if self.frozen == "fp32" else 2
        alone = 4 * parameters.get("vae", 0) + size * parameters.get("image_encoder", 0)  # the VAE stays in fp32
        per_trained = _TRAINED + _MOMENTS[self.eight_bit] + (_EMA if self.job.ema else 0)
        shared = self._frozen + self.trained_parameters * per_trained
        if self.cards == 1:
            return alone + shared
        return alone + shared / self.cards + self._gathered

    @property
    def _frozen(self) -> float:
        """Bytes of the transformer's own weights."""
        transformer, parameters = self._transformer, self.model.parameters["transformer"]
        if self.frozen != "float8":
            return (4 if self.frozen == "fp32" else 2) * parameters
        linear = transformer.all_layers * transformer.block_linear
        scales = 4 * transformer.all_layers * transformer.block_outputs
        return 2 * (parameters - linear) + linear + scales

    @property
    def _gathered(self) -> float:
        """Bytes that a card holds whole while it works: a block, the next one on its way, and what is in no block."""
        transformer, parameters = self._transformer, self.model.parameters["transformer"]
        outside = parameters - transformer.all_layers * transformer.block_parameters
        size = 4 if self.frozen == "fp32" else 2
        return size * (outside + 2 * transformer.block_parameters) + 4 * self.alignformer.parameters

    @property
    def activations(self) -> float:
        """Bytes that are kept for the backward pass of one micro-batch."""
        transformer, tokens = self._transformer, self.tokens * self.micro_batch
        block = tokens * transformer.kept_for_backward(trained=self.job.rank > 0)
        if self.frozen == "float8":
            block += 2 * transformer.block_linear  # the weights that it was computed with
        blocks = transformer.all_layers * block
        if self.checkpointing:
            kept: float = 2 * transformer.dim
            if self.keep_attention:
                kept += transformer.attention_outputs()
            blocks = transformer.all_layers * tokens * kept + block
        return blocks + tokens * _ALIGNING * self.alignformer.dim

    @property
    def work(self) -> Work:
        """Of one optimizer step, on all cards together."""
        transformer, job, run = self._transformer, self.job, self._run
        context = job.segments * Job(words=job.words).text_tokens
        images = self.model.image_tokens
        forward = transformer.forward(self.tokens, text_tokens=context, image=images, keys=job.words)
        forward += transformer.keys_values(context, images)
        again = 1 if self.checkpointing else 0
        attention_again = 0 if self.keep_attention else again
        # Of a linear layer the gradient of its input alone; of attention that of three, and the scores once more.
        through = Work(
            matmul=(2 + again) * forward.matmul,
            attention=(3.5 + attention_again) * forward.attention,
            moved=(3 + again) * forward.moved,
        )
        lora = Work(matmul=2 * self.tokens * transformer.lora_parameters(job.rank) * (3 + again))
        former = self.alignformer
        aligned = 3 * former.align(run.frames, self.tokens // run.frames, job.segments, job.words)
        anchor = self.model.vae.encode(1 + self.model.vae.stride, job.height, job.width)
        return job.batch * (through + lora + aligned + anchor) + self._dequantising

    @property
    def _dequantising(self) -> Work:
        """Of float8 weights, in every forward pass of every micro-batch."""
        if self.frozen != "float8":
            return Work()
        transformer = self._transformer
        passes = (2 if self.checkpointing else 1) * self.job.batch / self.micro_batch
        return Work(moved=passes * _DEQUANTISING * transformer.all_layers * transformer.block_linear)

    @property
    def stage(self) -> Stage:
        """As the stages of a generation are; what cards tell each other is left out."""
        work = (1 / self.cards) * self.work
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
    keep_attention: bool = False,
    frozen: FrozenWeights = "bf16",
    eight_bit: bool = False,
    cards: int = 1,
    compiled: bool = False,
) -> TrainingPlan:
    """Predict one way to train.

    Args:
        model: the base.
        job: what is trained.
        alignformer: of another shape than the base's own, or ``PAPER``.
        micro_batch: clips that go through at once; all that a card has of a step unless given.

    Raises:
        InputError: the frames or the size do not fit the model, or the model is VACE, which takes no AlignFormer; see
            also ``TrainingPlan``.
    """
    if model.keyframes:
        raise InputError(f"{model.name!r} is LTX-Video, which takes no AlignFormer; give an image-to-video model.")
    if any(transformer.control_layers for transformer in model.transformers):
        raise InputError(f"{model.name!r} is VACE, which takes no AlignFormer; give an image-to-video model.")
    planned = TrainingPlan(
        model=model,
        alignformer=alignformer or model.alignformer or PAPER,
        job=job,
        micro_batch=max(1, job.batch // max(1, cards)) if micro_batch is None else micro_batch,
        checkpointing=checkpointing,
        keep_attention=keep_attention,
        frozen=frozen,
        eight_bit=eight_bit,
        cards=cards,
        compiled=compiled,
    )
    _ = planned.tokens
    return planned


def fitting(planned: TrainingPlan, size: int) -> TrainingPlan | None:
    """The way that fits cards of ``size`` gigabytes and changes the least; None if none does.

    As few cards as can be. On these bf16 before float8 and moments in fp32 before those in 8 bits; then the fastest:
    without checkpointing a step is a third faster, and with attention kept an eighth; then the largest micro-batch.
    """
    for cards in GROUPS:
        if planned.job.batch % cards == 0:
            for way in _ways(planned, cards):
                if way.fits(size):
                    return way
    return None


def _ways(planned: TrainingPlan, cards: int) -> Iterator[TrainingPlan]:
    clips = planned.job.batch // cards
    micro_batches = [count for count in range(clips, 0, -1) if clips % count == 0]
    weights: tuple[FrozenWeights, ...] = (planned.frozen,)
    moments: tuple[bool, ...] = (planned.eight_bit,)
    if cards == 1:  # what is in 8 bits is not shared out
        weights = ("bf16", "float8") if planned.frozen == "bf16" else weights
        moments = (True,) if planned.eight_bit else (False, True)
    elif planned.frozen == "float8" or planned.eight_bit:
        return
    memories = ((False, False), (True, True), (True, False))
    for frozen, eight_bit, memory, micro_batch in product(weights, moments, memories, micro_batches):
        checkpointing, keep_attention = memory
        yield replace(
            planned,
            cards=cards,
            frozen=frozen,
            eight_bit=eight_bit,
            checkpointing=checkpointing,
            keep_attention=keep_attention,
            micro_batch=micro_batch,
        )
