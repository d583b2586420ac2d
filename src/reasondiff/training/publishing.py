"""What a finished run adds to the adapter that it made: how it was made, in files that a reader can look at.

adapter.json      the recipe and the last validation's scores
README.md         a model card: command, data, recipe, curve, validation, hashes, scores
curve.png         the loss over the steps
validation.png    the last validation's sheet, where there is one
data.json         the manifest of the data, where it was an encoded set
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from reasondiff.backends.wan.adapter_file import AdapterInfo, model_card
from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.media.curve import draw_curve
from reasondiff.training.log import Row, read_log

__all__ = ["complete_adapter", "push_adapter"]

_ADDED = ("curve.png", "validation.png", "data.json")


def complete_adapter(folder: Path, run: Path, *, recipe: Mapping[str, Any], command: str) -> AdapterInfo:
    """Add to an adapter what its run knows.

    Args:
        folder: of the adapter.
        run: that made it.
        recipe: as the run's ``recipe.json`` has it.
        command: as it was given.

    Raises:
        CheckpointError: the folder is no adapter, or a weight of it is not what was written.
    """
    rows = read_log(run)
    info = replace(AdapterInfo.read(folder), recipe=dict(recipe), scores=_scores(rows))
    losses = [(float(row["step"]), row["loss"]) for row in rows if isinstance(row.get("loss"), float)]
    if losses:
        draw_curve(losses, folder / "curve.png", title=f"Loss of {recipe['recipe']}")
    if (sheet := _last_sheet(run)) is not None:
        _copy(sheet, folder / "validation.png")
    if (manifest := Path(str(recipe.get("data") or ""), "manifest.json")).is_file():
        _copy(manifest, folder / "data.json")
    with atomic_path(folder / "adapter.json") as partial:
        partial.write_text(json.dumps(asdict(info), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    there = [name for name in _ADDED if (folder / name).is_file()]
    with atomic_path(folder / "README.md") as partial:
        card = model_card(info, folder.name) + "\n".join([*_sections(info, there, command), ""])
        partial.write_text(card, encoding="utf-8")
    return info


def push_adapter(folder: Path, repo_id: str, *, private: bool | None = None) -> str:
    """Publish a finished adapter's folder as it is.

    Who you are is read from HF_TOKEN or ``hf auth login``.

    Args:
        folder: of the adapter.
        repo_id: ``owner/name``; made if it does not exist.
        private: whether a new repository is private.

    Returns:
        The commit's address.

    Raises:
        CheckpointError: it is no adapter, or damaged.
        InputError: the base model is a folder, which nobody else has, or the hub does not take it.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    # OSError, and whatever the HTTP library of the hub's client raises.
    faults = cast(tuple[type[Exception], ...], HfHubHTTPError.__bases__)
    info = AdapterInfo.read(folder)
    if Path(info.base_model).exists():
        raise InputError(f"The base model {info.base_model!r} is a folder, which nobody else has; leave --push out.")
    api = HfApi()
    try:
        repo = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        card = folder / "README.md"
        text = card.read_text(encoding="utf-8")
        with atomic_path(card) as partial:  # it is loaded by the name that it has there
            partial.write_text(_renamed(text, folder.name, repo), encoding="utf-8")
        return str(api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Upload ReasonDiff adapter"))
    except faults as error:
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise InputError(
            f"The adapter {str(folder)!r} is finished, and could not be published as {repo_id!r} ({reason}); check the "
            "name and the login ('hf auth login' or HF_TOKEN), and give the same command again."
        ) from error


def _renamed(card: str, old: str, new: str) -> str:
    return card.replace(f"# {old}\n", f"# {new}\n", 1).replace(f'load_adapter("{old}")', f'load_adapter("{new}")')


def _scores(rows: Sequence[Row]) -> dict[str, float]:
    """Of the last validation."""
    found = [row["validation"] for row in rows if isinstance(row.get("validation"), dict)]
    return {name: float(value) for name, value in (found[-1] if found else {}).items() if value is not None}


def _last_sheet(run: Path) -> Path | None:
    sheets = sorted((run / "validation").glob("[0-9]*/*.png"))
    return sheets[-1] if sheets else None


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as partial:
        shutil.copyfile(source, partial)


def _sections(info: AdapterInfo, there: Sequence[str], command: str) -> list[str]:
    lines = ["", "## How it was made", "", "```sh", command, "```"]
    if "curve.png" in there:
        lines += ["", "![The loss over the steps](curve.png)"]
    if "validation.png" in there:
        lines += ["", "The last validation:", "", "![Videos of the last validation](validation.png)"]
    if "data.json" in there:
        lines += ["", "[data.json](data.json) says what it was trained on."]
    lines += ["", "| file | SHA-256 |", "|---|---|"]
    return [*lines, *(f"| {name} | `{value}` |" for name, value in info.hashes.items())]
