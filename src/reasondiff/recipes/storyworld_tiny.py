"""The bundled models, from nothing; their model card says what the weights that are shipped had other than this.

Run in this order; each stage reads the components that the earlier ones exported: ``vae``, ``base`` (the "Wan2.1" of
this world), ``stage1`` and ``stage2`` (Algorithm 1). ``refine`` may go on at any time after ``vae``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import UniPCMultistepScheduler
from peft import LoraConfig
from transformers import T5Tokenizer, UMT5Config, UMT5EncoderModel

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.wan.building import load_transformer, load_vae, new_transformer, new_vae
from reasondiff.backends.wan.components import ADAPTER
from reasondiff.errors import InputError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.recipes.base import TrainingRecipe
from reasondiff.storyworld.stories import INTERVAL, NUM_FRAMES, SIZE
from reasondiff.training.stages.base import BaseStage
from reasondiff.training.stages.flow import FlowOptions
from reasondiff.training.stages.reason import ReasonStage
from reasondiff.training.storyworld.caption_tokenizer import caption_tokenizer
from reasondiff.training.storyworld.clips import storyworld_clips
from reasondiff.training.storyworld.vae import VaeStage
from reasondiff.training.storyworld.vae_dataset import Phase
from reasondiff.training.storyworld.validation import judged_previews
from reasondiff.training.trainer import Optimization, Stage

__all__ = ["base", "refine", "stage1", "stage2", "vae"]

CHANNELS = 16
"""Of the latents, as in Wan2.1."""
PATCH = [1, 4, 4]
"""A token is 16 x 16 pixels, as in Wan2.1; a clip of 33 frames has 144."""
TEXT_DIM = 128
TEXT_LENGTH = 128
"""Tokens that a prompt is padded to; 512 in Wan."""
DEFAULTS = {
    "num_frames": NUM_FRAMES,
    "interval": INTERVAL,
    "num_inference_steps": 20,
    "guidance_scale": 3.0,
    "area": SIZE * SIZE,
    "negative_prompt": "",
}
"""What the bundled model is run with; the text that guidance leads away from is the one of dropped captions."""


def vae() -> TrainingRecipe:
    """A Wan2.1 VAE of two levels less: 4 in time as the 14B's, 4 in space, because 64 pixels leave no room for 8."""
    config = {
        "base_dim": 16,
        "z_dim": CHANNELS,
        "dim_mult": [1, 2, 4],
        "num_res_blocks": 1,
        "attn_scales": [],
        "temperal_downsample": [True, True],
        "scale_factor_temporal": 4,
        "scale_factor_spatial": 4,
        "latents_mean": [0.0] * CHANNELS,
        "latents_std": [1.0] * CHANNELS,
    }
    return TrainingRecipe(
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
        build=_vae_stage,
        settings={
            "vae": config,
            "error": 1,
            "fidelity": 0.0,
            "phases": [
                {"until": 0.05, "frames": (1,), "batch": 16, "crop": 64},
                {"until": 0.80, "frames": (5, 9, 13), "batch": 16, "crop": 32, "moving": True},
                {"until": 1.00, "frames": (17, 33), "batch": 2, "crop": 64},
            ],
            "compile": False,
        },
        validate_every=1000,
    )


def refine() -> TrainingRecipe:
    """The VAE, longer, its latents near what they were: finer pictures, to which later stages then adapt."""
    return TrainingRecipe(
        name="storyworld-tiny/refine",
        purpose="the video autoencoder, longer, on latents that stay near those of before",
        optimization=Optimization(
            steps=2600, lr=2e-3, warmup_steps=100, decay_fraction=0.6, weight_decay=1e-4, muon=True, ema_decay=0.998
        ),
        build=_vae_stage,
        settings={
            "error": 2,
            "fidelity": 0.003,
            "phases": [
                {"until": 1.0, "frames": (9,), "batch": 8, "crop": 32, "moving": True},
                {"until": 1.0, "frames": (17,), "batch": 4, "crop": 32, "moving": True},
                {"until": 1.0, "frames": (33,), "batch": 1, "crop": 64},
            ],
            "compile": False,
        },
        validate_every=2000,
    )


def _vae_stage(recipe: TrainingRecipe, model: Path, cache: Path, device: str) -> Stage:
    config = recipe.settings.get("vae")
    net = seeded(recipe, lambda: new_vae(config)) if config else load_vae(model)
    phases = [Phase(**phase) for phase in recipe.settings["phases"]]
    return VaeStage(
        net.to(device),
        steps=recipe.optimization.steps,
        phases=phases,
        error=recipe.settings["error"],
        fidelity=recipe.settings["fidelity"],
        compile=recipe.settings["compile"],
    )


