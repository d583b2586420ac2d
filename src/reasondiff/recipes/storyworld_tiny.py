"""The bundled models, from nothing; their model card says what the weights that are shipped had other than this.

Run in this order; each stage reads the components that the earlier ones exported: ``vae``, ``base`` (the "Wan2.1" of
this world), ``stage1`` and ``stage2`` (Algorithm 1). ``refine`` may go on at any time after ``vae``. ``quick`` needs
none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from reasondiff.backends.wan.building import WanVae
from reasondiff.data.clips import ClipSource
from reasondiff.data.encoded import read_encoded
from reasondiff.data.videos import VideoClips
from reasondiff.recipes.base import Needed
from reasondiff.recipes.components import AlignFormerConfig, LoraOptions, VaeConfig
from reasondiff.recipes.wan import BaseRecipe, ClipRecipe, ReasonRecipe, VaeRecipe, check_encoder
from reasondiff.storyworld.stories import INTERVAL, NUM_FRAMES, SIZE
from reasondiff.training.optimization import Optimization
from reasondiff.training.stages.flow import FlowOptions, Validation
from reasondiff.training.storyworld.caption_tokenizer import caption_tokenizer
from reasondiff.training.storyworld.clips import storyworld_clips
from reasondiff.training.storyworld.vae_dataset import Phase
from reasondiff.training.storyworld.validation import judged_previews

__all__ = [
    "BASE",
    "NO_AUX_LOSS",
    "NO_ENHANCED_LATENTS",
    "NO_MULTI_PROMPT",
    "NO_MULTI_PROMPT_2",
    "QUICK",
    "REFINE",
    "STAGE1",
    "STAGE1_HARD",
    "STAGE2",
    "VAE",
]

TEXT_LENGTH = 128
"""Tokens that a prompt is padded to; 512 in Wan."""
CLIPS = 14000
"""On which the bundled models were trained."""


@dataclass(frozen=True, kw_only=True)
class StoryWorldClipRecipe(ClipRecipe):
    """Clips of StoryWorld, judged by its oracle.

    Args:
        hard: share of clips of level ``hard``; pairs that are held out, are so there too.
        validation_cases: unseen stories that a validation tells.
        data: an encoded set of ``reasondiff storyworld --dataset`` to train on instead of drawing; ``--data``.
    """

    clips: int = CLIPS
    hard: float = 0.0
    validation_cases: int = 24
    data: str = ""

    may_change = ClipRecipe.may_change | {"validation_cases"}

    def source(self, vae: WanVae, cache: Path) -> ClipSource:
        if self.data:
            written = VideoClips(Path(self.data), clips=self.clips)
            check_encoder(written.manifest, vae, self.data, self.base_model or "the model folder")
            return written
        return storyworld_clips(vae, self.clips, cache, hard=self.hard, precision=self.optimization.precision)

    def validation(self) -> Validation:
        return partial(judged_previews, count=self.validation_cases)


@dataclass(frozen=True, kw_only=True)
class StoryWorldBaseRecipe(StoryWorldClipRecipe, BaseRecipe):
    """Plain first-frame image-to-video on paired captions."""

    @property
    def reads(self) -> tuple[Needed, ...]:
        return (Needed("vae", "storyworld-tiny/vae"),)

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return caption_tokenizer(max_length=TEXT_LENGTH)

    @property
    def defaults(self) -> dict[str, object]:
        """The text that guidance leads away from is the one of dropped captions."""
        return {
            "num_frames": NUM_FRAMES,
            "interval": INTERVAL,
            "num_inference_steps": 20,
            "guidance_scale": 3.0,
            "guidance_stop": 0.35,
            "area": SIZE * SIZE,
            "negative_prompt": "",
        }

    def validation(self) -> Validation:
        return partial(
            judged_previews,
            count=self.validation_cases,
            text_mode="joined",
            anchor="first",
            use_adapter=False,
        )


@dataclass(frozen=True, kw_only=True)
class StoryWorldReasonRecipe(StoryWorldClipRecipe, ReasonRecipe):
    """The paper's two stages."""

    def with_data(self, folder: Path, *, keep_steps: bool) -> StoryWorldReasonRecipe:
        """The same on a written set; as many steps as on drawn clips."""
        _, rows = read_encoded(folder)
        return replace(self, data=str(folder), clips=len(rows))

    @property
    def reads(self) -> tuple[Needed, ...]:
        return (Needed("model_index.json", "storyworld-tiny/base"),)


VAE = VaeRecipe(
    name="storyworld-tiny/vae",
    purpose="a video autoencoder: images, then short clips of what moves, then whole clips",
    optimization=Optimization(
        steps=5700,
        lr=2e-3,
        warmup_steps=100,
        decay_fraction=0.4,
        weight_decay=1e-4,
        max_grad_norm=0.5,
        ema_decay=0.998,
    ),
    vae=VaeConfig(),
    error=1,
    fidelity=0.0,
    phases=(
        Phase(until=0.05, frames=(1,), batch=16, crop=64),
        Phase(until=0.80, frames=(5, 9, 13), batch=16, crop=32, moving=True),
        Phase(until=1.00, frames=(17, 33), batch=2, crop=64),
    ),
    validate_every=1000,
)
"""A Wan2.1 VAE of two levels less."""

