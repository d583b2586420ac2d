"""A ReasonDiff adapter as a folder: what it says of itself, how its base model is told, and its model card.

adapter.json                          base model, frame interval, recipe, hashes, scores
alignformer/                          predicts a latent per frame
pytorch_lora_weights.safetensors      the LoRA that was trained with it
README.md                             a model card
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from reasondiff.checkpoints import weight_hashes
from reasondiff.errors import CheckpointError

__all__ = ["AdapterInfo", "model_card"]

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class AdapterInfo:
    """The content of ``adapter.json``.

    Args:
        base_model: the model it was trained on, as ``from_pretrained`` was given it.
        base_fingerprint: see ``identity.fingerprint``; empty where it is not known.
        interval: seconds between frames, as in training.
        hashes: SHA-256 of every weight file of the folder.
        recipe: how it was trained.
        scores: how well it does.
        version: of this format.
    """

    base_model: str
    base_fingerprint: str
    interval: float
    hashes: Mapping[str, str]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    version: int = VERSION

    @classmethod
    def read(cls, folder: Path) -> AdapterInfo:
        """Of an adapter folder whose weights are whole.

        Raises:
            CheckpointError: there is no adapter, or it is damaged or too new.
        """
        file = folder / "adapter.json"
        try:
            given = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{str(folder)!r} is no adapter; give a folder with an adapter.json.") from None
        except (OSError, ValueError, RecursionError):
            raise CheckpointError(f"{str(file)!r} is damaged; download the adapter again.") from None
        version = given.get("version") if isinstance(given, dict) else None
        if isinstance(version, int) and version > VERSION:
            raise CheckpointError(f"{str(file)!r} has format {version}; install a newer reasondiff.")
        try:
            info = cls(**{each.name: given[each.name] for each in fields(cls)})
            fits = info.version == VERSION and info.interval > 0 and all(map(_is_dict, (info.hashes, info.recipe)))
        except (TypeError, KeyError):
            fits = False
        if not fits:
            raise CheckpointError(f"{str(file)!r} is not what save_adapter writes; download the adapter again.")
        found = weight_hashes(folder)
        for name in sorted({*found, *info.hashes}):
            if found.get(name) != info.hashes.get(name):
                raise CheckpointError(
                    f"The adapter's {name!r} is not the file that its adapter.json names; download the adapter again."
                )
        return info


def model_card(info: AdapterInfo, name: str) -> str:
    """A README in the hub's form, of an adapter that is loaded by ``name``."""
    on_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", info.base_model)
    base = [f"base_model: {info.base_model}", "base_model_relation: adapter"] if on_hub else []
    lines = [
        "---", *base, "pipeline_tag: image-to-video", "library_name: diffusers",
        "tags: [reasondiff, image-to-video, lora]", "---", "",
        f"# {name}", "",
        "A ReasonDiff adapter: an AlignFormer and a LoRA with which an image-to-video model tells a story in which the "
        "image appears at its own moment, not necessarily the first one.", "",
        f"Trained on `{info.base_model}`, {info.interval:g} s between frames.", "",
        "```python",
        "from reasondiff import ReasonDiffPipeline",
        "",
        f'pipe = ReasonDiffPipeline.from_pretrained("{info.base_model}")',
        f'pipe.load_adapter("{name}")',
        "```",
    ]  # fmt: skip
    if info.scores:
        lines += [
            "",
            "| score | value |",
            "|---|---|",
            *(f"| {score} | {value:g} |" for score, value in info.scores.items()),
        ]
    if info.recipe:
        text = json.dumps(info.recipe, indent=2, ensure_ascii=False)
        lines += ["", "Training recipe:", "", "```json", text, "```"]
    return "\n".join([*lines, ""])


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)
