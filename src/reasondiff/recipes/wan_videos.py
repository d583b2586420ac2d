"""Recipes for anybody's videos: the paper's two stages on a set that ``reasondiff data precompute`` has encoded.

``wan-14b`` spells out the paper (Appendix A.2); ``wan-14b/released-code`` names the values that its released code has
instead. ``wan-1.3b`` is for a card of 24 GB: Wan2.1's own image-to-video models have 14B parameters, and a model made
from text alone, its patch embedding widened, has never been given an image. Wan2.1-Fun-V1.1-1.3B-InP has the 14B's
classes and its very condition (4 mask channels, 16 of an image), was trained to fill in missing frames, and is under
Apache-2.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from reasondiff.backends.wan.building import WanVae
from reasondiff.backends.wan.encoders import model_folder
from reasondiff.backends.wan.float8 import store_in_float8
from reasondiff.backends.wan.framewise import install
from reasondiff.backends.wan.text_encoding import longest_text
from reasondiff.checkpoints import LORA_FILE
from reasondiff.data.clips import ClipSource
from reasondiff.data.encoded import encoded_hash, read_encoded
from reasondiff.data.videos import AnchorFrames, StoredTexts, VideoClips, held_out, without_held_out
from reasondiff.errors import InputError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.recipes.base import Needed
from reasondiff.recipes.components import AlignFormerConfig, LoraOptions
from reasondiff.recipes.wan import ReasonRecipe, check_encoder
from reasondiff.training.optimization import Optimization
from reasondiff.training.stages.flow import FlowOptions, Validation
from reasondiff.training.stages.reason import HeldOut
from reasondiff.training.video_validation import VideoValidation

__all__ = ["RELEASED_CODE", "SMALL_STAGE1", "SMALL_STAGE2", "STAGE1", "STAGE2", "VideoReasonRecipe"]

_PARTS = ("transformer", "vae", "tokenizer", "scheduler", "image_encoder", "image_processor")
"""What is read of the base model; texts are encoded already."""

_PATCH_EMBEDDING = r"|patch_embedding"

_DRAWS = 4
"""Of each held-out clip, for its loss."""


@dataclass(frozen=True, kw_only=True)
class VideoReasonRecipe(ReasonRecipe):
    """Algorithm 1 on an encoded set; the result is an adapter's folder.

    Args:
        data: folder of the set; ``--data``.
        data_hash: of what is in it: a run goes on with the very clips and captions it was begun with.
        clips: only the first so many; 0 takes all.
        epochs: how often each clip is drawn in the mean; gives the steps once the set is known.
        width: of the clips, pixels.
        height: of the clips, pixels.
        num_frames: of a clip.
        interval: seconds between frames.
        anchor_frames: how anchors are drawn: "uniform" over all frames, "latent" over latent frames, or "ends".
        patch_embedding: a LoRA for the patch embedding, too, which never saw image content under a mask of 0.
        frozen_weights: what the base's weights are kept in; "float8" keeps those of the transformer's blocks in e4m3, a
            scale for each output, and computes as before.
        gradient_checkpointing: of the transformer: a third more time, and a small part of the memory.
        keep_attention: with it, what attention gives is kept and not computed again.
        follows: the recipe whose adapter it goes on with.
        validation_clips: held out of the set and never trained on; fewer in a set of few videos (``held_out``).
        validation_videos: of these are generated at every validation.
        validation_steps: of denoising, for them.
    """

    data: str = ""
    data_hash: str = ""
    clips: int = 0
    epochs: float = 1.0
    width: int = 512
    height: int = 512
    num_frames: int = 33
    interval: float = 0.2
    anchor_frames: AnchorFrames = "uniform"
    patch_embedding: bool = False
    frozen_weights: Literal["fp32", "bf16", "float8"] = "bf16"
    gradient_checkpointing: bool = True
    keep_attention: bool = False
    follows: str = ""
    validation_clips: int = 8
    validation_videos: int = 4
    validation_steps: int = 20
    validate_every: int = 250

    may_change: ClassVar[frozenset[str]] = ReasonRecipe.may_change | {
        "data",
        "epochs",
        "gradient_checkpointing",
        "keep_attention",
        "validation_steps",
        "validation_videos",
    }

    @property
    def reads(self) -> tuple[Needed, ...]:
        return ()

    @property
    def continues_from(self) -> tuple[str, ...]:
        return ("alignformer", LORA_FILE)

    def read_from(self, model: Path) -> Path:
        assert self.base_model is not None, "it makes an adapter of this one"
        return model_folder(self.base_model, parts=_PARTS)

    def with_data(self, folder: Path, *, keep_steps: bool) -> VideoReasonRecipe:
        """The recipe on a set: its size and interval, and as many steps as ``epochs`` are."""
        manifest, rows = read_encoded(folder)
        clips = len(without_held_out(rows, self.validation_clips)[: self.clips or None])
        batch = self.flow.batch * self.optimization.gradient_accumulation_steps
        if clips < batch:
            raise InputError(
                f"The set {str(folder)!r} has {clips} clips to train on and a step takes {batch}; add videos, or give "
                "a smaller --batch and --set optimization.gradient_accumulation_steps=1."
            )
        steps = self.optimization.steps if keep_steps else max(1, math.ceil(self.epochs * clips / batch))
        return replace(
            self,
            data=str(folder),
            data_hash=encoded_hash(folder),
            width=manifest.width,
            height=manifest.height,
            num_frames=manifest.num_frames,
            interval=manifest.step,
            optimization=replace(self.optimization, steps=steps),
        )

    def adapter_in(self, runs: Path) -> Path:
        return runs / self.name / "adapter"

    def placed(self, runs: Path) -> VideoReasonRecipe:
        """The second stage goes on with the first one's adapter, unless told with whose."""
        if not self.follows or self.from_weights is not None:
            return self
        return replace(self, from_weights=str(runs / self.follows / "adapter"))

    def note(self) -> str:
        if not self.validation_clips or len(self._unseen()):
            return ""
        return (
            f"The set {self.data!r} has fewer than five videos, so none is held out: there is no loss on unseen clips "
            "and no validation video."
        )

    def check(self, model: Path) -> None:
        if not self.data:
            raise InputError(f"{self.name} needs videos; give an encoded set with --data.")
        if self.lora is None and self.from_weights is None:
            raise InputError(f"{self.name} goes on with an adapter; give it with --from-weights.")
        if self.frozen_weights == "float8" and self.optimization.shard_weights:
            raise InputError("Weights in float8 are not shared out; set frozen_weights=bf16.")
        super().check(model)

    def source(self, vae: WanVae, cache: Path) -> ClipSource:
        clips = VideoClips(
            Path(self.data),
            clips=self.clips,
            anchor_frames=self.anchor_frames,
            only=partial(without_held_out, clips=self.validation_clips),
        )
        check_encoder(clips.manifest, vae, self.data, str(self.base_model))
        return clips

    def _unseen(self) -> VideoClips:
        only = partial(held_out, clips=self.validation_clips)
        return VideoClips(Path(self.data), anchor_frames=self.anchor_frames, only=only)

    def texts(self, pipe: ReasonDiffPipeline) -> StoredTexts:
        return StoredTexts(Path(self.data), text_length=longest_text(pipe.tokenizer), device=pipe.vae.device)

    def validation(self) -> Validation:
        clips = self._unseen()
        if not len(clips) or not self.validation_videos:
            return _nothing_made
        return VideoValidation(
            clips=clips,
            texts=self.texts,
            videos=self.validation_videos,
            steps=self.validation_steps,
            precision=self.optimization.precision,
        )

    def held_out(self) -> HeldOut | None:
        clips = self._unseen()
        if not len(clips):
            return None
        precision = self.optimization.precision
        return HeldOut(source=clips, draws=_DRAWS * len(clips), seed=self.optimization.seed, precision=precision)

    def loading(self) -> dict[str, Any]:
        kept = torch.float32 if self.frozen_weights == "fp32" else torch.bfloat16
        return {"text_encoder": None, "dtype": {"default": kept, "vae": torch.float32}}

    def lora_options(self) -> LoraOptions | None:
        if self.lora is None or not self.patch_embedding:
            return self.lora
        return replace(self.lora, target_modules=self.lora.target_modules + _PATCH_EMBEDDING)

    def prepare(self, pipe: ReasonDiffPipeline, device: str) -> None:
        """What is trained in fp32, the base as it was loaded; a video's time base is the set's."""
        if self.frozen_weights == "float8":
            store_in_float8(pipe.transformer)
        for part in pipe.components.values():
            waits = self.optimization.shard_weights and part is pipe.transformer  # its shares go there, never the whole
            if isinstance(part, torch.nn.Module) and not waits:
                part.to(device)
        assert pipe.alignformer is not None, "the stages have one"
        pipe.alignformer.float()
        for name, parameter in pipe.transformer.named_parameters():
            if ".lora_" in name:
                parameter.data = parameter.data.float()
        pipe.defaults = replace(pipe.defaults, interval=self.interval)
        if self.gradient_checkpointing:
            checkpoint = partial(install(pipe.transformer).checkpoint, keep_attention=self.keep_attention)
            pipe.transformer.enable_gradient_checkpointing(checkpoint)


