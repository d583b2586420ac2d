"""The bundled narrator, from nothing; the model card says what the one that is shipped had other than this."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoProcessor, CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from reasondiff.data.processes import main_process_first
from reasondiff.files import atomic_path
from reasondiff.recipes.base import NetworkRecipe
from reasondiff.recipes.config import to_json
from reasondiff.training.optimization import Optimization
from reasondiff.training.storyworld.narrator import NarratorStage
from reasondiff.training.storyworld.narrator_tokenizer import narrator_processor, narrator_tokenizer, save_processor
from reasondiff.training.trainer import Stage

__all__ = ["NARRATOR", "NarratorRecipe"]


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Of the CLIP tower; patches of 8x8 pixels."""

    hidden_size: int = 128
    intermediate_size: int = 384
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    projection_dim: int = 128
    image_size: int = 64
    patch_size: int = 8


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Of the Llama."""

    hidden_size: int = 128
    intermediate_size: int = 320
    num_hidden_layers: int = 3
    num_attention_heads: int = 4
    num_key_value_heads: int = 4
    max_position_embeddings: int = 8192


@dataclass(frozen=True, kw_only=True)
class NarratorRecipe(NetworkRecipe):
    """LLaVA's class, narrow: a CLIP tower, two linear layers, a Llama.

    Args:
        vision: of the tower.
        text: of the language model.
        vocabulary: tokens.
        vocabulary_takes: training clips whose prompts and replies the tokenizer is made from.
        batch: images that are told per step and process.
        see_steps: steps in which the tower learns alone.
        looks: images from which the exported narrator learns what it knows, and unseen ones that set the limits.
    """

    vision: VisionConfig = field(default_factory=VisionConfig)
    text: TextConfig = field(default_factory=TextConfig)
    vocabulary: int = 768
    vocabulary_takes: int = 3000
    batch: int = 16
    see_steps: int = 600
    looks: tuple[int, int] = (4000, 2000)

    @property
    def continues_from(self) -> tuple[str, ...]:
        return ("narrator",)

    @property
    def exports(self) -> tuple[str, ...]:
        return ("narrator",)

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        with main_process_first():  # it makes the tokenizer
            processor = self._processor(model, cache)
        return self.seeded(lambda: self._stage(processor, device))

    def _stage(self, processor: Any, device: str) -> NarratorStage:
        """The model and the heads that its tower learns by, which have initial weights as well."""
        net: Any = LlavaForConditionalGeneration(self._config(processor.tokenizer))
        if self.from_weights is not None:
            begin = Path(self.from_weights, "narrator")
            net = LlavaForConditionalGeneration.from_pretrained(begin, dtype=torch.float32)
        return NarratorStage(
            net.to(device),
            processor,
            batch=self.batch,
            see_steps=self.see_steps,
            looks=self.looks,
        )

    def _config(self, tokenizer: Any) -> LlavaConfig:
        return LlavaConfig(
            vision_config=CLIPVisionConfig(**to_json(self.vision)),
            text_config=LlamaConfig(
                vocab_size=len(tokenizer),
                tie_word_embeddings=True,
                bos_token_id=None,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
                **to_json(self.text),
            ),
            image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
            image_seq_length=(self.vision.image_size // self.vision.patch_size) ** 2,
            vision_feature_layer=-1,
            tie_word_embeddings=True,
        )

    def _processor(self, model: Path, cache: Path) -> Any:
        """The processor of the weights, or else of this run, made once: its tokens' numbers are in the weights."""
        of_run = cache / "narrator-processor"
        for folder in (Path(self.from_weights or model, "narrator"), of_run):
            if (folder / "tokenizer.json").is_file():
                return AutoProcessor.from_pretrained(folder)
        cache.mkdir(parents=True, exist_ok=True)
        tokenizer = narrator_tokenizer(vocabulary=self.vocabulary, takes=self.vocabulary_takes)
        processor = narrator_processor(tokenizer, size=self.vision.image_size, patch=self.vision.patch_size)
        with atomic_path(of_run, folder=True) as folder:
            save_processor(processor, folder)
        return AutoProcessor.from_pretrained(of_run)


NARRATOR = NarratorRecipe(
    name="storyworld-tiny/narrator",
    purpose="a vision-language model that tells StoryWorld's stories",
    optimization=Optimization(steps=8000, lr=1.5e-3, warmup_steps=150, decay_fraction=0.3, ema_decay=0.998),
    validate_every=500,
)
