"""A benchmark that lies in a folder, as a suite.

    cases.jsonl      a case per line: id, image, prompt, seed
    truth.jsonl      what is true of each, hidden from every method: id, frame, frames, captions
    manifest.json    what it was built from

``frame`` is the given image's, 0-based, of the ``frames`` of the true clip; ``captions`` has one per frame of it. Paths
are relative to the folder. A folder without ``truth.jsonl`` has cases of which nothing is known but image and text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.evaluation.suites.base import Case, Judgement, Stratum
from reasondiff.media import load_image
from reasondiff.narrative import Narrative

__all__ = ["BenchmarkFolder"]


@dataclass(frozen=True)
class BenchmarkFolder:
    """The cases of a folder.

    Args:
        folder: has ``cases.jsonl``.

    Raises:
        InputError: there is none, or a line of it is no case.
    """

    folder: Path
    strata: tuple[Stratum, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @cached_property
    def _truth(self) -> dict[str, dict[str, Any]]:
        path = self.folder / "truth.jsonl"
        return {str(row["id"]): row for row in _lines(path, "id")} if path.exists() else {}

    def cases(self) -> list[Case]:
        return [self._case(row) for row in _lines(self.folder / "cases.jsonl", "id", "image", "prompt")]

    def judge(self, case: Case, frames: np.ndarray, anchor_frame: int | None) -> Judgement | None:
        return None

    def fingerprint(self) -> Mapping[str, object]:
        names = ("cases.jsonl", "truth.jsonl", "manifest.json")
        return {name: file_hash(self.folder / name) for name in names if (self.folder / name).exists()}

    def _case(self, row: dict[str, Any]) -> Case:
        return Case(
            id=str(row["id"]),
            image=load_image(self.folder / str(row["image"])),
            prompt=str(row["prompt"]),
            seed=int(row.get("seed", 0)),
            true_narrative=self._story(str(row["id"])),
        )

    def _story(self, case: str) -> Narrative | None:
        truth = self._truth.get(case)
        if truth is None or not truth.get("captions"):
            return None
        try:
            return Narrative.from_descriptions([str(text) for text in truth["captions"]], int(truth["frame"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The truth of case {case!r} cannot be used ({error}); build the benchmark again."
            ) from None


def _lines(path: Path, *keys: str) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file, each with these keys."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "its text is not UTF-8"
        raise InputError(f"{str(path)!r} cannot be read ({reason}); give a benchmark's folder.") from None
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or (missing := [key for key in keys if key not in row]):
            lacks = "is no object" if not isinstance(row, dict) else f"has no {missing[0]!r}"
            raise InputError(f"Line {number} of {str(path)!r} {lacks}; build the benchmark again.")
        rows.append(row)
    return rows
