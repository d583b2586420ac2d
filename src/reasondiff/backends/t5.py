"""What base models that read T5 share: texts, one at a time and without padding, and the tokenizer's files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diffusers.utils.torch_utils import get_module_execution_device
from torch import Tensor

from reasondiff.errors import CheckpointError

__all__ = ["check_tokenizer", "encode_texts"]

logger = logging.getLogger(__name__)


def encode_texts(
    tokenizer: Any,
    encoder: Any,
    texts: Sequence[str],
    *,
    longest: int,
    batch_size: int = 1,
    clean: Callable[[str], str] = str,
) -> dict[str, Tensor]:
    """Every distinct text's tokens [tokens, text_dim] without padding, on the encoder's device; gradients flow.

    Args:
        tokenizer: the model's.
        encoder: the model's T5 or umT5.
        texts: an empty one is its end token.
        longest: tokens that a text is cut to, which is logged.
        batch_size: texts encoded at once. One at a time computes no padding, and no text's last bits depend on what
            else is encoded; training takes all of a step's at once, which is faster.
        clean: what the model does to a text before it is tokenized.
    """
    distinct = list(dict.fromkeys(texts))
    text_embeds: dict[str, Tensor] = {}
    for start in range(0, len(distinct), batch_size):
        batch = distinct[start : start + batch_size]
        cleaned = [clean(text) for text in batch]
        _warn_of_cuts(tokenizer, batch, cleaned, longest)
        tokens = tokenizer(cleaned, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        tokens = tokens.to(get_module_execution_device(encoder))
        hidden = encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        lengths = tokens.attention_mask.sum(1).tolist()
        for text, states, length in zip(batch, hidden, lengths, strict=True):
            text_embeds[text] = states[:length]
    return text_embeds


def _warn_of_cuts(tokenizer: Any, texts: Sequence[str], cleaned: Sequence[str], longest: int) -> None:
    uncut = tokenizer(list(cleaned), verbose=False).input_ids
    for text, tokens in zip(texts, uncut, strict=True):
        if len(tokens) > longest:
            logger.warning("A prompt of %d tokens is cut to %d: %r.", len(tokens), longest, text)


def check_tokenizer(folder: Path) -> None:
    """Raise ``CheckpointError`` where a model's folder lacks a file of its tokenizer.

    In silence transformers would make an empty tokenizer, or one that fills prompts up to another length.
    """
    for names in (("tokenizer.json", "spiece.model"), ("tokenizer_config.json",)):
        if not any((folder / "tokenizer" / name).is_file() for name in names):
            raise CheckpointError(
                f"The model {str(folder)!r} has no tokenizer/{' or '.join(names)}; download or export it again."
            )
