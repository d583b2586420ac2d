"""The components of an LTX-Video model, stock, as ``LTXConditionPipeline`` has them, and how they are loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import torch

from reasondiff.backends.defaults import Defaults
from reasondiff.backends.t5 import check_tokenizer
from reasondiff.checkpoints import find_model, in_one_sentence, is_distilled, ltx_defaults
from reasondiff.errors import CheckpointError, InputError
from reasondiff.finite import check_finite
from reasondiff.quiet import quiet_libraries

with quiet_libraries():
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXConditionPipeline

__all__ = ["LtxComponents"]

_SAFE_LOAD_OPTIONS = {"use_safetensors": True, "trust_remote_code": False}
"""Whatever is asked for: no pickle is opened, and no code that comes with a checkpoint runs."""


class LtxComponents(LTXConditionPipeline):
    """Stock LTX-Video of 0.9.5 or later, which were trained with images at other frames than the first.

    Args:
        scheduler, vae, text_encoder, tokenizer, transformer: as in diffusers.
        reasondiff: this model's ``Defaults``, where they differ from LTX-Video's.
        distilled: for a fixed schedule of few steps; ``from_pretrained`` asks the model's name unless told.

    Raises:
        CheckpointError: the model is older, or of another kind.
    """

    image_encoder = None
    alignformer = None
    model: Any
    """What runs it, set by ``LtxModel``."""

    def __init__(
        self,
        scheduler: Any,
        vae: Any,
        text_encoder: Any,
        tokenizer: Any,
        transformer: Any,
        reasondiff: dict[str, Any] | None = None,
        distilled: bool | None = None,
    ) -> None:
        super().__init__(
            scheduler=scheduler, vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, transformer=transformer
        )
        self.register_to_config(reasondiff=reasondiff, distilled=distilled)
        self.distilled = bool(distilled)
        self.offload_hooks: list[Callable[[], object]] = []  # called between stages: models leave the GPU
        self._check()

    @property
    def defaults(self) -> Defaults:
        """What it is run with unless told otherwise."""
        own = ltx_defaults("", self.distilled)
        return Defaults.from_config({**own, **(self.config["reasondiff"] or {})})

    @property
    def transformers(self) -> tuple[Any, ...]:
        """One; a preset asks."""
        return (self.transformer,)

    @property
    def vae_scale_factor_spatial(self) -> int:
        """Pixels per latent, each way."""
        return int(self.vae.spatial_compression_ratio)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Self:
        """Load a model; only safetensors, nothing is unpickled.

        Args:
            pretrained_model_name_or_path: a name that ``checkpoints.find_model`` knows, a folder, or a hub id.
            kwargs: as in diffusers.

        Raises:
            CheckpointError: the model is missing, damaged or of another kind.
            InputError: a revision of a folder.
        """
        found = find_model(str(pretrained_model_name_or_path))
        folder = Path(found)
        if folder.is_dir():
            check_tokenizer(folder)
            if kwargs.get("revision"):
                raise InputError(f"A revision is for models on the hub, and {found!r} is a folder; leave it out.")
        with in_one_sentence(found), quiet_libraries():
            model = super().from_pretrained(found, **(kwargs | _SAFE_LOAD_OPTIONS))
        for name, part in model.components.items():
            if isinstance(part, torch.nn.Module) and name not in kwargs:
                check_finite(part, name, folder / name if folder.is_dir() else None)
        if model.config["distilled"] is None:
            model.distilled = is_distilled(found)
        return model

    def _check(self) -> None:
        if "LTXVideo095DownBlock3D" not in self.vae.config["down_block_types"]:
            raise CheckpointError(
                "This LTX-Video is older than 0.9.5, which was the first that holds images at any frame; use that one "
                "or a later one."
            )
        patch = self.transformer.config["patch_size"], self.transformer.config["patch_size_t"]
        if patch != (1, 1):
            raise CheckpointError(f"The transformer's tokens are {patch} latents large, not (1, 1); use LTX-Video's.")