def _nothing_made(pipe: ReasonDiffPipeline, folder: Path) -> dict[str, float]:
    return {}


STAGE1 = VideoReasonRecipe(
    name="wan-14b/stage1",
    purpose="the paper's first stage at 14B: LoRA and AlignFormer, any frame given, every frame with its text",
    base_model="wan2.1-i2v-14b-480p",
    optimization=Optimization(
        steps=1250,  # one epoch of the paper's ten thousand clips
        lr=1e-5,
        warmup_steps=0,
        decay_fraction=0.0,
        betas=(0.9, 0.999),
        gradient_accumulation_steps=8,  # a batch of 8 in the memory of 1
    ),
    flow=FlowOptions(batch=1, timesteps="uniform", motion_weight=1.0),
    alignformer=AlignFormerConfig(text_dim=4096, dim=2048, patch_size=(1, 2, 2)),
    lora=LoraOptions(r=16, lora_alpha=16),
    beta=0.0,
)
"""Algorithm 1, first pass, by Appendix A.2: AdamW, lr 1e-5, batch 8, one epoch, t ~ U(0, 1)."""

STAGE2 = replace(
    STAGE1,
    name="wan-14b/stage2",
    purpose="the paper's second stage at 14B: AlignFormer alone, with the auxiliary loss",
    alignformer=None,
    lora=None,
    beta=0.2,
    follows=STAGE1.name,
)
"""Algorithm 1, second pass, with beta = 0.2 (Eq. 6)."""

