"""The bundled narrator, from nothing; the model card says what the one that is shipped had other than this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoProcessor, CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from reasondiff.files import atomic_path
from reasondiff.recipes.base import TrainingRecipe
from reasondiff.training.storyworld.narrator import NarratorStage
from reasondiff.training.storyworld.narrator_tokenizer import narrator_processor, narrator_tokenizer, save_processor
from reasondiff.training.trainer import Optimization, Stage

__all__ = ["narrator"]

_SIZE, _PATCH = 64, 8


def narrator() -> TrainingRecipe:
    """LLaVA's class, narrow: a CLIP tower of 8x8 patches, two linear layers, a Llama."""
    vision = {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "projection_dim": 128,
        "image_size": _SIZE,
        "patch_size": _PATCH,
    }
    text = {
        "hidden_size": 128,
        "intermediate_size": 320,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 8192,
    }
    return TrainingRecipe(
        name="storyworld-tiny/narrator",
        purpose="a vision-language model that tells StoryWorld's stories",
        optimization=Optimization(steps=8000, lr=1.5e-3, warmup_steps=150, decay_fraction=0.3, ema_decay=0.998),
        build=_build,
        settings={
            "vision": vision,
            "text": text,
            "tokenizer": {"vocabulary": 768, "takes": 3000},
            "stage": {"see_steps": 600, "looks": (4000, 2000)},
            "batch": 16,
            "from_weights": None,
        },
        validate_every=500,
    )


def _build(recipe: TrainingRecipe, model: Path, cache: Path, device: str) -> Stage:
    settings = recipe.settings
    processor = _processor(recipe, model, cache)
    tokenizer = processor.tokenizer
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**settings["vision"]),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **settings["text"],
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(_SIZE // _PATCH) ** 2,
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(recipe.optimization.seed)
        net: Any = LlavaForConditionalGeneration(config)
        if begin := settings["from_weights"]:
            net = LlavaForConditionalGeneration.from_pretrained(Path(begin, "narrator"), dtype=torch.float32)
        return NarratorStage(net.to(device), processor, batch=settings["batch"], **settings["stage"])


def _processor(recipe: TrainingRecipe, model: Path, cache: Path) -> Any:
    """The processor of the weights, or else of this run, which is made once: its tokens' numbers are in the weights."""
    of_run = cache / "narrator-processor"
    for folder in (Path(recipe.settings["from_weights"] or model, "narrator"), of_run):
        if (folder / "tokenizer.json").is_file():
            return AutoProcessor.from_pretrained(folder)
    cache.mkdir(parents=True, exist_ok=True)
    tokenizer = narrator_tokenizer(**recipe.settings["tokenizer"])
    with atomic_path(of_run, folder=True) as folder:
        save_processor(narrator_processor(tokenizer, size=_SIZE, patch=_PATCH), folder)
    return AutoProcessor.from_pretrained(of_run)
