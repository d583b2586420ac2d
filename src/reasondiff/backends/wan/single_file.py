"""A transformer from one file, as ComfyUI's users keep them: safetensors in 8 or 16 bits, or GGUF."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from diffusers import GGUFQuantizationConfig, WanTransformer3DModel
from safetensors.torch import load_file
from torch import Tensor

from reasondiff.errors import CheckpointError, UnsupportedError

__all__ = ["load_single_file"]

_SCALE = ".scale_weight"


def load_single_file(
    path: str | Path, model: str, dtype: torch.dtype | None = None, **options: Any
) -> WanTransformer3DModel:
    """Load a transformer through diffusers' ``from_single_file``.

    8-bit weights are brought to ``dtype``, with their scales where they have some (diffusers would leave those out, in
    silence); ``enable_layerwise_casting`` or a preset stores them in 8 bits again. GGUF stays as it is.

    Args:
        path: ends in ``.safetensors`` or ``.gguf``.
        model: folder or hub id of the model in diffusers' layout, for the config.
        dtype: to compute in; bfloat16 unless given.
        options: for ``from_single_file``, such as ``local_files_only``.

    Raises:
        CheckpointError: it is not a whole transformer of that model.
        UnsupportedError: GGUF without the ``gguf`` package.
    """
    path, dtype = Path(path), dtype or torch.bfloat16
    given: Any
    if path.suffix == ".gguf":
        if find_spec("gguf") is None:
            raise UnsupportedError(f"{str(path)!r} is a GGUF file; install the 'gguf' package to read it.")
        given, options["quantization_config"] = str(path), GGUFQuantizationConfig(compute_dtype=dtype)
    elif path.suffix == ".safetensors":
        given = _unscaled(load_file(path), dtype)
    else:
        raise CheckpointError(f"{str(path)!r} is neither .safetensors nor .gguf; nothing else is read.")
    loaded = WanTransformer3DModel.from_single_file(
        given, config=model, subfolder="transformer", dtype=dtype, **options
    )
    if missing := [name for name, weight in loaded.named_parameters() if weight.is_meta]:
        raise CheckpointError(f"{str(path)!r} lacks {len(missing)} weights, such as {missing[0]!r}; get another file.")
    return loaded


def _unscaled(weights: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights in ``dtype``, each multiplied by its scale where the file has one."""
    plain = {}
    for name, weight in weights.items():
        if name.endswith((_SCALE, ".scale_input", "scaled_fp8")):
            continue
        scale = weights.get(name.removesuffix(".weight") + _SCALE) if name.endswith(".weight") else None
        plain[name] = weight.to(dtype) if scale is None else (weight.float() * scale.float()).to(dtype)
    return plain
