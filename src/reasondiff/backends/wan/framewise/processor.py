"""The cross-attention of a Wan block in which a latent frame's tokens read their own text only."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from diffusers.hooks._helpers import AttentionProcessorMetadata, AttentionProcessorRegistry
from diffusers.models.attention_dispatch import AttentionBackendName
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor

from reasondiff.backends.wan.framewise.active import Active
from reasondiff.backends.wan.framewise.attention import attend, attend_routed, attend_to_text
from reasondiff.backends.wan.framewise.context import FrameContext
from reasondiff.errors import InputError, UnsupportedError

__all__ = ["FramewiseAttnProcessor", "KeysValues", "image_keys_values", "keys_values"]

KeysValues = tuple[torch.Tensor, torch.Tensor]
"""``[batch, tokens, heads, head_dim]`` each."""


class FramewiseAttnProcessor:
    """One layer's processor; ``install`` sets it.

    It calls the layer's modules, never their weights, so that LoRA, casting, quantisation and offload hooks work. The
    layer's own keys and values are its only state: a compiled graph reads them as tensors, whatever the layer.
    """

    # diffusers sets these two, and skips processors that do not have them.
    _attention_backend: AttentionBackendName | None = None
    _parallel_config: Any = None

    def __init__(self, shared: Active, layer: int) -> None:
        self.shared = shared
        self.layer = layer
        self.text: KeysValues | None = None
        self.image: KeysValues | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Copies and files hold no keys and values, which are made anew."""
        return self.__dict__ | {"text": None, "image": None}

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        attention_mask: None = None,
        rotary_emb: None = None,
    ) -> torch.Tensor:
        """Attend.

        Args:
            attn: the layer.
            hidden_states: ``[batch, tokens, dim]``, latent frame after latent frame.
            encoder_hidden_states: ``[batch, image tokens + text tokens, dim]``, embedded.
            attention_mask: Wan has none.
            rotary_emb: Wan's text has no positions.

        Raises:
            UnsupportedError: there is no active context.
            InputError: ``encoder_hidden_states`` is not as long as the active context.
        """
        context = self.shared.context
        if context is None:
            raise UnsupportedError("This transformer reads frame-wise text; call it inside 'framewise.use(context)'.")
        images, texts = context.image_tokens, context.text.shape[1]
        if encoder_hidden_states.shape[1] != images + texts:
            raise InputError(
                f"The transformer was given {encoder_hidden_states.shape[1]} condition tokens instead of {images} of "
                f"the image and {texts} of the text; pass it '**context.inputs' and nothing else."
            )
        keep = context.cache and not torch.is_grad_enabled()
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))

        text = (keep and _here(self.text, query)) or keys_values(attn, encoder_hidden_states[:, images:])
        if keep:
            self.text = text
        if self.shared.record is not None:
            self.shared.record.add(self.layer, query, text[0], context)
        out = self._read(query, *text, context).flatten(2).type_as(query)

        if images:
            image = (keep and _here(self.image, query)) or image_keys_values(attn, encoder_hidden_states[:, :images])
            if keep:
                self.image = image
            seen = attend(query, *image, self._attention_backend)
            if context.image_frames is not None:
                seen = seen * self._per_token(context.image_frames, query.shape[1])[..., None, None]
            out = out + seen.flatten(2).type_as(query)
        for module in attn.to_out:
            out = module(out)
        return out

    def _read(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, context: FrameContext) -> torch.Tensor:
        """Every token's reading of the text, ``[batch, tokens, heads, head_dim]``."""
        if context.segment_of is None:
            return attend_to_text(query, key, value, context, self._attention_backend)
        batch, tokens = query.shape[:2]
        segment_of, first, lead = context.segment_of, 0, 0
        per_frame, start = self._place(tokens, segment_of.shape[1])
        if self._parallel_config is not None:  # a run of tokens that begins and ends within a latent frame
            first, lead = divmod(start, per_frame)
            last = (start + tokens - 1) // per_frame
            segment_of = segment_of[:, first : last + 1]
            query = F.pad(query, (0, 0, 0, 0, lead, segment_of.shape[1] * per_frame - lead - tokens))

        index = torch.arange(batch, device=query.device)[:, None], segment_of  # [batch, frames]
        # Sizes come from tensors where they can: a compiled graph then serves other stories too.
        text_tokens = context.text_tokens if context.bias is None else context.bias.shape[-1]

        def own(each: torch.Tensor) -> torch.Tensor:
            return each.unflatten(1, (-1, text_tokens))[index].flatten(0, 1)

        framed = query.unflatten(1, (-1, per_frame)).flatten(0, 1)
        if context.routing is not None:
            frames = slice(first, first + segment_of.shape[1])
            out = attend_routed(framed, key, value, context.routing[:, frames], self._attention_backend)
            return out.unflatten(0, (batch, -1)).flatten(1, 2)[:, lead : lead + tokens]
        out = attend_to_text(framed, own(key), own(value), context, self._attention_backend)
        return out.unflatten(0, (batch, -1)).flatten(1, 2)[:, lead : lead + tokens]

    def _place(self, tokens: int, latent_frames: int) -> tuple[int, int]:
        """Tokens per latent frame, and the first of the tokens that this process holds."""
        if self._parallel_config is None:
            return tokens // latent_frames, 0
        per_frame = self.shared.tokens_per_frame
        return per_frame, _start(self._parallel_config, per_frame * latent_frames)

    def _per_token(self, by_frame: torch.Tensor, tokens: int) -> torch.Tensor:
        """What is said of latent frames ``[batch, latent_frames]``, of each token that this process holds."""
        per_frame, start = self._place(tokens, by_frame.shape[1])
        return by_frame.repeat_interleave(per_frame, 1)[:, start : start + tokens]


def _here(kept: KeysValues | None, query: torch.Tensor) -> KeysValues | None:
    """``kept``, unless the model has moved to another device since."""
    return kept if kept is not None and kept[0].device == query.device else None


def keys_values(attn: Any, tokens: torch.Tensor) -> KeysValues:
    """Of a layer and embedded text, ``[batch, tokens, dim]``."""
    if attn.fused_projections:
        key, value = attn.to_kv(tokens).chunk(2, dim=-1)
    else:
        key, value = attn.to_k(tokens), attn.to_v(tokens)
    return attn.norm_k(key).unflatten(2, (attn.heads, -1)), value.unflatten(2, (attn.heads, -1))


def image_keys_values(attn: Any, tokens: torch.Tensor) -> KeysValues:
    """Of a layer and embedded image tokens, ``[batch, tokens, dim]``."""
    if attn.fused_projections:
        key, value = attn.to_added_kv(tokens).chunk(2, dim=-1)
    else:
        key, value = attn.add_k_proj(tokens), attn.add_v_proj(tokens)
    return attn.norm_added_k(key).unflatten(2, (attn.heads, -1)), value.unflatten(2, (attn.heads, -1))


def _start(parallel_config: Any, total: int) -> int:
    """The first of this process's tokens; the first ``total % processes`` processes hold one more than the others."""
    group = parallel_config.context_parallel_config._flattened_mesh.get_group()
    rank, processes = dist.get_rank(group), dist.get_world_size(group)
    return rank * (total // processes) + min(rank, total % processes)


# Lets diffusers' layer skipping (skip-layer guidance) pass a layer's input through. Its own table misses Wan's
# self-attention.
for _processor in (FramewiseAttnProcessor, WanAttnProcessor):
    AttentionProcessorRegistry.register(
        _processor,
        AttentionProcessorMetadata(skip_processor_output_fn=lambda attn, hidden_states, *args, **kwargs: hidden_states),
    )
