"""A transformer from one file, as ComfyUI's users keep them: safetensors in 8 or 16 bits, or GGUF.

Every tensor of the file is used or named in an error: a transformer that lacks half, or whose weights are a thousand
times too large, makes noise and says nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import GGUFQuantizationConfig, WanTransformer3DModel, WanVACETransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from diffusers.models.model_loading_utils import load_gguf_checkpoint
from safetensors.torch import load_file
from torch import Tensor

from reasondiff.errors import CheckpointError, UnsupportedError
from reasondiff.finite import is_finite

__all__ = ["diffusers_name", "load_single_file"]

_SCALES = ("scale_weight", "weight_scale")
"""What a weight is multiplied by, in the two spellings that are about."""
_OF_INPUTS = ("scale_input", "input_scale")
"""For computing in 8 bits; here the weights are brought to 16, so they change nothing."""
_MARK = "scaled_fp8"
"""An empty tensor that says that scales follow."""
_FORMAT = "comfy_quant"
"""JSON in bytes: how ComfyUI is to compute with the weight."""

_FLOATS = (torch.float8_e4m3fn, torch.float8_e5m2)
_EIGHT_BITS = (*_FLOATS, torch.int8)
_FORMATS = ("float8_e4m3fn", "float8_e5m2")

_GGUF_SCALES = {
    "Q4_0": (18, 0, 2), "Q4_1": (20, 0, 4), "Q5_0": (22, 0, 2), "Q5_1": (24, 0, 4), "Q8_0": (34, 0, 2),
    "Q2_K": (84, 80, 84), "Q3_K": (110, 108, 110), "Q4_K": (144, 0, 4), "Q5_K": (176, 0, 4), "Q6_K": (210, 208, 210),
}  # fmt: skip
"""Of a block of each kind: its bytes, and those that are its scales in float16."""


def load_single_file(
    path: str | Path, model: str, dtype: torch.dtype | None = None, **options: Any
) -> WanTransformer3DModel:
    """Load a transformer through diffusers' ``from_single_file``.

    8-bit weights are brought to ``dtype``, with their scales where they have some (diffusers would leave those out, in
    silence); ``enable_layerwise_casting`` or a preset stores them in 8 bits again. GGUF stays as it is. A prefix that
    all names share is left out.

    Args:
        path: ends in ``.safetensors`` or ``.gguf``.
        model: folder or hub id of the model in diffusers' layout, for the config.
        dtype: to compute in; bfloat16 unless given.
        options: for ``from_single_file``, such as ``local_files_only``.

    Raises:
        CheckpointError: it is not a whole transformer of that model, holds a value that is no number, or stores weights
            in a way that is not understood.
        UnsupportedError: GGUF without the ``gguf`` package.
    """
    path, dtype = Path(path), dtype or torch.bfloat16
    if path.suffix == ".gguf":
        if find_spec("gguf") is None:
            raise UnsupportedError(f"{str(path)!r} is a GGUF file; install the 'gguf' package to read it.")
        weights = _without_prefix(load_gguf_checkpoint(str(path)))
        for name, weight in weights.items():
            if not is_finite(_scales_of(weight) if hasattr(weight, "quant_type") else weight):
                raise _no_number(path, name)
        options["quantization_config"] = GGUFQuantizationConfig(compute_dtype=dtype)
    elif path.suffix == ".safetensors":
        weights = _dequantized(_without_prefix(load_file(path)), path, dtype)
    else:
        raise CheckpointError(f"{str(path)!r} is neither .safetensors nor .gguf; nothing else is read.")
    config = _config(model, options)
    kind: Any = WanVACETransformer3DModel if "vace_layers" in config else WanTransformer3DModel
    with init_empty_weights():
        wanted = dict(kind.from_config(config).state_dict())
    fitting = _fitting(weights, wanted, path)
    loaded: WanTransformer3DModel = kind.from_single_file(
        fitting, config=model, subfolder="transformer", dtype=dtype, **options
    )
    return loaded


def diffusers_name(name: str) -> str:
    """What diffusers calls a weight that Wan's own code calls ``name``; a name that is neither's comes back."""
    try:
        return str(next(iter(convert_wan_transformer_to_diffusers({name: name}))))
    except AttributeError:  # of Wan-Animate's layers, whose tensors would be cut in two
        return name


def _without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every Wan transformer has a patch embedding; what stands before its name stands before all names."""
    first = next((name for name in weights if name.endswith("patch_embedding.weight")), "")
    prefix = first.removesuffix("patch_embedding.weight")
    if not prefix.endswith(".") or not all(name.startswith(prefix) for name in weights if name != _MARK):
        return weights
    return {name.removeprefix(prefix): weight for name, weight in weights.items()}


