"""Step caches and compilation: what works on Wan, done right, and what would do the wrong thing in silence, refused.

A step cache skips blocks where a denoising step changes little.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from diffusers.hooks.faster_cache import FasterCacheConfig
from diffusers.hooks.mag_cache import MagCacheConfig
from diffusers.hooks.pyramid_attention_broadcast import PyramidAttentionBroadcastConfig
from diffusers.hooks.sea_cache import SeaCacheConfig
from diffusers.hooks.taylorseer_cache import TaylorSeerCacheConfig
from diffusers.hooks.text_kv_cache import TextKVCacheConfig

from reasondiff.backends.wan.vace import is_vace
from reasondiff.errors import UnsupportedError

__all__ = ["check_cache", "compile_blocks"]

_REFUSED: dict[type, str] = {
    PyramidAttentionBroadcastConfig: "Pyramid Attention Broadcast would give the negative branch the attention of the "
    "positive one, so that guidance loses its meaning",
    FasterCacheConfig: "FasterCache needs both branches of guidance in one batch, and Wan computes one after the other",
    SeaCacheConfig: "SeaCache knows text-to-video Wan only and would skip nothing here",
    TextKVCacheConfig: "TextKVCache does nothing for Wan, whose text keys and values are kept anyway",
}


def check_cache(transformer: Any, steps: int, *, alone: bool = True, resumes: bool = False) -> None:
    """Raise unless the transformer's step cache, if any, does what it says in a run of ``steps`` steps.

    Args:
        transformer: a Wan transformer.
        steps: denoising steps of the run.
        alone: False for one of two transformers that share the steps.
        resumes: the run may begin in the middle.

    Raises:
        UnsupportedError: names the reason and what to use.
    """
    config = transformer._cache_config
    if config is not None and is_vace(transformer):
        raise UnsupportedError(
            "A step cache would use the hints of VACE's control branch again, or add them twice, and lose much of the "
            "picture; call disable_cache() first."
        )
    if reason := _REFUSED.get(type(config)):
        raise UnsupportedError(f"{reason}; use FirstBlockCacheConfig or MagCacheConfig.")
    if isinstance(config, TaylorSeerCacheConfig) and not _hooked(transformer, "taylorseer_cache"):
        raise UnsupportedError(
            "TaylorSeer's default names match no layer of Wan; give use_lite_mode=True, or "
            r"cache_identifiers=[r'blocks\.\d+\.attn[12]', r'blocks\.\d+\.ffn']."
        )
    if resumes and isinstance(config, MagCacheConfig | TaylorSeerCacheConfig):
        raise UnsupportedError(
            "This step cache counts from the first step; use FirstBlockCacheConfig to keep progress."
        )
    if isinstance(config, MagCacheConfig):
        if not alone:
            raise UnsupportedError("MagCache counts the steps of one transformer, not two; use FirstBlockCacheConfig.")
        if config.num_inference_steps != steps:
            raise UnsupportedError(
                f"MagCache is set for {config.num_inference_steps} steps and the run has {steps}; "
                f"give MagCacheConfig(num_inference_steps={steps}, ...)."
            )
        if any(block._compiled_call_impl is not None for block in transformer.blocks):
            raise UnsupportedError(
                "MagCache would run every block uncompiled; use compile_blocks instead of compile_repeated_blocks, "
                "before enable_cache."
            )


def compile_blocks(transformer: Any, **options: Any) -> None:
    """Compile each block so that step caches, which wrap a block from outside, keep it compiled.

    Args:
        transformer: Wan's or LTX-Video's, before ``enable_cache`` and before any offload.
        options: for ``torch.compile``, such as ``fullgraph=True``.

    Raises:
        UnsupportedError: a step cache is enabled already.
    """
    if transformer.is_cache_enabled:
        raise UnsupportedError("A step cache is enabled, and would be compiled away; compile first, then enable it.")
    lists = (getattr(transformer, name, ()) for name in ("blocks", "vace_blocks", "transformer_blocks"))
    for block in chain.from_iterable(lists):
        block.forward = torch.compile(block.forward, **options)


def _hooked(transformer: Any, hook: str) -> bool:
    registries = (getattr(module, "_diffusers_hook", None) for module in transformer.modules())
    return any(registry is not None and registry.get_hook(hook) is not None for registry in registries)