RELEASED_CODE = replace(
    STAGE1,
    name="wan-14b/released-code",
    purpose="the released research code's values: lr 1e-4, batch 1, 832x480, anchors at the ends, one stage",
    optimization=replace(STAGE1.optimization, steps=20_000, lr=1e-4, gradient_accumulation_steps=1),
    flow=replace(STAGE1.flow, shift=5.0),
    validate_every=2_000,
    alignformer=AlignFormerConfig(text_dim=4096, dim=2048, num_heads=4, patch_size=(1, 2, 2)),
    per_frame=1.0,
    width=832,
    height=480,
    anchor_frames="ends",
)
"""10 epochs of 2,000 steps; what the paper says otherwise, the other two recipes have."""

SMALL_BASE = "engineerA314/Wan2.1-Fun-V1.1-1.3B-InP-Diffusers"

SMALL_STAGE1 = replace(
    STAGE1,
    name="wan-1.3b/stage1",
    purpose="the first stage on Wan2.1-Fun-1.3B-InP, an image-to-video model that a card of 24 GB trains",
    base_model=SMALL_BASE,
    optimization=replace(STAGE1.optimization, lr=1e-4),
    alignformer=AlignFormerConfig(text_dim=4096, dim=1024, patch_size=(1, 2, 2)),
    lora=LoraOptions(r=32, lora_alpha=32),
)
"""A tenth of the parameters wants a larger rate; everything else is the paper's."""

SMALL_STAGE2 = replace(
    SMALL_STAGE1,
    name="wan-1.3b/stage2",
    purpose="the second stage on Wan2.1-Fun-1.3B-InP",
    alignformer=None,
    lora=None,
    beta=0.2,
    follows=SMALL_STAGE1.name,
)