def _config(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The config of the model's transformer."""
    of_config = {key: value for key, value in options.items() if key in ("cache_dir", "local_files_only", "token")}
    config: dict[str, Any] = WanTransformer3DModel.load_config(
        model, subfolder="transformer", revision=options.get("config_revision"), **of_config
    )
    return config


def _fitting(weights: dict[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights under the names that diffusers uses, if they are exactly those that are wanted."""
    as_diffusers = any(".attn1." in name for name in weights)
    names = {name if as_diffusers else diffusers_name(name): name for name in weights}
    if odd := [name for new, name in names.items() if new not in wanted]:
        raise CheckpointError(
            f"{str(path)!r} holds {len(odd)} tensors that no weight of the model takes, such as {min(odd)!r}; get a "
            "file of this model's transformer alone."
        )
    if missing := [name for name in wanted if name not in names]:
        raise CheckpointError(
            f"{str(path)!r} lacks {len(missing)} weights, such as {missing[0]!r}; get a whole file of this model."
        )
    for new, name in names.items():
        packed = hasattr(weights[name], "quant_type")  # GGUF's blocks, whose shape is not the weight's
        if not packed and weights[name].shape != wanted[new].shape:
            raise CheckpointError(
                f"In {str(path)!r} {name!r} is of shape {list(weights[name].shape)}, and in the model of shape "
                f"{list(wanted[new].shape)}; get a file of this model."
            )
    return {new: weights[name] for new, name in names.items()}


def _dequantized(weights: dict[str, Tensor], path: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """The weights in ``dtype``, each multiplied by its scale where the file has one; empties ``weights``."""
    leaves: dict[str, set[str]] = defaultdict(set)
    for name in weights:
        module, _, leaf = name.rpartition(".")
        leaves[module].add(leaf)
    plain: dict[str, Tensor] = {}
    for module, names in leaves.items():
        before = f"{module}." if module else ""
        kept = {leaf: weights.pop(before + leaf) for leaf in sorted(names)}
        kept.pop(_MARK, None)
        weight = kept.get("weight")
        if weight is not None and weight.dtype in _EIGHT_BITS:
            kept["weight"] = _scaled(kept, before, path)
        for leaf, tensor in kept.items():
            if not tensor.is_floating_point():
                raise CheckpointError(
                    f"In {str(path)!r} {before + leaf!r} is stored as {tensor.dtype}, which is not read; get a file in "
                    "16 bits, in float8 or as GGUF."
                )
            plain[before + leaf] = tensor.to(dtype)
            if not is_finite(plain[before + leaf]):
                raise (
                    _no_number(path, before + leaf)
                    if not is_finite(tensor)
                    else CheckpointError(
                        f"In {str(path)!r} {before + leaf!r} holds values that are too large for {dtype}; load it in "
                        "bfloat16."
                    )
                )
    return plain


def _no_number(path: Path, name: str) -> CheckpointError:
    return CheckpointError(f"In {str(path)!r} {name!r} holds values that are no numbers; download the file again.")


def _scales_of(packed: Any) -> Tensor:
    """What the blocks of a GGUF tensor are multiplied by, which is all of them that can be no number; nothing of a kind
    that is not known."""
    size, start, stop = _GGUF_SCALES.get(getattr(packed.quant_type, "name", ""), (1, 0, 0))
    blocks = packed.as_subclass(Tensor).detach().contiguous().view(torch.uint8).reshape(-1, size)
    return blocks[:, start:stop].contiguous().view(torch.float16) if stop else torch.empty(0)


def _scaled(beside: dict[str, Tensor], before: str, path: Path) -> Tensor:
    """The weight of a module in single precision; takes out of ``beside`` what says how it is stored."""
    weight = beside["weight"]
    scales = [beside.pop(name) for name in _SCALES if name in beside]
    for name in _OF_INPUTS:
        beside.pop(name, None)
    if _FORMAT in beside and _is_plain(beside[_FORMAT]):
        del beside[_FORMAT]
    odd = sorted(set(beside) - {"weight", "bias"})
    if odd or len(scales) > 1:
        name = before + (odd[0] if odd else _SCALES[1])
        raise CheckpointError(
            f"In {str(path)!r} {name!r} says how the 8-bit weight beside it is stored, and is not understood; get a "
            "file in 16 bits, or with one scale per weight or row."
        )
    if not scales:
        if weight.dtype == torch.int8:
            raise CheckpointError(
                f"In {str(path)!r} {before + 'weight'!r} is of whole numbers without a scale; get another file."
            )
        return weight.float()
    scale = scales[0].float()
    if not (scale.isfinite() & (scale > 0)).all():
        raise CheckpointError(
            f"In {str(path)!r} a scale of {before + 'weight'!r} is 0, negative or no number; get another file."
        )
    rows = weight.shape[0]
    if scale.numel() == 1:
        return weight.float() * scale.reshape(())
    if scale.shape[0] == rows and scale.numel() == rows:
        return weight.float() * scale.reshape(rows, *[1] * (weight.ndim - 1))
    raise CheckpointError(
        f"In {str(path)!r} the scale of {before + 'weight'!r} is of shape {list(scale.shape)}, neither one number nor "
        "one per row; get another file."
    )


def _is_plain(described: Tensor) -> bool:
    """Whether ComfyUI's description says no more than that the weight is in float8, times its scale."""
    try:
        said = json.loads(bytes(described.to(torch.uint8).tolist()))
    except (ValueError, RuntimeError):
        return False
    known = {"format", "full_precision_matrix_mult"}
    return isinstance(said, dict) and said.get("format") in _FORMATS and set(said) <= known
