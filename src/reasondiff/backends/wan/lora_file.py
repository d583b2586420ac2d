"""A LoRA's file: which forms are read, and that every key of it is used.

diffusers leaves out what it does not know, in silence: a LoRA under another prefix changes nothing, and one of another
kind changes half of what it should.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, tensor

from reasondiff.backends.wan.single_file import diffusers_name
from reasondiff.errors import CheckpointError

__all__ = ["FORMS", "as_comfyui_reads", "as_diffusers_reads", "check_all_used", "holds_lora", "lora_file"]

USUAL_NAMES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")
"""diffusers' and PEFT's."""

FORMS = (
    "diffusers' (transformer.blocks.0.attn1.to_q.lora_A.weight), ComfyUI's (diffusion_model.blocks.0.self_attn.q."
    "lora_A.weight), musubi's (lora_unet_blocks_0_self_attn_q.lora_down.weight) and PEFT's"
)
"""The forms that are read, for errors."""

_WRAPPERS = re.compile(r"(?:(?:base_model|model|module|diffusion_model|transformer)\.)*")
"""What programs put before the names of a transformer's layers, because they kept it in something."""

_ROLE = re.compile(r"(?P<layer>.+)\.(?P<role>lora_A|lora_B|lora_down|lora_up)(?:\.\w+)?\.weight")
"""``lora_A.default.weight`` is PEFT's, with the adapter's name in it."""

_MUSUBI = re.compile(
    r"lora_unet_blocks_(?P<block>\d+)_(?P<part>self_attn|cross_attn|ffn)_(?P<layer>[qkvo]|k_img|v_img|0|2)"
)

_OWN_NAME = re.compile(r"transformer\..*\.lora_[AB]\.(weight|bias)")
"""As diffusers writes it."""

_NOT_LORA = ("dora_scale", "lora_magnitude_vector", "hada_", "lokr_", "oft_", "glora")
"""Parts of the names of other kinds of adapters, which are loaded as if they were LoRAs, and wrongly."""


def holds_lora(file: Path) -> bool:
    """Whether a file is of safetensors and has a LoRA's names in it."""
    if not file.is_file():
        return False
    try:
        with safe_open(file, "pt") as opened:
            return any("lora" in name for name in opened.keys())  # noqa: SIM118 - it is no dict
    except (OSError, SafetensorError):
        return False


def lora_file(place: Path) -> Path:
    """The file of a LoRA: ``place`` itself, or the one of a usual name, or the only one, in that folder.

    Raises:
        CheckpointError: there is none, or which one is meant is not clear.
    """
    if place.is_file():
        return place
    if (place / "adapter.json").is_file():
        raise CheckpointError(f"{str(place)!r} is a whole adapter and no LoRA alone; give it as the adapter.")
    for name in USUAL_NAMES:
        if (place / name).is_file():
            return place / name
    files = sorted(place.glob("*.safetensors"))
    if len(files) != 1:
        there = f"{len(files)} .safetensors files" if files else "no .safetensors file"
        raise CheckpointError(f"{str(place)!r} holds {there}; give the LoRA's file.")
    return files[0]


def as_diffusers_reads(file: Path) -> dict[str, Tensor] | None:
    """A LoRA's weights in diffusers' form, or None where diffusers reads the file as it is.

    Raises:
        CheckpointError: it is no LoRA, another kind of adapter, or its names are not understood.
    """
    with safe_open(file, "pt") as opened:
        names = list(opened.keys())
        differences = [name for name in names if name.endswith((".diff", ".diff_b"))]
        for name in sorted(differences):
            if _is_dropped(name, names) and opened.get_tensor(name).count_nonzero():
                raise _unread(file, name)
    _refuse_other_adapters(file, names)

    is_diffusers_own = all(_OWN_NAME.fullmatch(name) for name in names)
    has_differences_of_wan = bool(differences) and all(name.startswith("diffusion_model.") for name in names)
    if is_diffusers_own or has_differences_of_wan:
        return None
    return _renamed(load_file(file), file)


def as_comfyui_reads(file: Path) -> dict[str, Tensor]:
    """A LoRA's weights under ComfyUI's names, from a file in diffusers' form: ``diffusion_model``, Wan's own names of
    layers, and each layer's alpha.

    Raises:
        CheckpointError: it is in another form, or a layer has no name of Wan's.
    """
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata() or {}
        weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no dict
    config = json.loads(metadata.get("lora_adapter_metadata") or "{}")
    alpha = {name.rpartition(".")[2]: value for name, value in config.items()}.get("lora_alpha")
    renamed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        found = _ROLE.fullmatch(name)
        if found is None or not _OWN_NAME.fullmatch(name):
            raise _unread(file, name)
        layer = f"diffusion_model.{_own_layer(found['layer'].removeprefix('transformer.'), file)}"
        renamed[f"{layer}.{found['role']}.weight"] = weight.contiguous()
        if found["role"] == "lora_A" and alpha is not None:
            renamed[f"{layer}.alpha"] = tensor(float(alpha))
    return renamed


def _own_layer(name: str, file: Path) -> str:
    """Wan's own name of a layer that diffusers calls ``name``."""
    own = name
    for theirs, wans in _OWN_NAMES:
        own = re.sub(theirs, wans, own)
    if diffusers_name(f"{own}.weight") != f"{name}.weight":
        raise _unread(file, name)
    return own


