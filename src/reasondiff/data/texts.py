"""What a step's clips are told: prompts encoded each once, whole narratives, and times that are a little off."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from reasondiff.backends.wan.framewise import FrameContext, FramePlan
from reasondiff.backends.wan.text_encoding import encode_texts, longest_text
from reasondiff.narrative import Narrative

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

__all__ = ["TextContexts", "Texts", "jitter_boundaries"]


class TextContexts(Protocol):
    """Where the texts of a step come from: a text encoder, or what it has encoded before."""

    def context(
        self, plans: tuple[FramePlan, ...], *, trained: bool = False, image: Tensor | None = None
    ) -> tuple[FrameContext, dict[str, Tensor]]:
        """What the transformer reads, and per prompt its tokens [tokens, text_dim].

        Args:
            plans: one per clip.
            trained: gradients flow to the text encoder.
            image: the image encoder's tokens [clips, tokens, image_dim], for a transformer that takes them.
        """


class Texts:
    """Encodes the plans' prompts, each once, as a pipeline does."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, encoder: UMT5EncoderModel) -> None:
        self.tokenizer = tokenizer
        self.encoder = encoder

    def __call__(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        """Per prompt [tokens, text_dim], without padding; an empty prompt is its end token."""
        return encode_texts(self.tokenizer, self.encoder, prompts, batch_size=max(1, len(prompts)))

    def context(
        self, plans: tuple[FramePlan, ...], *, trained: bool = False, image: Tensor | None = None
    ) -> tuple[FrameContext, dict[str, Tensor]]:
        with torch.set_grad_enabled(trained):
            embeddings = self(list(dict.fromkeys(prompt for plan in plans for prompt in plan.prompts)))
        length = longest_text(self.tokenizer)
        context = FrameContext.build(plans, embeddings, text_length=length, image=image, cache=False)
        return context, embeddings


def jitter_boundaries(narrative: Narrative, rng: random.Random, reach: int = 2) -> Narrative:
    """The same story with every boundary up to ``reach`` frames off: what a narrator tells of times is a guess.

    A model that has only read true times makes an agent jump to keep to a wrong one. No clip becomes shorter than
    three frames, unless it was, and the anchor stays in its clip; where a draw would break that, the times stay true.
    """
    ends = [clip.end + rng.randint(-reach, reach) for clip in narrative.clips[:-1]] + [narrative.num_frames]
    spans = list(zip([0, *ends[:-1]], ends, strict=True))
    own = narrative.clip_index(narrative.anchor_frame)
    whole = all(e - s >= min(3, len(clip)) for (s, e), clip in zip(spans, narrative.clips, strict=True))
    if not whole or narrative.anchor_frame not in range(*spans[own]):
        return narrative
    moved = [replace(clip, start=s, end=e) for (s, e), clip in zip(spans, narrative.clips, strict=True)]
    return replace(narrative, clips=tuple(moved))
