"""Presets: how a model is loaded and run, from exact to small, as values that a loader applies.

    quality     the model as it is, in bf16, everything on the GPU
    balanced    the same arithmetic, compiled; parts leave the GPU when they are done
    fast        8-bit products, compiled, and about half of the calls of the blocks skipped
    low-vram    8-bit weights that stream in block by block

``planning`` predicts what each costs; nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from reasondiff.errors import InputError

__all__ = ["PRESETS", "Offload", "Precision", "Preset", "preset", "suited"]

Precision = Literal["bfloat16", "float8"]
"""``float8`` is e4m3."""

Offload = Literal["none", "models", "blocks"]
"""What waits in the CPU's memory: nothing; the models that are not at work (``enable_model_cpu_offload``); and the
transformer's blocks too, each fetched while the one before it runs (``enable_group_offload`` with
``offload_type="block_level"``, ``num_blocks_per_group=1`` and ``use_stream=True``)."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How to load and run a model; the sampling options stay the model's own unless given here.

    Args:
        name: as on the command line.
        purpose: one line for a reader of ``reasondiff plan``.
        vae_dtype: of the VAE; everything else that is not named below is bfloat16.
        weights: how the transformer's blocks are stored. ``float8`` without ``float8_products`` is storage only
            (``enable_layerwise_casting``, which leaves embeddings, norms and the output layer alone).
        float8_products: multiply in 8 bits, scaled per row (torchao's ``Float8DynamicActivationFloat8WeightConfig``
            with ``PerRow()``), in the blocks, but not in the first and the last. Needs compute capability 8.9 and
            ``compiled``.
        text_weights: the text encoder's, storage only, embeddings and norms left alone. ``wo`` must stay bfloat16 as
            well: T5 casts a layer's input to the dtype of ``wo``, and would round it to 8 bits.
        free_text_encoder: the text encoder goes to the CPU's memory once the texts are encoded, and comes back for the
            next story. (With an ``offload`` other than ``none`` every model does.)
        offload: what waits in the CPU's memory.
        compiled: ``torch.compile(block.forward, fullgraph=True)`` for every block (one graph serves them all), before a
            step cache is enabled: its hooks then wrap what is compiled, and not the other way round.
        step_cache: threshold of ``FirstBlockCacheConfig``; None for no cache.
        skipped: share of the transformer's calls that the threshold is meant to skip, for planning.
        tiled_vae: ``vae.enable_tiling()``: less memory, a little more work, and seams that one must look for.
    """

    name: str
    purpose: str
    vae_dtype: Literal["float32", "bfloat16"] = "bfloat16"
    weights: Precision = "bfloat16"
    float8_products: bool = False
    text_weights: Precision = "bfloat16"
    free_text_encoder: bool = True
    offload: Offload = "none"
    compiled: bool = False
    step_cache: float | None = None
    skipped: float = 0.0
    tiled_vae: bool = False

    @property
    def keeps_keys_values(self) -> bool:
        """Whether text keys and values are computed once per video; streamed blocks compute theirs in every call."""
        return self.offload != "blocks"


PRESETS: dict[str, Preset] = {
    each.name: each
    for each in (
        Preset(
            name="quality",
            purpose="The model as it is, in bf16, with the VAE in fp32; everything stays on the GPU.",
            vae_dtype="float32",
            free_text_encoder=False,
        ),
        Preset(
            name="balanced",
            purpose="The same arithmetic, compiled; models leave the GPU when they are done.",
            offload="models",
            compiled=True,
        ),
        Preset(
            name="fast",
            purpose="8-bit products, compiled, and about half of the steps taken from the step before.",
            weights="float8",
            float8_products=True,
            offload="models",
            compiled=True,
            step_cache=0.08,
            skipped=0.5,
        ),
        Preset(
            name="low-vram",
            purpose="8-bit weights that stream to the GPU block by block; the VAE works in tiles.",
            weights="float8",
            text_weights="float8",
            offload="blocks",
            tiled_vae=True,
        ),
    )
}
"""From the one that needs most memory to the one that needs least."""


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        InputError: there is none.
    """
    if name not in PRESETS:
        raise InputError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def suited(chosen: Preset, *, step_cache: bool) -> Preset:
    """A preset for a model that may take no step cache (VACE, whose control branch a skipped block would undo)."""
    return chosen if step_cache or chosen.step_cache is None else replace(chosen, step_cache=None, skipped=0.0)