REFINE = VaeRecipe(
    name="storyworld-tiny/refine",
    purpose="the video autoencoder, longer, on latents that stay near those of before",
    optimization=Optimization(
        steps=2600,
        lr=2e-3,
        warmup_steps=100,
        decay_fraction=0.6,
        weight_decay=1e-4,
        muon=True,
        ema_decay=0.998,
    ),
    vae=None,
    vae_writer=VAE.name,
    error=2,
    fidelity=0.003,
    phases=(
        Phase(until=1.0, frames=(9,), batch=8, crop=32, moving=True),
        Phase(until=1.0, frames=(17,), batch=4, crop=32, moving=True),
        Phase(until=1.0, frames=(33,), batch=1, crop=64),
    ),
    validate_every=2000,
)
"""The VAE, longer, its latents near what they were: finer pictures, to which later stages then adapt."""

BASE = StoryWorldBaseRecipe(
    name="storyworld-tiny/base",
    purpose="Wan image-to-video from the first frame, on paired captions",
    optimization=Optimization(steps=16500, lr=1e-3, warmup_steps=200, decay_fraction=0.3, ema_decay=0.998),
    validate_every=5000,
)
"""Plain first-frame image-to-video on paired captions, transformer and text encoder from scratch."""

STAGE1 = StoryWorldReasonRecipe(
    name="storyworld-tiny/stage1",
    purpose="the paper's first stage: LoRA and AlignFormer, any frame given, every frame with its text",
    optimization=Optimization(steps=9000, lr=1e-3, warmup_steps=100, decay_fraction=0.4, ema_decay=0.998),
    alignformer=AlignFormerConfig(),
    lora=LoraOptions(),
    beta=0.0,
    validate_every=5000,
)
"""Algorithm 1, first pass: LoRA and AlignFormer under the denoising loss; any frame is the anchor."""

STAGE1_HARD = replace(
    STAGE1,
    name="storyworld-tiny/stage1-hard",
    purpose="stage1 on both levels, the anchor's latent frame heavier, the patch embedding with a LoRA of its own",
    optimization=Optimization(steps=6000, lr=5e-4, warmup_steps=100, decay_fraction=0.5, ema_decay=0.998),
    lora=LoraOptions(target_modules=f"{LoraOptions().target_modules}|patch_embedding"),
    flow=FlowOptions(anchor_weight=3.0),
    hard=0.5,
)
"""Goes on with stage1's weights (``--from-weights``): stories of level ``hard``, and an image that comes back."""

STAGE2 = replace(
    STAGE1,
    name="storyworld-tiny/stage2",
    purpose="the paper's second stage: AlignFormer alone, with the auxiliary loss",
    optimization=Optimization(steps=400, lr=1e-4, warmup_steps=50, decay_fraction=0.5, ema_decay=0.99),
    alignformer=None,
    lora=None,
    beta=0.2,
    validate_every=1000,
)
"""Algorithm 1, second pass: AlignFormer alone, with the auxiliary loss (Eq. 6)."""

_BOTH_STAGES = replace(STAGE1.optimization, steps=STAGE1.optimization.steps + STAGE2.optimization.steps)
"""An ablation without a second stage takes its steps in the first, so that all are trained equally long (Sec. 4.3)."""

NO_AUX_LOSS = replace(
    STAGE1,
    name="storyworld-tiny/no-aux-loss",
    purpose="the ablation without the auxiliary loss: one stage, as many steps as both",
    optimization=_BOTH_STAGES,
)

NO_ENHANCED_LATENTS = replace(
    STAGE1,
    name="storyworld-tiny/no-enhanced-latents",
    purpose="the ablation without enhanced latents: the LoRA alone, c* stays the repeated anchor",
    optimization=_BOTH_STAGES,
    train_alignformer=False,
)

NO_MULTI_PROMPT = replace(
    STAGE1,
    name="storyworld-tiny/no-multi-prompt",
    purpose="the ablation without a text per frame: every frame reads the clip's one caption; first stage",
    single_text=True,
)

NO_MULTI_PROMPT_2 = replace(
    STAGE2,
    name="storyworld-tiny/no-multi-prompt-2",
    purpose="the ablation without a text per frame, second stage",
    single_text=True,
)

QUICK = replace(
    STAGE1,
    name="storyworld-tiny/quick",
    purpose="five steps of stage1 on the bundled model, to see that everything works",
    optimization=Optimization(steps=5, lr=1e-3, warmup_steps=1),
    base_model="storyworld-tiny",
    flow=FlowOptions(batch=2),
    clips=4,
    validation_cases=1,
    validate_every=0,
)
"""The whole way within a minute: clips are encoded, five steps taken, the model measured and an adapter written."""
