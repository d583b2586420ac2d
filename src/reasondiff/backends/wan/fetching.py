"""A model's parts, brought here: files of the hub, an AlignFormer, a configuration before its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

from reasondiff.alignformer import AlignFormer
from reasondiff.checkpoints import LORA_FILE, find_model, hub_id, in_one_sentence
from reasondiff.errors import CheckpointError
from reasondiff.finite import check_finite

__all__ = ["HUB_OPTIONS", "fetched", "from_hub", "read_alignformer", "transformer_config"]

HUB_OPTIONS = ("revision", "cache_dir", "local_files_only", "token")
_OUR_FILES = [
    LORA_FILE,
    "narrator/*.json",
    "narrator/*.jinja",
    "narrator/*.model",
    "narrator/*.safetensors",
    "narrator/*.txt",
]


def transformer_config(model: str, **place: Any) -> dict[str, Any]:
    """The configuration of a model's transformer, read before its weights.

    Args:
        model: as ``from_pretrained`` is given it.
        place: of ``HUB_OPTIONS``.
    """
    config: dict[str, Any] = WanTransformer3DModel.load_config(find_model(model), subfolder="transformer", **place)
    return config


def fetched(name: str) -> Path:
    """A folder or file as it is; a hub id, ``owner/name`` or ``owner/name@revision``, as its folder in the hub's cache.

    Raises:
        CheckpointError: there is none.
    """
    if Path(name).exists():
        return Path(name)
    repo, _, revision = name.partition("@")
    if not hub_id(repo):
        raise CheckpointError(f"There is no {name!r}; give a folder, or a hub id such as owner/name.")
    with in_one_sentence(name, "adapter"):
        return from_hub(repo, revision=revision or None)


def from_hub(repo: str, *, ours: bool = False, **options: Any) -> Path:
    """A snapshot in the hub's cache: JSON and safetensors, or only what diffusers does not know to fetch."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(repo, allow_patterns=_OUR_FILES if ours else ["*.json", "*.safetensors"], **options))


def read_alignformer(name: str, dtype: Any) -> AlignFormer:
    folder = fetched(name)
    inner = folder / "alignformer"
    with in_one_sentence(name, "AlignFormer"):
        given = {} if dtype is None or isinstance(dtype, dict) else {"dtype": dtype}
        place = inner if inner.is_dir() else folder
        loaded: AlignFormer = AlignFormer.from_pretrained(place, **given)
        check_finite(loaded, "AlignFormer", place)
        return loaded.eval()