_OWN_NAMES = (
    (r"\.attn1\.", ".self_attn."),
    (r"\.attn2\.", ".cross_attn."),
    (r"\.to_([qkv])$", r".\1"),
    (r"\.to_out\.0$", ".o"),
    (r"\.add_([kv])_proj$", r".\1_img"),
    (r"\.ffn\.net\.0\.proj$", ".ffn.0"),
    (r"\.ffn\.net\.2$", ".ffn.2"),
    (r"^condition_embedder\.text_embedder\.linear_1$", "text_embedding.0"),
    (r"^condition_embedder\.text_embedder\.linear_2$", "text_embedding.2"),
    (r"^condition_embedder\.time_embedder\.linear_1$", "time_embedding.0"),
    (r"^condition_embedder\.time_embedder\.linear_2$", "time_embedding.2"),
    (r"^condition_embedder\.time_proj$", "time_projection.1"),
    (r"^proj_out$", "head.head"),
)
"""Of layers: diffusers' names, and Wan's own."""


def _refuse_other_adapters(file: Path, names: Collection[str]) -> None:
    odd = [name for name in names if any(part in name for part in _NOT_LORA)]
    if odd:
        raise CheckpointError(
            f"{str(file)!r} is no LoRA but another kind of adapter, as {min(odd)!r} shows; it is not read."
        )


def check_all_used(weights: Mapping[str, Tensor], layers: Collection[str], kind: str) -> None:
    """Raise unless every one of a LoRA's ``weights``, in diffusers' form, belongs to one of a transformer's layers.

    Args:
        weights: by name.
        layers: names of the transformer's modules.
        kind: of transformer, for the error.

    Raises:
        CheckpointError: names a key that none takes, that lacks its other half, or that is no number.
    """
    used: dict[str, set[str]] = {}
    for name in weights:
        layer, _, role = name.removeprefix("transformer.").rpartition(".lora_")
        if not name.startswith("transformer.") or layer not in layers:
            raise CheckpointError(f"No layer of this {kind} takes the LoRA's {name!r}; read are {FORMS}.")
        if not weights[name].float().isfinite().all():
            raise CheckpointError(f"The LoRA's {name!r} holds values that are no numbers; download the LoRA again.")
        used.setdefault(layer, set()).add(role)
    if not used:
        raise CheckpointError(f"The LoRA holds no weight; read are {FORMS}.")
    for layer, roles in used.items():
        if not {"A.weight", "B.weight"} <= roles:
            lacks = "lora_A" if "A.weight" not in roles else "lora_B"
            raise CheckpointError(f"The LoRA lacks the {lacks} of {layer!r}; get a whole file.")


def _renamed(weights: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    """With the prefix and the layers' names of diffusers, A and B for down and up, and alpha multiplied in."""
    factor = _peft_scale(file)
    renamed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name.endswith(".alpha"):
            if not any(_parts(other, name.removesuffix(".alpha")) for other in weights):
                raise _unread(file, name)
            continue
        found = _ROLE.fullmatch(name)
        if found is None:
            raise _unread(file, name)
        layer, role = found["layer"], found["role"]
        if weight.itemsize == 1:  # float8 cannot be multiplied
            weight = weight.to(torch.bfloat16)
        if role in ("lora_B", "lora_up"):
            alpha = weights.get(f"{layer}.alpha")
            if alpha is not None and alpha.numel() != 1:
                raise _unread(file, f"{layer}.alpha")
            scale = factor if alpha is None else float(alpha) / weight.shape[1]
            weight = weight * scale
        side = "lora_A" if role in ("lora_A", "lora_down") else "lora_B"
        new = f"transformer.{_layer(layer)}.{side}.weight"
        if new in renamed:
            raise CheckpointError(f"{str(file)!r} holds {new!r} twice, once as {name!r}; get a file of one form.")
        renamed[new] = weight.contiguous()
    return renamed


def _parts(name: str, layer: str) -> bool:
    found = _ROLE.fullmatch(name)
    return found is not None and found["layer"] == layer


def _layer(name: str) -> str:
    """A layer's name in diffusers, from its own or Wan's, without what stands before it."""
    if flat := _MUSUBI.fullmatch(name):  # its names have no dots, and those of two layers hold a '_' of their own
        return diffusers_name(f"blocks.{flat['block']}.{flat['part']}.{flat['layer']}.weight").removesuffix(".weight")
    wrappers = _WRAPPERS.match(name)
    bare = name[wrappers.end() :] if wrappers else name
    if re.search(r"\.attn[12]\.|^condition_embedder\.|\.ffn\.net\.|^proj_out$", bare):
        return bare
    return diffusers_name(f"{bare}.weight").removesuffix(".weight")


def _is_dropped(name: str, names: list[str]) -> bool:
    """Whether diffusers passes over a difference of a whole weight or bias: all but biases of layers it has a pair for,
    and the head's, for which it takes the difference as a pair."""
    layer = name.rpartition(".")[0]
    if name.endswith(".diff"):
        return layer != "diffusion_model.head.head"
    in_pair = any(other.startswith(f"{layer}.lora_") for other in names)
    return "norm" in layer or not (in_pair or layer == "diffusion_model.head.head")


def _peft_scale(file: Path) -> float:
    """What PEFT multiplies the LoRA by, which it writes into a file beside it; 1 where there is none.

    Raises:
        CheckpointError: it is not one number for all layers.
    """
    beside = file.with_name("adapter_config.json")
    if file.name != "adapter_model.safetensors" or not beside.is_file():
        return 1.0
    try:
        config = json.loads(beside.read_text(encoding="utf-8"))
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        if config.get("alpha_pattern") or config.get("rank_pattern") or config.get("use_dora"):
            raise CheckpointError(f"{str(beside)!r} sets another scale for each layer, which is not read.")
        return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        raise CheckpointError(f"{str(beside)!r} is damaged; download the LoRA again.") from None


def _unread(file: Path, name: str) -> CheckpointError:
    return CheckpointError(f"{str(file)!r} has the key {name!r}, which no LoRA of a known form has; read are {FORMS}.")
