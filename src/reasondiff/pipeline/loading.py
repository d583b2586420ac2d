"""Loading a model the way a preset says: precision, what waits in the CPU's memory, compilation, step cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Protocol

import torch
from accelerate import cpu_offload_with_hook
from diffusers import FirstBlockCacheConfig
from diffusers.hooks.layerwise_casting import apply_layerwise_casting

from reasondiff.backends.wan.fetching import HUB_OPTIONS, transformer_config
from reasondiff.backends.wan.step_caches import compile_blocks
from reasondiff.backends.wan.vace import is_vace
from reasondiff.errors import UnsupportedError
from reasondiff.pipeline.wan import ReasonDiffPipeline
from reasondiff.planning.presets import Preset, suited

__all__ = ["Presettable", "apply_preset", "load_preset", "loading_options"]

_FLOAT8 = torch.float8_e4m3fn
_COMPUTE = torch.bfloat16


def load_preset(
    model: str,
    preset: Preset,
    device: str | torch.device,
    *,
    adapter: str | None = None,
    loras: Mapping[str, float] | None = None,
    **options: Any,
) -> ReasonDiffPipeline:
    """Load a model as ``preset`` says.

    Args:
        model: a name, a folder or a hub id.
        preset: one of ``reasondiff.planning.presets``, or your own.
        device: where it computes.
        adapter: a folder or hub id, loaded before anything is compiled or cast.
        loras: others beside it, each with its scale.
        options: for ``ReasonDiffPipeline.from_pretrained``.

    Raises:
        CheckpointError: the model or the adapter cannot be loaded.
        UnsupportedError: this machine cannot do what the preset says.
    """
    device = torch.device(device)
    place = {name: options[name] for name in HUB_OPTIONS if name in options}
    pipe = ReasonDiffPipeline.from_pretrained(model, **loading_options(model, preset, device, **place), **options)
    if adapter is not None:
        pipe.load_adapter(adapter)
    for lora, scale in (loras or {}).items():
        pipe.load_lora(lora, scale=scale)
    apply_preset(pipe, preset, device)
    return pipe


def loading_options(model: str, preset: Preset, device: torch.device, **place: Any) -> dict[str, Any]:
    """What ``from_pretrained`` is told so that a model is loaded as ``preset`` says.

    Args:
        model: a name, a folder or a hub id.
        preset: what to do.
        device: where it will compute.
        place: of ``HUB_OPTIONS``.

    Raises:
        UnsupportedError: this machine cannot do what the preset says.
    """
    _check(preset, device)
    options: dict[str, Any] = {"dtype": {"default": _COMPUTE, "vae": getattr(torch, preset.vae_dtype)}}
    if preset.float8_products:
        options["quantization_config"] = _products_in_8_bits(transformer_config(model, **place))
    return options


class Presettable(Protocol):
    """What a preset changes: the components of Wan's or of LTX-Video's kind."""

    text_encoder: Any
    image_encoder: Any
    alignformer: Any
    vae: Any
    offload_hooks: list[Callable[[], object]]

    @property
    def transformers(self) -> tuple[Any, ...]: ...

    def to(self, device: torch.device) -> Any: ...

    def enable_model_cpu_offload(self, *, device: torch.device) -> None: ...


def apply_preset(
    pipe: Presettable,
    preset: Preset,
    device: str | torch.device,
    compile_options: Mapping[str, object] | None = None,
) -> None:
    """Bring a pipeline that was loaded with the preset's dtypes, on the CPU, into the preset's state.

    Args:
        pipe: with the adapters that are to be used.
        preset: what to do.
        device: where it computes.
        compile_options: for ``torch.compile``.

    Raises:
        UnsupportedError: this machine cannot do what the preset says.
    """
    device = torch.device(device)
    _check(preset, device)
    preset = suited(preset, step_cache=not any(map(is_vace, pipe.transformers)))
    if preset.weights == "float8" and not preset.float8_products:
        for model in pipe.transformers:
            model.enable_layerwise_casting(storage_dtype=_FLOAT8, compute_dtype=model.dtype)
    if preset.text_weights == "float8":
        # T5 casts what a 'wo' reads to the dtype of its weights, so those stay as they are.
        compute = pipe.text_encoder.dtype
        apply_layerwise_casting(pipe.text_encoder, _FLOAT8, compute, skip_modules_pattern=("wo", "norm", "shared"))
    if preset.tiled_vae:
        pipe.vae.enable_tiling()
    for model in pipe.transformers:
        if preset.compiled:
            compile_blocks(model, fullgraph=True, **(compile_options or {}))
        if preset.step_cache is not None:
            model.enable_cache(FirstBlockCacheConfig(threshold=preset.step_cache))
    if device.type == "cpu" and preset.offload == "models":
        return  # everything waits there already
    if preset.offload == "models":
        pipe.enable_model_cpu_offload(device=device)
    elif preset.offload == "blocks":
        for model in pipe.transformers:
            model.enable_group_offload(
                onload_device=device,
                offload_device=torch.device("cpu"),
                offload_type="block_level",
                num_blocks_per_group=1,
                use_stream=device.type == "cuda",
            )
        _in_turns(pipe, device, pipe.text_encoder, pipe.image_encoder, pipe.vae, pipe.alignformer)
    else:
        pipe.to(device)
        if preset.free_text_encoder:
            _in_turns(pipe, device, pipe.text_encoder)


def _in_turns(pipe: Presettable, device: torch.device, *components: object) -> None:
    """Each of these models comes to the device when it is called and goes when the next stage begins."""
    pipe.offload_hooks = [cpu_offload_with_hook(part, device)[1].offload for part in components if part is not None]


def _check(preset: Preset, device: torch.device) -> None:
    if not preset.float8_products:
        return
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 9):
        raise UnsupportedError(
            f"The preset {preset.name!r} multiplies in 8 bits, which {device.type!r} cannot do here; choose balanced "
            "or low-vram, or use an NVIDIA GPU of compute capability 8.9."
        )
    if find_spec("torchao") is None:
        raise UnsupportedError(f"The preset {preset.name!r} needs torchao; install it, or choose balanced or low-vram.")


def kept_whole(config: Mapping[str, Any]) -> list[str]:
    """What stays in 16 bits where products are in 8: the first and the last block, and all around the blocks."""
    if "caption_channels" in config:  # LTX-Video's
        blocks = ["transformer_blocks.0", f"transformer_blocks.{config['num_layers'] - 1}"]
        return [*blocks, "proj_in", "time_embed", "caption_projection", "proj_out"]
    around = ["patch_embedding", "condition_embedder", "proj_out"]
    control = ["vace_patch_embedding", "proj_in"] if "vace_layers" in config else []
    return ["blocks.0", f"blocks.{config['num_layers'] - 1}", *around, *control]


def _products_in_8_bits(config: Mapping[str, object]) -> object:
    from diffusers.quantizers.pipe_quant_config import PipelineQuantizationConfig
    from diffusers.quantizers.quantization_config import TorchAoConfig
    from torchao.quantization import Float8DynamicActivationFloat8WeightConfig, PerRow

    kind = Float8DynamicActivationFloat8WeightConfig(granularity=PerRow())
    quantized = TorchAoConfig(kind, modules_to_not_convert=kept_whole(config))
    return PipelineQuantizationConfig(quant_mapping={"transformer": quantized, "transformer_2": quantized})
