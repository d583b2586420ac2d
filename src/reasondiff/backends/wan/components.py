"""The components of a ReasonDiff model, and the folder they are kept in: loading, saving, LoRA.

model_index.json                       classes, the model's ``Defaults``, and whether the AlignFormer has a LoRA
transformer/ vae/ text_encoder/ ...    stock Wan image-to-video, or stock Wan VACE
alignformer/                           optional
pytorch_lora_weights.safetensors       the LoRA that was trained with the AlignFormer
narrator/                              optional: a vision-language model, loaded when first asked
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from peft import get_peft_model_state_dict
from peft.tuners.lora import LoraLayer

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.defaults import Defaults
from reasondiff.backends.t5 import check_tokenizer
from reasondiff.backends.wan.fetching import HUB_OPTIONS, fetched, from_hub, read_alignformer
from reasondiff.backends.wan.lora_file import as_diffusers_reads, check_all_used
from reasondiff.backends.wan.single_file import load_single_file
from reasondiff.backends.wan.vace import VACE_DEFAULTS, is_vace
from reasondiff.checkpoints import (
    LORA_FILE,
    check_configs,
    check_kind,
    check_ours,
    find_model,
    hub_configs,
    in_one_sentence,
)
from reasondiff.errors import CheckpointError, InputError, UnsupportedError
from reasondiff.finite import check_finite
from reasondiff.quiet import quiet_libraries

with quiet_libraries():  # of an image processor that it does not use
    from diffusers.pipelines.wan.pipeline_wan_i2v import WanImageToVideoPipeline

if TYPE_CHECKING:
    from reasondiff.narrator import Narrator

__all__ = ["ADAPTER", "LORA_FILE", "WanComponents"]

ADAPTER = "reasondiff"
"""Name of the LoRA that was trained with the AlignFormer."""

_SAFE_LOAD_OPTIONS = {"use_safetensors": True, "trust_remote_code": False}
"""Whatever is asked for: no pickle is opened, and no code that comes with a checkpoint runs."""


class WanComponents(WanImageToVideoPipeline):
    """Stock Wan image-to-video or VACE, AlignFormer, LoRA and narrator: loading, saving, and whether they fit."""

    model_cpu_offload_seq = "text_encoder->image_encoder->alignformer->transformer->transformer_2->vae"
    _optional_components = [*WanImageToVideoPipeline._optional_components, "alignformer"]  # noqa: RUF012

    alignformer: AlignFormer | None
    transformer: Any
    transformer_2: Any
    vae: Any
    tokenizer: Any
    text_encoder: Any
    scheduler: Any

    def __init__(
        self,
        tokenizer: Any,
        text_encoder: Any,
        vae: Any,
        scheduler: Any,
        image_processor: Any = None,
        image_encoder: Any = None,
        transformer: Any = None,
        transformer_2: Any = None,
        alignformer: AlignFormer | None = None,
        boundary_ratio: float | None = None,
        expand_timesteps: bool = False,
        reasondiff: dict[str, Any] | None = None,
        alignformer_lora: bool = True,
    ) -> None:
        super().__init__(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            vae=vae,
            scheduler=scheduler,
            image_processor=image_processor,
            image_encoder=image_encoder,
            transformer=transformer,
            transformer_2=transformer_2,
            boundary_ratio=boundary_ratio,
            expand_timesteps=expand_timesteps,
        )
        self.register_modules(alignformer=alignformer)
        self.register_to_config(reasondiff=reasondiff, alignformer_lora=alignformer_lora)
        own = VACE_DEFAULTS if self.any_transformer is not None and is_vace(self.any_transformer) else {}
        self.defaults = Defaults.from_config({**own, **(reasondiff or {})})
        self._narrator: Narrator | None = None
        self._narrator_folder: Path | None = None
        self.offload_hooks: list[Callable[[], object]] = []  # called between stages: models leave the GPU
        self.own_lora = ADAPTER  # name of our own LoRA in use
        self.own_loras = {ADAPTER}
        self._check()

    @property
    def narrator(self) -> Narrator:
        """What infers the story; set it, or keep a vision-language model in the model's ``narrator`` folder.

        Raises:
            InputError: there is none.
        """
        if self._narrator is None:
            if self._narrator_folder is None:
                raise InputError("This model has no narrator; give a narrative, or a narrator such as openai:gpt-4o.")
            from reasondiff.narrator import load_narrator

            self._narrator = load_narrator(f"transformers:{self._narrator_folder}")
        return self._narrator

    @narrator.setter
    def narrator(self, narrator: Narrator | None) -> None:
        self._narrator = narrator

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        alignformer: AlignFormer | str | os.PathLike[str] | None = None,
        lora: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load a model; only safetensors, nothing is unpickled.

        Args:
            pretrained_model_name_or_path: a name that ``checkpoints.find_model`` knows, a folder, or a hub id; of a
                ReasonDiff model or of any Wan image-to-video or VACE in diffusers' layout.
            alignformer: one, or a folder or hub id (``owner/name`` or ``owner/name@revision``) with one in it or in
                its ``alignformer`` folder.
            lora: the LoRA that was trained with it: a safetensors file, or a folder or hub id with a
                ``pytorch_lora_weights.safetensors``. A whole adapter is loaded with ``load_adapter``.
            kwargs: ``transformer`` may be one .safetensors (16 or 8 bits) or .gguf file; else as in diffusers
                (``revision``, ``local_files_only``, ``dtype``, ``quantization_config``, ...): components given by name
                replace those of the folder.

        Raises:
            CheckpointError: the model is missing, damaged or of another kind.
            InputError: a revision of a folder.
        """
        found = find_model(str(pretrained_model_name_or_path))
        folder, on_hub = Path(found), {key: kwargs[key] for key in HUB_OPTIONS if key in kwargs}
        if folder.is_dir() and kwargs.get("revision"):
            raise InputError(f"A revision is for models on the hub, and {found!r} is a folder; leave it out.")
        if not kwargs.keys() & {"vae", "transformer", "transformer_2"}:
            # Another kind of model is refused before its weights are fetched.
            check_configs(folder if folder.is_dir() else hub_configs(found, **on_hub))
        if isinstance(alignformer, str | os.PathLike):
            alignformer = read_alignformer(str(alignformer), kwargs.get("dtype", kwargs.get("torch_dtype")))
        if alignformer is not None:
            kwargs["alignformer"] = alignformer
        for name in ("transformer", "transformer_2"):
            if isinstance(file := kwargs.get(name), str | os.PathLike):
                if not Path(file).is_file():
                    raise CheckpointError(f"There is no {str(file)!r}; give a .safetensors or .gguf file.")
                dtype = kwargs.get("dtype", kwargs.get("torch_dtype"))
                dtype = dtype if isinstance(dtype, torch.dtype) else None
                of_config = {"config_revision" if key == "revision" else key: value for key, value in on_hub.items()}
                with in_one_sentence(str(file), "transformer"):
                    kwargs[name] = load_single_file(Path(file), found, dtype, **of_config)
        with in_one_sentence(found):
            if folder.is_dir() and "tokenizer" not in kwargs:
                check_tokenizer(folder)
            with quiet_libraries():
                model = super().from_pretrained(found, **(kwargs | _SAFE_LOAD_OPTIONS))
            if not folder.is_dir():  # diffusers has fetched the components; these are ours
                folder = from_hub(found, ours=True, **on_hub)
                check_ours(folder)
            for name, part in model.components.items():
                if isinstance(part, torch.nn.Module) and name not in kwargs:
                    check_finite(part, name, folder / name)
            if lora is None and (folder / LORA_FILE).is_file():
                lora = folder
        if lora is not None:
            model.read_lora(fetched(str(lora)))
        if (folder / "narrator").is_dir():
            model._narrator_folder = folder / "narrator"
        return model

    def save_pretrained(self, save_directory: str | os.PathLike[str], **kwargs: Any) -> None:  # type: ignore[override]
        """Write the model folder; what is loaded from it gives the same videos.

        A LoRA that is switched off is left out.

        Raises:
            UnsupportedError: LoRA adapters other than our own are loaded, or that one is at another scale than 1, for
                which a model folder has no place.
        """
        folder = Path(save_directory)
        adapters = dict(getattr(self.transformer, "peft_config", {}))
        if others := set(adapters) - {self.own_lora}:
            raise UnsupportedError(f"The LoRA {min(others)!r} has no place in a model folder; fuse or unload it first.")
        active = bool(adapters) and self._lora_is_active()
        (folder / LORA_FILE).unlink(missing_ok=True)  # of a model that was there before: it would be loaded again
        self.register_to_config(alignformer_lora=self.alignformer is None or bool(adapters))
        with self._without_lora() if adapters else nullcontext() as aside:
            super().save_pretrained(str(folder), **(kwargs | {"safe_serialization": True}))
            if active and aside is not None:
                shutil.copyfile(aside / LORA_FILE, folder / LORA_FILE)
        if self._narrator_folder is not None and self._narrator_folder.resolve() != (folder / "narrator").resolve():
            shutil.copytree(self._narrator_folder, folder / "narrator", dirs_exist_ok=True)

    def _lora_is_active(self) -> bool:
        """Whether our own LoRA is in use.

        Raises:
            UnsupportedError: it is, at another scale than 1.
        """
        name = self.own_lora
        layers = [layer for layer in self.transformer.modules() if isinstance(layer, LoraLayer)]
        if not layers or name not in layers[0].active_adapters:
            return False
        for layer in layers:
            if layer.scaling[name] != layer.lora_alpha[name] / layer.r[name]:
                raise UnsupportedError(
                    "The LoRA is not at scale 1, which a model folder cannot say; use that scale first."
                )
        return True

    @contextmanager
    def _without_lora(self) -> Iterator[Path]:
        """Inside the block our own LoRA is not in the transformer but in the folder that is yielded."""
        layers = [layer for layer in self.transformer.modules() if isinstance(layer, LoraLayer)]
        scales, active = [layer.scaling[self.own_lora] for layer in layers], list(layers[0].active_adapters)
        with tempfile.TemporaryDirectory() as name:
            self.write_lora(Path(name), self.own_lora)
            self.unload_lora_weights()
            try:
                yield Path(name)
            finally:
                self.read_lora(Path(name), self.own_lora)
                back = (layer for layer in self.transformer.modules() if isinstance(layer, LoraLayer))
                for layer, scale in zip(back, scales, strict=True):
                    layer.scaling[self.own_lora] = scale
                    layer.set_adapter(active, inference_mode=True)

    def load_lora_weights(self, *args: Any, **kwargs: Any) -> None:
        """As in diffusers, but nothing is unpickled."""
        super().load_lora_weights(*args, **(kwargs | {"use_safetensors": True}))

    @classmethod
    def lora_state_dict(cls, given: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """As in diffusers, and of a local file also forms that diffusers would load without an effect.

        Raises:
            CheckpointError: a file of another kind, or with a key that would be left out.
        """
        if isinstance(given, str | os.PathLike):
            file = Path(given) / (kwargs.get("weight_name") or "") if Path(given).is_dir() else Path(given)
            if file.is_file() and file.suffix == ".safetensors" and (weights := as_diffusers_reads(file)) is not None:
                given = weights
        return super().lora_state_dict(given, **kwargs)

    @classmethod
    def _maybe_expand_t2v_lora_for_i2v(
        cls, transformer: Any, state_dict: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """As it is. diffusers adds layers of zeros for the image tokens' keys and values where a LoRA has none: they
        cost time in every step, change nothing, and would be saved with the LoRA.
        """
        return state_dict

    @classmethod
    def load_lora_into_transformer(
        cls, state_dict: dict[str, torch.Tensor], transformer: Any, *args: Any, **kwargs: Any
    ) -> None:
        """As in diffusers, but a key that no layer takes is an error.

        Raises:
            CheckpointError: names the key, and the forms that are read.
        """
        check_all_used(state_dict, dict(transformer.named_modules()), "transformer")
        super().load_lora_into_transformer(state_dict, transformer, *args, **kwargs)

    def write_lora(self, folder: Path, name: str = ADAPTER, *, dtype: torch.dtype | None = None) -> None:
        """Write the LoRA ``name`` and its configuration into ``folder`` as diffusers does, in ``dtype`` or its own."""
        layers = get_peft_model_state_dict(self.transformer, adapter_name=name)
        layers = {key: weight.to(dtype or weight.dtype) for key, weight in layers.items()}
        config = self.transformer.peft_config[name].to_dict()
        config = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
        self.save_lora_weights(folder, layers, transformer_lora_adapter_metadata=config)

    def read_lora(self, place: Path, name: str = ADAPTER) -> None:
        """From a safetensors file, or a folder with one of the usual name."""
        folder, file = (place, LORA_FILE) if place.is_dir() else (place.parent, place.name)
        with in_one_sentence(str(place), "LoRA"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")  # peft's remark on a second one
            self.load_lora_weights(str(folder), weight_name=file, adapter_name=name)

    @contextmanager
    def base_model(self) -> Iterator[None]:
        """Inside the block the transformer runs without our own LoRAs; other adapters stay as they are.

        Raises:
            UnsupportedError: the LoRA is merged into the weights.
        """
        ours = [(layer, name) for layer in self.lora_layers for name in sorted(self.own_loras & set(layer.scaling))]
        if any(name in layer.merged_adapters for layer, name in ours):
            raise UnsupportedError("The LoRA is merged into the transformer; call unfuse_lora() to run the base model.")
        scales = [layer.scaling[name] for layer, name in ours]
        try:
            for layer, name in ours:
                layer.scaling[name] = 0.0
            yield
        finally:
            for (layer, name), scale in zip(ours, scales, strict=True):
                layer.scaling[name] = scale

    @property
    def transformers(self) -> tuple[Any, ...]:
        """One, or with Wan2.2 those for high and for low noise."""
        return tuple(model for model in (self.transformer, self.transformer_2) if model is not None)

    @property
    def lora_layers(self) -> list[Any]:
        """The layers of all transformers that carry LoRAs."""
        return [layer for model in self.transformers for layer in model.modules() if isinstance(layer, LoraLayer)]

    @property
    def any_transformer(self) -> Any:
        """Either transformer; two of them (Wan2.2) have the same inputs."""
        return self.transformer if self.transformer is not None else self.transformer_2

    @property
    def pixels_per_token(self) -> int:
        """Width and height of the frames must be multiples of this."""
        sides: list[int] = []
        for model in (self.any_transformer, self.alignformer):
            if model is not None:
                sides += model.config["patch_size"]
        return self.vae_scale_factor_spatial * math.lcm(*sides)

    def _check(self) -> None:
        if self.vae is None:
            return
        channels, stride, expands = (
            self.vae.config["z_dim"],
            self.vae_scale_factor_temporal,
            self.config["expand_timesteps"],
        )
        for model in (self.transformer, self.transformer_2):
            if model is not None:
                scale = self.vae_scale_factor_spatial
                check_kind(model.config, channels, stride, scale=scale, expand_timesteps=expands)
        self.check_alignformer(self.alignformer)

    def check_alignformer(self, former: AlignFormer | None) -> None:
        if former is not None and self.any_transformer is not None and is_vace(self.any_transformer):
            raise CheckpointError("VACE takes no AlignFormer; use an image-to-video model, or leave it out.")
        if former is not None and self.vae is not None:
            channels = self.vae.config["z_dim"]
            width = self.text_encoder.config.d_model if self.text_encoder is not None else former.config["text_dim"]
            if (former.config["in_channels"], former.config["text_dim"]) != (channels, width):
                raise CheckpointError(
                    f"The AlignFormer is for {former.config['in_channels']} latent channels and texts of width "
                    f"{former.config['text_dim']}, not {channels} and {width}; use the one trained with this model."
                )
