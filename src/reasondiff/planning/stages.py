"""The stages of a run, each with its work and what the GPU holds meanwhile; of a long video, those of one section."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from reasondiff.errors import InputError
from reasondiff.planning.architecture import Architecture
from reasondiff.planning.gpus import Gpu
from reasondiff.planning.presets import Preset
from reasondiff.planning.work import Work
from reasondiff.timeline import Timeline

__all__ = ["OVERLAP", "Job", "Run", "Stage"]

OVERLAP = 2
"""Latent frames that two sections share, at least; ``pipeline.sections`` makes them."""

_CONTEXT = 512
"""Text tokens of a prompt in Wan's own use, padding included."""

_COMPILED = 0.25
"""Share of the element-wise traffic that is left when the blocks are compiled: an estimate, not a measurement."""

_CONVOLVING = 0.22
"""Share of the rate of large matrix products that the VAE's convolutions reach in bf16, and half of it in fp32: from
0.92 s for 81 frames of 480p on an H200 (Stable-Video-Infinity, issue 49)."""

_RESERVE = 1e9
"""Bytes for CUDA itself, the kernels' workspaces and the allocator's slack: an estimate, not a measurement."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be generated.

    Args:
        num_frames: pixel frames.
        width: of the frames.
        height: of the frames.
        num_inference_steps: denoising steps.
        guidance_scale: 1 or less computes no negative branch.
        guidance_stop: share of the steps, from the first on, that are guided.
        segments: distinct descriptions of the story.
        words: tokens of each description, and of the negative prompt.
        section_frames: frames that are made at once; a longer video is made of overlapping sections. None for all.

    Raises:
        InputError: there is nothing to make, the descriptions are too long, or sections have no room to overlap.
    """

    num_frames: int = 81
    width: int = 832
    height: int = 480
    num_inference_steps: int = 50
    guidance_scale: float = 5.0
    guidance_stop: float = 1.0
    segments: int = 4
    words: int = 64
    section_frames: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("steps", self.num_inference_steps), ("descriptions", self.segments)):
            if value < 1:
                raise InputError(f"{value} {name} make no video; give 1 or more.")
        if not 1 <= self.words <= _CONTEXT:
            raise InputError(f"Descriptions of {self.words} tokens cannot be read; give 1 to {_CONTEXT}.")

    @property
    def at_once(self) -> int:
        """Frames that are made at once."""
        return self.num_frames if self.section_frames is None else min(self.num_frames, self.section_frames)

    def sections(self, stride: int) -> int:
        """How many a video is made of, at least: one after the other from an image at an end of it.

        Args:
            stride: pixel frames per latent frame.
        """
        new = self.at_once - 1 - OVERLAP * stride
        return 1 + math.ceil((self.num_frames - self.at_once) / max(1, new))

    @property
    def branches(self) -> int:
        """Branches of guidance in a step that is guided."""
        return 2 if self.guidance_scale > 1 else 1

    @property
    def calls(self) -> int:
        """Of the transformer, in all steps."""
        return self.num_inference_steps + (self.branches - 1) * int(self.guidance_stop * self.num_inference_steps)

    @property
    def text_tokens(self) -> int:
        """Text tokens per segment in the context: the words, then zero tokens that stand for the padding, in eights."""
        return min(_CONTEXT, (self.words + 2 + 7) // 8 * 8)


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Args:
        name: what happens.
        work: of the whole stage.
        weights: bytes of weights on the GPU meanwhile.
        kept: bytes of keys and values kept meanwhile.
        working: bytes held at the stage's worst moment beside these.
        fetched: bytes that come over the link while the stage computes.
        float8: of ``work.matmul``, the FLOPs that are done in 8 bits.
        share: of the GPU's rate of large matrix products that this stage's reach.
        compiled: whether element-wise kernels are fused.
    """

    name: str
    work: Work
    weights: float
    kept: float = 0.0
    working: float = 0.0
    fetched: float = 0.0
    float8: float = 0.0
    share: float = 1.0
    compiled: bool = False

    @property
    def memory(self) -> float:
        """Peak bytes on the GPU."""
        return self.weights + self.kept + self.working + _RESERVE

    def seconds(self, gpu: Gpu) -> float | None:
        """On one GPU, kernel after kernel; None where it cannot do this."""
        if self.float8 and gpu.matmul_float8 is None:
            return None
        matmul = (self.work.matmul - self.float8) / (self.share * gpu.matmul)
        matmul += self.float8 / (gpu.matmul_float8 or gpu.matmul)
        moved = self.work.moved * (_COMPILED if self.compiled else 1.0)
        return max(matmul + self.work.attention / gpu.attention + moved / gpu.bandwidth, self.fetched / gpu.link)


@dataclass(frozen=True)
class Run:
    """A job on a model under a preset; ``weights`` are bytes by component.

    Raises:
        InputError: the frames or the size do not fit the model.
    """

    model: Architecture
    preset: Preset
    job: Job
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        _, high, wide = self.model.transformers[0].patch
        for length, patch in ((self.job.height, high), (self.job.width, wide)):
            step = self.model.vae.scale * patch
            if length < 1 or length % step:
                near = max(1, round(length / step)) * step
                raise InputError(f"A side of {length} pixels does not divide into {step}; give {near}.")
        _ = self.frames
        stride = Timeline(self.job.num_frames, self.model.vae.stride).stride
        least = 1 + stride * (OVERLAP + 1)
        if self.job.at_once < min(self.job.num_frames, least):
            raise InputError(f"Sections of {self.job.at_once} frames have no room to overlap; give {least} or more.")

    @cached_property
    def frames(self) -> int:
        """Latent frames."""
        return Timeline(self.job.at_once, self.model.vae.stride).num_latent_frames

    @cached_property
    def latent_size(self) -> tuple[int, int]:
        return self.job.height // self.model.vae.scale, self.job.width // self.model.vae.scale

    @cached_property
    def tokens(self) -> int:
        """The transformer's, per video."""
        return self.model.transformers[0].tokens(self.frames, *self.latent_size)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In order."""
        aligned = () if self.model.alignformer is None else (self._align(),)
        return (self._texts(), self._image(), *aligned, self._denoise(), self._decode())

    def _texts(self) -> Stage:
        texts = self.job.segments + self.job.branches - 1
        return Stage("texts", texts * self.model.text_encoder.encode(self.job.words), self._resident("text_encoder"))

    def _image(self) -> Stage:
        """With AlignFormer one image held for a chunk; without it, a clip of grey frames around the image; for VACE a
        grey one beside it. For LTX-Video the image alone."""
        model, job = self.model, self.job
        frames = job.at_once if model.alignformer is None else 1 + model.vae.stride
        if model.keyframes:
            frames = 1
        work = model.vae.encode(frames, job.height, job.width) * (2 if model.transformers[0].control_layers else 1)
        if model.image_encoder is not None and model.image_tokens:
            work += (model.image_tokens // model.image_encoder.tokens) * model.image_encoder.encode()
        high, wide = self._tile or (job.height, job.width)
        working = model.vae.encode_bytes(frames, min(high, job.height), min(wide, job.width), self._vae_item)
        resident = self._resident("image_encoder", "vae")
        return Stage("image", work, resident, working=working, share=self._vae_share)

    def _align(self) -> Stage:
        former = self.model.alignformer
        assert former is not None
        work = former.align(self.frames, self.tokens // self.frames, self.job.segments, self.job.words)
        working = 2 * self.tokens * (3 * former.dim + 2 * former.hidden)
        return Stage("align", work, self._resident("alignformer"), working=working)

    def _denoise(self) -> Stage:
        transformer, preset, job = self.model.transformers[0], self.preset, self.job
        images = self.model.image_tokens
        of_text = job.text_tokens if transformer.pads_text else job.words
        text_tokens = (job.segments + job.branches - 1) * of_text
        keys = of_text if transformer.pads_text else job.segments * of_text  # what is not one's own is masked
        steps, calls = float(job.num_inference_steps), float(job.calls)
        working: float = transformer.working_bytes(self.tokens, keys=keys)
        if preset.step_cache is not None:
            # A skipped call still runs the first block; two residuals and the first block's output are kept.
            taken = 1 - preset.skipped + preset.skipped / transformer.layers
            steps, calls = steps * taken, calls * taken
            working += job.branches * 3 * 2 * transformer.dim * self.tokens
        call = transformer.forward(self.tokens, text_tokens=0, image=images, keys=keys)
        work = calls * call + steps * transformer.embed(text_tokens)
        kept = 0
        if preset.keeps_keys_values and transformer.keeps_keys_values:
            work += transformer.keys_values(text_tokens, images)
            kept = transformer.cache_bytes(text_tokens + images)
        else:
            work += steps * transformer.keys_values(text_tokens, job.branches * images)
        blocks = (transformer.all_layers - 2) / transformer.all_layers
        return Stage(
            "denoise",
            work,
            self._resident("transformer", "transformer_2"),
            kept=kept,
            working=working,
            fetched=calls * self.weights["transformer"] if preset.offload == "blocks" else 0.0,
            float8=blocks * work.matmul if preset.float8_products else 0.0,
            compiled=preset.compiled,
        )

    def _decode(self) -> Stage:
        vae, job = self.model.vae, self.job
        work = vae.decode(self.frames, *self.latent_size)
        if self._tile is not None:
            work *= self._covered(job.height) * self._covered(job.width)
        working = vae.decode_bytes(job.at_once, job.height, job.width, self._vae_item, self._tile)
        return Stage("decode", work, self._resident("vae"), working=working, share=self._vae_share)

    @property
    def _vae_item(self) -> int:
        return 4 if self.preset.vae_dtype == "float32" else 2

    @property
    def _vae_share(self) -> float:
        return _CONVOLVING * 2 / self._vae_item

    @property
    def _tile(self) -> tuple[int, int] | None:
        return (self.model.vae.tile, self.model.vae.tile) if self.preset.tiled_vae else None

    def _covered(self, length: int) -> float:
        """Pixels of all tiles along a side, over the side's own."""
        tile, step = self.model.vae.tile, self.model.vae.tile_step
        return sum(min(tile, length - start) for start in range(0, length, step)) / length

    def _resident(self, *parts: str) -> float:
        """Weights on the GPU while these parts work, one after the other."""
        if self.preset.offload == "none":
            return self._all_but_freed(parts)
        if self.preset.offload == "blocks" and "transformer" in parts:
            return self._two_blocks()
        return max(self.weights.get(part, 0.0) for part in parts)

    def _all_but_freed(self, parts: tuple[str, ...]) -> float:
        """All weights, but for a text encoder that has done its work."""
        weights = dict(self.weights)
        if self.preset.free_text_encoder and "text_encoder" not in parts:
            weights.pop("text_encoder", None)
        return sum(weights.values())

    def _two_blocks(self) -> float:
        """The transformer's weights with two of its blocks: one works while the next one comes."""
        transformer = self.model.transformers[0]
        bytes_per_weight = 1 if self.preset.weights == "float8" else 2
        block = transformer.block_parameters * bytes_per_weight
        outside_blocks = self.weights["transformer"] - transformer.all_layers * block
        return outside_blocks + 2 * block