def base() -> TrainingRecipe:
    """Plain first-frame image-to-video on paired captions, transformer and text encoder from scratch."""
    transformer = {
        "patch_size": PATCH,
        "num_attention_heads": 6,
        "attention_head_dim": 64,
        "in_channels": 2 * CHANNELS + 4,
        "out_channels": CHANNELS,
        "text_dim": TEXT_DIM,
        "freq_dim": 128,
        "ffn_dim": 768,
        "num_layers": 5,
        "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads",
        "rope_max_seq_len": 128,
    }
    text_encoder = {
        "d_model": TEXT_DIM,
        "d_kv": 32,
        "num_heads": 4,
        "num_layers": 3,
        "d_ff": 256,
        "dropout_rate": 0.0,
    }

    def build(recipe: TrainingRecipe, model: Path, cache: Path, device: str) -> Stage:
        settings = recipe.settings
        tokenizer = caption_tokenizer(max_length=TEXT_LENGTH)
        encoder = UMT5Config(vocab_size=len(tokenizer), **settings["text_encoder"])
        if begin := settings["from_weights"]:
            transformer = load_transformer(Path(begin))
            text_encoder = UMT5EncoderModel.from_pretrained(Path(begin, "text_encoder"), dtype=torch.float32)
            tokenizer = T5Tokenizer.from_pretrained(Path(begin, "tokenizer"))  # the encoder knows words by its numbers
        else:
            transformer = seeded(recipe, lambda: new_transformer(settings["transformer"]))
            text_encoder = seeded(recipe, lambda: UMT5EncoderModel(encoder))
        pipe = ReasonDiffPipeline(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            vae=load_vae(model),
            scheduler=scheduler(),
            transformer=transformer,
            reasondiff=DEFAULTS,
        ).to(device)
        return BaseStage(
            pipe,
            storyworld_clips(pipe.vae, settings["clips"], cache),
            FlowOptions(batch=settings["batch"], compile=settings["compile"]),
            drop_image=settings["drop_image"],
            validation=partial(judged_previews, prompts="joined", anchor="first", align=False),
        )

    return TrainingRecipe(
        name="storyworld-tiny/base",
        purpose="Wan image-to-video from the first frame, on paired captions",
        optimization=Optimization(steps=16500, lr=1e-3, warmup_steps=200, decay_fraction=0.3, ema_decay=0.998),
        build=build,
        settings={
            "transformer": transformer,
            "text_encoder": text_encoder,
            "drop_image": 0.2,
            "batch": 16,
            "compile": False,
            "from_weights": None,
            "clips": 14000,
        },
        validate_every=5000,
    )


def stage1() -> TrainingRecipe:
    """Algorithm 1, first pass: LoRA and AlignFormer under the denoising loss; any frame is the anchor."""
    return TrainingRecipe(
        name="storyworld-tiny/stage1",
        purpose="the paper's first stage: LoRA and AlignFormer, any frame given, every frame with its text",
        optimization=Optimization(steps=9000, lr=1e-3, warmup_steps=100, decay_fraction=0.4, ema_decay=0.998),
        build=_reason_stage,
        settings={
            "alignformer": {
                "in_channels": CHANNELS,
                "text_dim": TEXT_DIM,
                "dim": 160,
                "num_heads": 8,
                "patch_size": PATCH,
            },
            "lora": {"r": 32, "lora_alpha": 32, "target_modules": LORA_TARGETS},
            "beta": 0.0,
            "batch": 16,
            "compile": False,
            "from_weights": None,
            "clips": 14000,
        },
        validate_every=5000,
    )


def stage2() -> TrainingRecipe:
    """Algorithm 1, second pass: AlignFormer alone, with the auxiliary loss (Eq. 6)."""
    return TrainingRecipe(
        name="storyworld-tiny/stage2",
        purpose="the paper's second stage: AlignFormer alone, with the auxiliary loss",
        optimization=Optimization(steps=400, lr=1e-4, warmup_steps=50, decay_fraction=0.5, ema_decay=0.99),
        build=_reason_stage,
        settings={"beta": 0.2, "batch": 16, "compile": False, "clips": 14000},
        validate_every=1000,
    )


LORA_TARGETS = r".*\.(attn1|attn2)\.(to_q|to_k|to_v|to_out\.0)|.*\.ffn\.net\.(0\.proj|2)"
"""Decision 8: the projections of both attentions and of the feed-forward layers; rank 32, alpha 32."""


def _reason_stage(recipe: TrainingRecipe, model: Path, cache: Path, device: str) -> Stage:
    settings = recipe.settings
    begin = settings.get("from_weights")
    own = {} if begin is None else {"alignformer": Path(begin, "alignformer"), "lora": Path(begin)}
    pipe = ReasonDiffPipeline.from_pretrained(model, **own)
    pipe.text_encoder.requires_grad_(False)
    pipe.transformer.requires_grad_(False)
    adapters: dict[str, torch.nn.Parameter] = {}
    if "lora" in settings:  # stage 1
        if begin is None:
            pipe.unload_lora_weights()
            lora = LoraConfig(**settings["lora"])
            seeded(recipe, lambda: pipe.transformer.add_adapter(lora, adapter_name=ADAPTER))
            pipe.register_modules(alignformer=seeded(recipe, lambda: AlignFormer(**settings["alignformer"])))
        elif (rank := pipe.transformer.peft_config[ADAPTER].r) != settings["lora"]["r"]:
            raise InputError(
                f"The LoRA in {begin!r} has rank {rank}, not the recipe's {settings['lora']['r']}; begin without "
                "--from-weights."
            )
        adapters = {name: p for name, p in pipe.transformer.named_parameters() if ".lora_" in name}
    pipe.to(device, torch.float32)
    if pipe.alignformer is None or ("lora" in settings and not adapters):
        raise InputError(f"{str(model)!r} lacks an AlignFormer or a LoRA; train storyworld-tiny/stage1 from nothing.")
    for parameter in adapters.values():
        parameter.requires_grad_(True)
    pipe.alignformer.train()
    return ReasonStage(
        pipe,
        storyworld_clips(pipe.vae, settings["clips"], cache),
        FlowOptions(batch=settings["batch"], compile=settings["compile"]),
        adapters=adapters,
        beta=settings["beta"],
        per_frame=0.5,
        validation=judged_previews,
    )


def scheduler() -> UniPCMultistepScheduler:
    """The scheduler and the shift that the Wan2.1 checkpoints ship for 480p; see ``flow`` for "sample"."""
    return UniPCMultistepScheduler(
        prediction_type="sample", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
    )


def seeded(recipe: TrainingRecipe, make: Any) -> Any:
    """What ``make`` returns, with initial weights that depend on the recipe's seed only."""
    with torch.random.fork_rng():
        torch.manual_seed(recipe.optimization.seed)
        return make()
