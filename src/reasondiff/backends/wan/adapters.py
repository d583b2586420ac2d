"""The adapters of one pipeline: what turns a plain Wan image-to-video model into one that is told stories.

``adapter_file`` says what the folder of one holds. Other LoRAs stay beside them.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.defaults import Defaults
from reasondiff.backends.identity import fingerprint
from reasondiff.backends.wan.adapter_file import AdapterInfo, model_card
from reasondiff.backends.wan.components import ADAPTER, LORA_FILE, WanComponents
from reasondiff.backends.wan.fetching import fetched
from reasondiff.backends.wan.lora_file import holds_lora, lora_file
from reasondiff.backends.wan.vace import is_vace
from reasondiff.checkpoints import in_one_sentence, weight_hashes
from reasondiff.errors import CheckpointError, InputError, UnsupportedError
from reasondiff.files import atomic_path

__all__ = ["AdapterState", "Adapters"]

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class AdapterState:
    """Which of the loaded adapters works, and how strongly; two states that are equal make the same videos.

    Args:
        active: the adapter in use; None where the base model runs without one.
        loras: every LoRA that is switched on and its scales, one unless they differ by layer.
        merged: the LoRAs that are merged into the weights.
    """

    active: str | None
    loras: tuple[tuple[str, tuple[float, ...]], ...] = ()
    merged: tuple[str, ...] = ()

    def without_active(self) -> AdapterState:
        """The same with the base model alone."""
        return replace(self, active=None, loras=tuple(each for each in self.loras if each[0] != self.active))

    def __str__(self) -> str:
        parts = [f"the adapter {self.active!r}" if self.active is not None else "no adapter"]
        parts += [
            f"the LoRA {name!r} at {' and '.join(f'{scale:g}' for scale in scales)}" for name, scales in self.loras
        ]
        parts += [f"the LoRA {name!r} merged" for name in self.merged]
        return ", ".join(parts)


@dataclass(frozen=True)
class _Loaded:
    """An adapter in memory; its LoRA, if it has one, lies in the transformer under the same name."""

    alignformer: AlignFormer | None
    interval: float


class Adapters:
    """Saving, loading, switching and publishing the adapters of one pipeline.

    Args:
        pipe: whose AlignFormer and LoRAs they are.
    """

    def __init__(self, pipe: WanComponents) -> None:
        self.pipe = pipe
        self._loaded: dict[str, _Loaded] | None = None  # None: only what came with the model
        self._chosen: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the adapters that can be switched to."""
        return tuple(self._known())

    @property
    def active(self) -> str | None:
        """The adapter in use; None where the base model runs alone."""
        return self._chosen if self._loaded is not None else next(iter(self._known()), None)

    @property
    def state(self) -> AdapterState:
        """What works now."""
        scales: dict[str, set[float]] = {}
        merged: set[str] = set()
        for layer in self.pipe.lora_layers:
            merged.update(layer.merged_adapters)
            for name in layer.active_adapters:
                if name in layer.scaling:
                    whole = layer.lora_alpha[name] / layer.r[name]
                    scales.setdefault(name, set()).add(round(layer.scaling[name] / whole, 6))
        loras = tuple((name, tuple(sorted(found))) for name, found in sorted(scales.items()))
        return AdapterState(self.active, loras, tuple(sorted(merged)))

    def load(self, adapter: str | os.PathLike[str], name: str | None = None, *, any_base: bool = False) -> AdapterInfo:
        """Load an adapter and switch to it. Adapters loaded before stay, and so do other LoRAs.

        Args:
            adapter: a folder, or a hub id such as ``owner/name`` or ``owner/name@revision``.
            name: to switch to it by; the folder's own unless given.
            any_base: take it although it was trained on another model of the same shape.

        Raises:
            CheckpointError: it is missing, damaged, or made for another base model.
            InputError: the name is taken or cannot be one.
            UnsupportedError: a LoRA is merged into the transformer, or the model is VACE.
        """
        if is_vace(self.pipe.any_transformer):
            raise UnsupportedError(
                "VACE takes no adapter: it holds the image without one; leave it out, or use an image-to-video model."
            )
        folder = fetched(str(adapter))
        name = self._new_name(name, adapter)
        self._refuse_merged()
        _refuse_lora_alone(folder)
        info = AdapterInfo.read(folder)
        found = fingerprint(self.pipe.transformer)
        if not any_base and found and info.base_fingerprint and found != info.base_fingerprint:
            raise CheckpointError(
                f"The adapter {str(adapter)!r} was trained on {info.base_model!r} and this is another model; load that "
                "one, or pass any_base=True."
            )
        former, active = None, self._active_loras()
        with in_one_sentence(str(adapter), "adapter"):
            if (folder / "alignformer").is_dir():
                dtype = self.pipe.any_transformer.dtype
                loaded = AlignFormer.from_pretrained(folder / "alignformer", dtype=dtype, use_safetensors=True)
                former = loaded.to(self.pipe.device).eval()
            self.pipe.check_alignformer(former)
        if (folder / LORA_FILE).is_file():
            self.pipe.read_lora(folder, name)
        self._loaded = {**self._known(), name: _Loaded(former, info.interval)}
        self.pipe.own_loras.add(name)
        self._activate(active)
        self.use(name)
        return info

    def load_lora(self, lora: str | os.PathLike[str], name: str | None = None, *, scale: float = 1.0) -> str:
        """Load a LoRA that is no adapter of ours, and use it beside whatever is in use.

        Args:
            lora: a safetensors file, or a folder or hub id (``owner/name`` or ``owner/name@revision``) with one in it.
            name: for diffusers' ``set_adapters`` and the like; the file's or folder's own unless given.
            scale: of its effect.

        Returns:
            Its name.

        Raises:
            CheckpointError: it is missing or damaged, a layer that it names is not there, or it changes nothing.
            InputError: the name is taken or cannot be one.
            UnsupportedError: a LoRA is merged into the transformer, or the model has two of them.
        """
        if len(self.pipe.transformers) > 1:
            raise UnsupportedError(
                "This model has two transformers, and a LoRA is made for one of them; load each with "
                "pipe.load_lora_weights(file), and the low-noise one with load_into_transformer_2=True."
            )
        place = lora_file(fetched(str(lora)))
        name = self._new_name(name, place if place.name != LORA_FILE else lora)
        self._refuse_merged()
        active = self._active_loras()
        self.pipe.read_lora(place, name)
        if not any(_changes(layer, name) for layer in self.pipe.lora_layers):
            self._activate(active)  # first, or peft would choose one
            self.pipe.delete_adapters(name)
            raise CheckpointError(
                f"The LoRA {str(lora)!r} changes nothing: all its products are 0; give a trained one."
            )
        self._activate([*active, name])
        for layer in self.pipe.lora_layers:
            layer.set_scale(name, scale)
        return name

    def use(self, name: str | None, scale: float = 1.0) -> None:
        """Switch to a loaded adapter, or with None to the base model. Other LoRAs stay as they are.

        Args:
            name: of an adapter.
            scale: of its LoRA.

        Raises:
            InputError: there is no such adapter.
            UnsupportedError: a LoRA is merged into the transformer.
        """
        known = self._known()
        if name is not None and name not in known:
            raise InputError(f"There is no adapter {name!r}; loaded are {', '.join(known) or 'none'}.")
        self._refuse_merged()
        self._loaded = known  # from here on the model's own one is among them
        chosen = _Loaded(None, self._interval) if name is None else known[name]
        others = [lora for lora in self._active_loras() if lora not in self.pipe.own_loras]
        loras = [name] if name and name in getattr(self.pipe.transformer, "peft_config", {}) else []
        self._activate(others + loras)
        for layer in self.pipe.lora_layers:
            for lora in loras:
                layer.set_scale(lora, scale)
        self.pipe.register_modules(alignformer=chosen.alignformer)
        self.pipe.defaults = replace(self.pipe.defaults, interval=chosen.interval)
        self._chosen = name
        self.pipe.own_lora = name or ADAPTER
        if getattr(self.pipe, "_all_hooks", None):
            self.pipe.maybe_free_model_hooks()  # model offload must learn of another AlignFormer

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        base_model: str | None = None,
        recipe: Mapping[str, Any] | None = None,
        scores: Mapping[str, float] | None = None,
    ) -> AdapterInfo:
        """Write the adapter in use as a folder, whole or not at all.

        Args:
            folder: may exist; it is replaced.
            base_model: what it was trained on; the model this pipeline was loaded from unless given.
            recipe: how it was trained, as JSON can hold it.
            scores: how well it does, by name.

        Raises:
            InputError: no adapter is in use, or the folder cannot be written.
        """
        lora = self.active in getattr(self.pipe.transformer, "peft_config", {})
        if self.pipe.alignformer is None and not lora:
            raise InputError("There is no adapter to save; train or load one, or switch to it.")
        base_model = base_model or str(self.pipe.config.get("_name_or_path") or "")
        with atomic_path(Path(folder), folder=True) as partial:
            if self.pipe.alignformer is not None:
                self.pipe.alignformer.save_pretrained(partial / "alignformer", safe_serialization=True)
            if lora:
                self.pipe.write_lora(partial, self.pipe.own_lora)
            info = AdapterInfo(
                base_model=base_model,
                base_fingerprint=fingerprint(self.pipe.transformer),
                interval=self.pipe.defaults.interval,
                hashes=weight_hashes(partial),
                recipe=dict(recipe or {}),
                scores=dict(scores or {}),
            )
            text = json.dumps(asdict(info), indent=2, ensure_ascii=False)
            (partial / "adapter.json").write_text(f"{text}\n", encoding="utf-8")
            (partial / "README.md").write_text(model_card(info, Path(folder).name), encoding="utf-8")
        return info

    def push_to_hub(self, repo_id: str, *, private: bool | None = None, **described: Any) -> str:
        """Publish the adapter in use with a model card. (A whole model: ``save_pretrained(..., push_to_hub=True)``.)

        Who you are is read from HF_TOKEN or ``hf auth login``.

        Args:
            repo_id: ``owner/name``; made if it does not exist.
            private: whether a new repository is private.
            described: base_model, recipe and scores for ``save``.

        Returns:
            The commit's address.

        Raises:
            InputError: as ``save``, or the base model is a folder, which nobody else has.
        """
        from huggingface_hub import HfApi

        api = HfApi()
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / repo_id.split("/")[-1]
            info = self.save(folder, **described)
            if Path(info.base_model).exists():
                raise InputError(f"The base model {info.base_model!r} is a folder; give base_model='owner/name'.")
            repo = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            (folder / "README.md").write_text(model_card(info, repo), encoding="utf-8")
            return str(api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Upload ReasonDiff adapter"))

    @property
    def _interval(self) -> float:
        """The model's own, without any adapter."""
        return Defaults.from_config(self.pipe.config["reasondiff"]).interval

    def _known(self) -> dict[str, _Loaded]:
        """Loaded adapters; the first may be the one that came with the model."""
        own = self.pipe.alignformer is not None or ADAPTER in getattr(self.pipe.transformer, "peft_config", {})
        if self._loaded is None and own:
            return {ADAPTER: _Loaded(self.pipe.alignformer, self._interval)}
        return self._loaded or {}

    def _new_name(self, name: str | None, place: str | os.PathLike[str]) -> str:
        """``name``, or one after ``place``.

        Raises:
            InputError: it is taken or cannot be one.
        """
        own = Path(str(place).split("@")[0]).name.removesuffix(".safetensors")
        name = name or re.sub(r"[^A-Za-z0-9_-]+", "-", own) or "adapter"
        if not _NAME.fullmatch(name):
            raise InputError(f"An adapter cannot be called {name!r}; use letters, digits, '-' and '_'.")
        if name in self._known() or name in getattr(self.pipe.transformer, "peft_config", {}):
            raise InputError(f"There is an adapter {name!r} already; give this one another name.")
        return name

    def _active_loras(self) -> list[str]:
        return next((list(layer.active_adapters) for layer in self.pipe.lora_layers), [])

    def _activate(self, names: list[str]) -> None:
        """Layer by layer, because diffusers' own call would set every weight to 1."""
        for layer in self.pipe.lora_layers:
            layer.set_adapter(names, inference_mode=True)

    def _refuse_merged(self) -> None:
        if merged := {name for layer in self.pipe.lora_layers for name in layer.merged_adapters}:
            raise UnsupportedError(
                f"The LoRA {min(merged)!r} is merged into the transformer; call unfuse_lora() first."
            )


def _changes(layer: Any, lora: str) -> bool:
    """Whether a layer's product of a LoRA's two weights is other than 0."""
    if lora not in layer.lora_A:
        return False
    return all(bool(side[lora].weight.count_nonzero()) for side in (layer.lora_A, layer.lora_B))


def _refuse_lora_alone(place: Path) -> None:
    """Raise ``CheckpointError`` where a LoRA was given for an adapter, whose folder says what it was trained on."""
    whole = (place / "adapter.json").exists() or (place / "alignformer").exists()
    if place.is_dir() and (whole or not holds_lora(place / LORA_FILE)):
        return
    is_lora = place.is_dir() or holds_lora(place)
    if is_lora:
        raise CheckpointError(
            f"{str(place)!r} is a LoRA alone, and an adapter is a folder with an adapter.json; give it as --lora, or "
            "in Python with pipe.load_lora(...)."
        )
    raise CheckpointError(f"{str(place)!r} is a file, and an adapter is a folder with an adapter.json; give that.")
