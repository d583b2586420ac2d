"""What a model consists of, from configs alone: of a model known by name, in a local folder, or on the hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reasondiff.checkpoints import (
    BUNDLED,
    HUB,
    check_configs,
    find_model,
    hub_configs,
    hub_id,
    ltx_defaults,
    read_config,
)
from reasondiff.errors import CheckpointError, InputError
from reasondiff.planning.encoders import AlignFormerShape, ImageEncoder, TextEncoder
from reasondiff.planning.ltx import LtxTransformer, LtxVae
from reasondiff.planning.transformer import Transformer
from reasondiff.planning.vae import Vae

__all__ = ["Architecture", "architecture", "named_configs"]

_PUBLISHED = 4
"""Bytes per parameter of the published Wan2.1 checkpoints, which are fp32 unless ``architectures.json`` says other."""

_COMPONENTS = ("text_encoder", "image_encoder", "vae", "alignformer", "transformer", "transformer_2")


@dataclass(frozen=True)
class Architecture:
    """A Wan image-to-video model with AlignFormer, a VACE model, or LTX-Video.

    Args:
        name: as given.
        transformers: one, or two that share the steps (Wan2.2).
        vae: of the latents.
        text_encoder: umT5 or T5.
        image_encoder: CLIP, where the transformer takes image tokens.
        alignformer: where there is one.
        disk: bytes by component: of the weight files in a folder, or as published.
        published: whether ``disk`` is what is downloaded.
        defaults: the model's own ``reasondiff`` options, such as ``num_frames``.
    """

    name: str
    transformers: tuple[Transformer | LtxTransformer, ...]
    vae: Vae | LtxVae
    text_encoder: TextEncoder
    image_encoder: ImageEncoder | None
    alignformer: AlignFormerShape | None
    disk: Mapping[str, int]
    published: bool
    defaults: Mapping[str, Any]

    @property
    def parameters(self) -> dict[str, int]:
        """By component, in the order of use."""
        parts = {
            "text_encoder": self.text_encoder,
            "image_encoder": self.image_encoder,
            "vae": self.vae,
            "alignformer": self.alignformer,
            **dict(zip(("transformer", "transformer_2"), self.transformers, strict=False)),
        }
        return {name: part.parameters for name, part in parts.items() if part is not None}

    @property
    def takes_step_cache(self) -> bool:
        """Whether blocks can be skipped in some steps; VACE's hints would be lost or added twice, and LTX-Video's
        loop knows no cache."""
        return not self.keyframes and not any(transformer.control_layers for transformer in self.transformers)

    @property
    def keyframes(self) -> bool:
        """Whether images are tokens of their own, as LTX-Video has them."""
        return isinstance(self.transformers[0], LtxTransformer)

    @property
    def image_tokens(self) -> int:
        """Per video, as the transformer reads them; first-and-last-frame models take the image twice."""
        if self.image_encoder is None or not self.transformers[0].image_dim:
            return 0
        return self.image_encoder.tokens * (2 if self.transformers[0].pos_embed_seq_len else 1)


def architecture(model: str, revision: str | None = None) -> Architecture:
    """Of a model by name, without weights or network; or of a local folder or a hub id, reading its configs only.

    Args:
        model: a name, a folder, or ``owner/name``.
        revision: of a model on the hub, whose configs are then read there even if it is known by name.

    Raises:
        CheckpointError: there is no such model or folder, it is no image-to-video model, or a config is missing or
            damaged.
        InputError: a revision of a folder.
    """
    name = model.lower()
    disk: dict[str, int] | None = None
    defaults: dict[str, object] = {}
    published: Mapping[str, int] = {}
    if name in HUB and revision is None:
        configs, published = named_configs(name), _published(name)
        defaults = dict(ltx_defaults(name)) if _is_ltx(configs["transformer"]) else {}
    elif name in BUNDLED or (model and Path(model).is_dir()):
        if revision is not None:
            raise InputError(f"A revision is for models on the hub, and {model!r} is a folder; leave it out.")
        folder = Path(find_model(name)) if name in BUNDLED else Path(model)
        configs, disk, defaults = _read(folder, folder.name)
    elif name in HUB or hub_id(model):
        folder = hub_configs(HUB.get(name, model), revision=revision)
        configs, _, defaults = _read(folder, model)
    else:
        known = ", ".join((*BUNDLED, *HUB))
        raise CheckpointError(f"There is no plan for {model!r}; give one of {known}, a folder, or a hub id.")
    try:
        found = _built(model, configs, disk, defaults, published)
        _ = found.parameters
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"The configs of {model!r} are not Wan's or LTX-Video's ({error!r}); check the folder."
        ) from error
    return found


def named_configs(name: str) -> dict[str, dict[str, object]]:
    """The configs of a model of ``checkpoints.HUB``, by component, as its ``config.json`` files have them."""
    known = json.loads(Path(__file__).with_name("architectures.json").read_text(encoding="utf-8"))
    return {component: known["parts"][part] for component, part in known["models"][name].items()}


def _published(name: str) -> Mapping[str, int]:
    """Bytes per parameter as published, by component, where they are not ``_PUBLISHED``."""
    known = json.loads(Path(__file__).with_name("architectures.json").read_text(encoding="utf-8"))
    published: dict[str, int] = known["bytes"].get(name, {})
    return published


def _built(
    name: str,
    configs: Mapping[str, Mapping[str, object]],
    disk: Mapping[str, int] | None,
    defaults: Mapping[str, object],
    published: Mapping[str, int],
) -> Architecture:
    found = Architecture(
        name=name,
        transformers=tuple(_transformer(configs[key]) for key in ("transformer", "transformer_2") if key in configs),
        vae=LtxVae.from_config(configs["vae"]) if _is_ltx(configs["vae"]) else Vae.from_config(configs["vae"]),
        text_encoder=TextEncoder.from_config(configs["text_encoder"]),
        image_encoder=ImageEncoder.from_config(configs["image_encoder"]) if "image_encoder" in configs else None,
        alignformer=AlignFormerShape.from_config(configs["alignformer"]) if "alignformer" in configs else None,
        disk=disk or {},
        published=disk is None,
        defaults=defaults,
    )
    if not found.transformers:
        raise KeyError("transformer")
    if disk is None:
        counts = {part: count for part, count in found.parameters.items() if part != "alignformer"}
        sizes = {part: published.get(part, _PUBLISHED) * count for part, count in counts.items()}
        found = replace(found, disk=sizes)
    return found


def _is_ltx(config: Mapping[str, object]) -> bool:
    """Whether a component's config is of a class of LTX-Video's."""
    return "LTXVideo" in str(config.get("_class_name"))


def _transformer(config: Mapping[str, Any]) -> Transformer | LtxTransformer:
    return LtxTransformer.from_config(config) if _is_ltx(config) else Transformer.from_config(config)


def _read(folder: Path, name: str) -> tuple[dict[str, dict[str, Any]], dict[str, int], dict[str, Any]]:
    """Configs, bytes of weights by component, and the model's own options."""
    check_configs(folder)
    index = read_config(folder / "model_index.json")
    present = [part for part in _COMPONENTS if (folder / part).is_dir()]
    configs = {part: read_config(folder / part / "config.json") for part in present}
    if config := configs.get("image_encoder"):  # a whole CLIP keeps the vision tower's config inside its own
        configs["image_encoder"] = config.get("vision_config", config)
    disk = {part: _weight_bytes(folder / part) for part in present}
    own = ltx_defaults(name) if _is_ltx(configs.get("transformer", {})) else {}
    return configs, disk, {**own, **(index.get("reasondiff") or {})}


def _weight_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
