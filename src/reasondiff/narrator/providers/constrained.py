"""Decoding that can only write what a JSON schema allows, through xgrammar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from transformers import LogitsProcessor, PreTrainedTokenizerBase

if TYPE_CHECKING:
    import xgrammar

__all__ = ["Grammars", "available"]


def available() -> bool:
    """xgrammar is installed."""
    from importlib.util import find_spec

    return find_spec("xgrammar") is not None


class Grammars:
    """Compiles schemas for one model's tokenizer.

    Args:
        tokenizer: of the model.
        vocab_size: of its logits, which may be padded beyond the tokenizer's.
        stop_tokens: ids that end a reply.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocab_size: int, stop_tokens: list[int]) -> None:
        import xgrammar

        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocab_size, stop_token_ids=stop_tokens)
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        # xgrammar lets raw control characters into texts of bounded length; JSON does not.
        control = [any(byte < 0x20 for byte in token) for token in info.decoded_vocab]
        self._forbidden = torch.tensor(control + [False] * (vocab_size - len(control)))

    def processor(self, schema: Mapping[str, Any]) -> LogitsProcessor:
        """A logits processor for one ``generate`` call with one sequence.

        Keys come in the schema's order and with ``json.dumps``'s separators: a model that may write any white space may
        write nothing else until its tokens run out.
        """
        compiled = self._compiler.compile_json_schema(json.dumps(schema), any_whitespace=False, separators=(", ", ": "))
        return _Follow(compiled, self._forbidden)


class _Follow(LogitsProcessor):
    def __init__(self, compiled: xgrammar.CompiledGrammar, forbidden: torch.Tensor) -> None:
        import xgrammar

        self._apply = xgrammar.apply_token_bitmask_inplace
        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._mask = xgrammar.allocate_token_bitmask(1, len(forbidden))
        self._forbidden = forbidden
        self._begun = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Forbid every next token after which no valid reply is left."""
        if self._begun:
            self._matcher.accept_token(int(input_ids[0, -1]))
        self._begun = True
        if self._matcher.is_terminated():
            return scores
        self._matcher.fill_next_token_bitmask(self._mask)
        device = scores.device if scores.device.type in {"cpu", "cuda"} else torch.device("cpu")
        allowed = scores.to(device).float().masked_fill(self._forbidden.to(device), -torch.inf)
        self._apply(allowed, self._mask.to(device))
        return allowed.to(scores.device)
