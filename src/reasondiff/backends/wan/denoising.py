"""One call of the transformer, as generation and training both make it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from reasondiff.backends.wan.framewise import AttentionRecord, FrameContext, install

__all__ = ["predict", "timestep_of"]


def predict(
    transformer: Any,
    noisy: Tensor,
    condition: Tensor,
    timestep: Tensor,
    context: FrameContext,
    *,
    branch: str | None = None,
    record: AttentionRecord | None = None,
    attention_kwargs: dict[str, Any] | None = None,
) -> Tensor:
    """What the transformer predicts: noise - clean for Wan's checkpoints, the scheduler's ``prediction_type`` says.

    Args:
        transformer: a Wan transformer; it is made frame-wise.
        noisy: latents [batch, channels, latent_frames, height, width], normalised.
        condition: [batch, stride + channels, latent_frames, height, width]: the mask, then the condition's latents.
        timestep: [batch] or a number, in the scheduler's steps (1000 is noise), see ``timestep_of``.
        context: the text and the image tokens.
        branch: the name under which a step cache keeps its state; None where there is no cache.
        record: watches the attention to some tokens.
        attention_kwargs: for the transformer, such as a LoRA ``scale``.

    Returns:
        Of the shape of ``noisy``, in the transformer's dtype.
    """
    hidden_states = torch.cat([noisy, condition], dim=1).to(transformer.dtype)
    cache: AbstractContextManager[Any] = nullcontext() if branch is None else transformer.cache_context(branch)
    with cache, install(transformer).use(context, record):
        predicted: Tensor = transformer(
            hidden_states=hidden_states,
            timestep=timestep.expand(len(noisy)),
            attention_kwargs=attention_kwargs,
            return_dict=False,
            **context.inputs,
        )[0]
    return predicted


def timestep_of(sigma: Tensor, scheduler: Any) -> Tensor:
    """The timestep at which the transformer is told of noise level ``sigma`` (0 = clean, 1 = noise)."""
    return sigma * scheduler.config["num_train_timesteps"]
