"""Whether a benchmark's folder is whole: what is missing, what was changed, what does not belong there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.evaluation.bench.layout import MANIFEST, read_manifest
from reasondiff.evaluation.suites.benchmark_folder import read_rows_of

__all__ = ["check_benchmark"]


def check_benchmark(folder: Path) -> list[str]:
    """A sentence per fault; none where the benchmark is as it was built.

    Raises:
        InputError: the folder is no finished benchmark, or one of another version.
    """
    manifest = read_manifest(folder)
    faults = _files(folder, manifest.get("files", {}))
    try:
        cases = read_rows_of(folder / "cases.jsonl", "id", "image", "prompt", "seed", "reference")
        truths = read_rows_of(folder / "truth.jsonl", "id", "frame", "frames", "captions")
    except InputError as error:
        return [*faults, str(error)]
    faults += _order([str(row["id"]) for row in cases], [str(row["id"]) for row in truths], manifest)
    known = {str(row["id"]): row for row in truths}
    for row in cases:
        faults += _case(folder, row, known.get(str(row["id"])))
    return faults


def _files(folder: Path, hashes: dict[str, str]) -> list[str]:
    faults = []
    for name, told in hashes.items():
        path = folder / name
        if not path.is_file():
            faults.append(f"{name} is missing.")
        elif file_hash(path) != told:
            faults.append(f"{name} is not the one that was built.")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    faults += [f"{name} does not belong to the benchmark." for name in sorted(there - {*hashes, MANIFEST, ".lock"})]
    return faults


def _order(cases: list[str], truths: list[str], manifest: dict[str, object]) -> list[str]:
    faults = []
    if cases != manifest.get("ids"):
        faults.append("cases.jsonl has other ids than the manifest.")
    if truths != cases:
        faults.append("truth.jsonl has other ids than cases.jsonl.")
    if len(set(cases)) < len(cases):
        faults.append("cases.jsonl has an id twice.")
    return faults


def _case(folder: Path, row: dict[str, Any], truth: dict[str, Any] | None) -> list[str]:
    """What a case lacks."""
    name, faults = row["id"], []
    if not str(row["prompt"]).strip():
        faults.append(f"Case {name} has no prompt.")
    if not (folder / str(row["image"])).is_file():
        faults.append(f"Case {name} has no image, {row['image']} is missing.")
    if truth is None or row["reference"] is None:
        return faults
    frames = sorted((folder / str(row["reference"]["frames"])).glob("*.png"))
    if len(frames) != truth["frames"]:
        faults.append(f"Case {name} has {len(frames)} reference frames of {truth['frames']}.")
    if truth["captions"] and len(truth["captions"]) != truth["frames"]:
        faults.append(f"Case {name} has {len(truth['captions'])} captions for {truth['frames']} frames.")
    return faults
