"""Texts as the transformer and AlignFormer read them; generation and training both encode here."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from diffusers.utils.torch_utils import get_module_execution_device
from torch import Tensor

from reasondiff.quiet import quiet_libraries

with quiet_libraries():  # of an image processor that it does not use
    from diffusers.pipelines.wan.pipeline_wan_i2v import prompt_clean

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

__all__ = ["clean_text", "encode_texts", "longest_text"]

logger = logging.getLogger(__name__)

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
    """Every distinct text's tokens [tokens, text_dim] without padding, on the encoder's device; gradients flow.

    Args:
        tokenizer: the model's.
        encoder: the model's.
        texts: an empty one is its end token.
        longest: tokens that a text is cut to, which is logged; ``longest_text`` unless given.
        batch_size: texts encoded at once. One at a time computes no padding, and no text's last bits depend on what
            else is encoded; training takes all of a step's at once, which is faster.
    """
    distinct = list(dict.fromkeys(texts))
    longest = longest_text(tokenizer) if longest is None else longest
    text_embeds: dict[str, Tensor] = {}
    for start in range(0, len(distinct), batch_size):
        batch = distinct[start : start + batch_size]
        cleaned = [clean_text(text) for text in batch]
        _warn_of_cuts(tokenizer, batch, cleaned, longest)
        tokens = tokenizer(cleaned, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        tokens = tokens.to(get_module_execution_device(encoder))
        hidden = encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        lengths = tokens.attention_mask.sum(1).tolist()
        for text, states, length in zip(batch, hidden, lengths, strict=True):
            text_embeds[text] = states[:length]
    return text_embeds


def _warn_of_cuts(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], cleaned: Sequence[str], longest: int
) -> None:
    uncut = tokenizer(list(cleaned), verbose=False).input_ids
    for text, tokens in zip(texts, uncut, strict=True):
        if len(tokens) > longest:
            logger.warning("A prompt of %d tokens is cut to %d: %r.", len(tokens), longest, text)
