"""Texts as the transformer and AlignFormer read them; generation and training both encode here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from reasondiff.backends import t5
from reasondiff.quiet import quiet_libraries

with quiet_libraries():  # of an image processor that it does not use
    from diffusers.pipelines.wan.pipeline_wan_i2v import prompt_clean

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

__all__ = ["clean_text", "encode_texts", "longest_text"]

_LONGEST = 512
"""Tokens of a prompt in Wan's own use, whatever more a tokenizer would take."""


def longest_text(tokenizer: PreTrainedTokenizerBase) -> int:
    """The most tokens that a text keeps, its end token included, unless another number is asked for."""
    return min(_LONGEST, tokenizer.model_max_length)


def clean_text(text: str) -> str:
    """The text as it is tokenized: HTML entities resolved, every run of white space one space."""
    return str(prompt_clean(text))


def encode_texts(
    tokenizer: PreTrainedTokenizerBase,
    encoder: UMT5EncoderModel,
    texts: Sequence[str],
    *,
    longest: int | None = None,
    batch_size: int = 1,
) -> dict[str, Tensor]:
    """Every distinct text's tokens [tokens, text_dim], see ``t5.encode_texts``; ``longest_text`` unless given."""
    longest = longest_text(tokenizer) if longest is None else longest
    return t5.encode_texts(tokenizer, encoder, texts, longest=longest, batch_size=batch_size, clean=clean_text)
