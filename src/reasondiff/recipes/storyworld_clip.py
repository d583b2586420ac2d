"""The network that says how near a frame of StoryWorld is to a caption, from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reasondiff.recipes.base import NetworkRecipe
from reasondiff.storyworld.clip import TEXT_LENGTH, StoryWorldClip
from reasondiff.training.optimization import Optimization
from reasondiff.training.storyworld.caption_tokenizer import caption_tokenizer
from reasondiff.training.storyworld.clip import ClipStage
from reasondiff.training.trainer import Stage

__all__ = ["CLIP", "ClipRecipe"]


@dataclass(frozen=True, kw_only=True)
class ClipRecipe(NetworkRecipe):
    """A network of 0.5 M parameters, on clips and captions that no generator was trained on.

    Args:
        batch: frames per step and process.
        clean: share of frames that are not made worse.
    """

    batch: int = 64
    clean: float = 0.4

    @property
    def continues_from(self) -> tuple[str, ...]:
        return ()

    @property
    def exports(self) -> tuple[str, ...]:
        return ("config.json", "diffusion_pytorch_model.safetensors", "tokenizer.json", "tokenizer_config.json")

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        tokenizer = caption_tokenizer(max_length=TEXT_LENGTH)
        net = self.seeded(lambda: StoryWorldClip(vocabulary=len(tokenizer)))
        return ClipStage(net.to(device), tokenizer, batch=self.batch, clean=self.clean)


CLIP = ClipRecipe(
    name="storyworld-tiny/clip",
    purpose="how near a frame is to a caption: the CLIP-class network of the evaluation",
    optimization=Optimization(
        steps=1200, lr=2e-3, warmup_steps=100, decay_fraction=0.5, ema_decay=0.995, precision="fp32"
    ),
    validate_every=500,
)
