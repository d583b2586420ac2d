"""Attention to tokens that stand for several keys, through whichever kernel is set."""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _AttentionBackendRegistry,
    dispatch_attention_fn,
)

from reasondiff.backends.wan.framewise.context import FrameContext
from reasondiff.errors import UnsupportedError

__all__ = ["attend", "attend_routed", "attend_to_text"]

_B = AttentionBackendName
_TAKES_BIAS = {_B.NATIVE, _B._NATIVE_CUDNN, _B._NATIVE_EFFICIENT, _B._NATIVE_MATH, _B.FLEX, _B.XFORMERS}
_GIVES_LSE = {_B.FLASH, _B.FLASH_HUB, _B._FLASH_3, _B.SAGE, _B.SAGE_HUB}


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, backend: _B | None, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Plain attention, ``[batch, tokens, heads, head_dim]``, through the kernel that diffusers is told to use."""
    return dispatch_attention_fn(query, key, value, attn_mask=bias, backend=backend, parallel_config=None)


def attend_to_text(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, context: FrameContext, backend: _B | None
) -> torch.Tensor:
    """Attention to text tokens, some of which stand for several keys.

    Three exact forms: a bias on the logits; for kernels that take none, two attentions merged by their log-sum-exp;
    and where even that is not to be had (no log-sum-exp, or its gradient is needed), the tokens are repeated.

    Args:
        query: ``[batch or batch * latent_frames, tokens, heads, head_dim]``.
        key: ``[same, keys, heads, head_dim]``.
        value: like ``key``.
        context: says what each token stands for.
        backend: the kernel; None for diffusers' current default.
    """
    bias = context.bias
    if bias is None:
        return attend(query, key, value, backend)
    kernel = backend if backend is not None else _AttentionBackendRegistry.get_active_backend()[0]
    if kernel in _TAKES_BIAS:
        return attend(query, key, value, backend, bias.to(query.dtype))
    concat = context.plans[0].how == "concat"
    if not concat and not torch.is_grad_enabled() and (kernel in _GIVES_LSE or kernel == _B._NATIVE_FLASH):
        return _merged(query, key, value, context.text_length - context.text_tokens, kernel)
    read = context.unmerged
    if read.shape[0] == 1:
        return attend(query, key[:, read[0]], value[:, read[0]], backend)
    batch = torch.arange(read.shape[0], device=read.device)[:, None]
    return attend(query, key[batch, read], value[batch, read], backend)


def attend_routed(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, routing: torch.Tensor, backend: _B | None
) -> torch.Tensor:
    """Attention of each latent frame to all text tokens, some of them less (``soft``).

    Args:
        query: ``[batch * latent_frames, tokens, heads, head_dim]``.
        key: ``[batch, keys, heads, head_dim]``.
        value: like ``key``.
        routing: added to the logits, ``[batch, latent_frames, keys]``.
        backend: the kernel; None for diffusers' current default.

    Raises:
        UnsupportedError: the kernel takes no bias.
    """
    kernel = backend if backend is not None else _AttentionBackendRegistry.get_active_backend()[0]
    if kernel not in _TAKES_BIAS:
        raise UnsupportedError(
            f"The attention backend {kernel.value!r} takes no bias, which soft routing needs; use 'native', or another "
            "text_mode."
        )
    frames = routing.shape[1]
    keys, values = (each[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1) for each in (key, value))
    return attend(query, keys, values, backend, routing.flatten(0, 1)[:, None, None].to(query.dtype))


def _merged(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, more: int, kernel: _B) -> torch.Tensor:
    """Attention to all tokens, the last of which is there ``more`` times again.

    Attention to n copies of one key gives its value, with log-sum-exp logit + log n. The two are weighed by the
    softmax of their log-sum-exps.
    """
    out, lse = _with_lse(query, key, value, kernel)  # lse: [batch, heads, tokens]
    logit = (query.float() * key[:, -1:].float()).sum(-1) * query.shape[-1] ** -0.5  # [batch, tokens, heads]
    weight = torch.sigmoid(logit + math.log(more) - lse.transpose(1, 2))[..., None]
    return torch.lerp(out.float(), value[:, -1:].float(), weight).to(out.dtype)


def _with_lse(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, kernel: _B
) -> tuple[torch.Tensor, torch.Tensor]:
    if kernel != _B._NATIVE_FLASH:
        both: Any = dispatch_attention_fn(query, key, value, attention_kwargs={"return_lse": True}, backend=kernel)
        return both
    # diffusers returns the native kernel's log-sum-exp only under context parallelism.
    heads_first = [x.transpose(1, 2) for x in (query, key, value)]
    if query.device.type == "cpu":
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(*heads_first)
    else:
        out, lse, *_ = torch.ops.aten._scaled_dot_product_flash_attention(*heads_first)
    return out.transpose(1, 2), lse
