"""How much the video attends to chosen words (App. C.2, Fig. 7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch

from reasondiff.backends.wan.framewise.context import FrameContext
from reasondiff.errors import InputError

__all__ = ["AttentionRecord"]


class AttentionRecord:
    """Sums each video token's attention to chosen text tokens, over heads and calls.

    Give it to ``Framewise.use`` for the calls to be watched. Attention is worked out again beside the kernel, one
    latent frame at a time, so that no more than ``heads x tokens per frame x text tokens`` numbers exist at once.

    Args:
        words: per prompt, the indices of the tokens to watch; prompts that are not named have none.
        layers: the blocks to watch; all by default.
    """

    def __init__(self, words: Mapping[str, Sequence[int]], layers: Collection[int] | None = None) -> None:
        self.words = words
        self.layers = layers
        self._sums: dict[int, torch.Tensor] = {}
        self._calls: dict[int, int] = {}

    @property
    def recorded(self) -> tuple[int, ...]:
        """The blocks that have been seen."""
        return tuple(sorted(self._sums))

    def mean(self, layer: int) -> torch.Tensor:
        """``[batch, latent_frames, tokens per frame]``: the share (0..1) of a token's attention to text that the
        words get in block ``layer``, averaged over heads and calls.

        Raises:
            InputError: nothing was recorded of this block.
        """
        if layer not in self._sums:
            raise InputError(f"Block {layer} was not recorded; recorded blocks: {list(self.recorded)}.")
        return self._sums[layer] / self._calls[layer]

    @torch.no_grad()
    def add(self, layer: int, query: torch.Tensor, key: torch.Tensor, context: FrameContext) -> None:
        """Called by the layers: ``[batch, tokens, heads, head_dim]`` and ``[batch, keys, heads, head_dim]``."""
        if self.layers is not None and layer not in self.layers:
            return
        watched = self._watched(context).to(query.device)  # [batch, segments, tokens]
        keys = key.unflatten(1, (-1, context.text_tokens))
        video = torch.arange(query.shape[0], device=query.device)
        maps = []
        for frame, tokens in enumerate(query.unflatten(1, (context.num_latent_frames, -1)).unbind(1)):
            if context.segment_of is None:
                own, chosen = keys.flatten(1, 2), watched.flatten(1, 2)
            else:
                segment = context.segment_of[:, frame]
                own, chosen = keys[video, segment], watched[video, segment]
            logits = torch.einsum("bnhd,bkhd->bhnk", tokens.float(), own.float()) * tokens.shape[-1] ** -0.5
            if context.bias is not None:
                logits = logits + context.bias
            maps.append(torch.einsum("bhnk,bk->bhn", logits.softmax(-1), chosen).mean(1))
        total = torch.stack(maps, 1)
        self._sums[layer] = self._sums[layer] + total if layer in self._sums else total
        self._calls[layer] = self._calls.get(layer, 0) + 1

    def _watched(self, context: FrameContext) -> torch.Tensor:
        segments = context.text.shape[1] // context.text_tokens
        watched = torch.zeros(len(context.plans), segments, context.text_tokens)
        long_form = context.plans[0].how == "concat" and context.bias is None  # one segment per latent frame
        for video, plan in enumerate(context.plans):
            listed = plan.segment_of if long_form else range(len(plan.segments))
            for place, segment in enumerate(listed):
                for prompt, _ in plan.segments[segment]:
                    watched[video, place, list(self.words.get(plan.prompts[prompt], ()))] = 1.0
        return watched
