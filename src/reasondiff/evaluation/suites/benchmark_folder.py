"""A benchmark that lies in a folder, as a suite; ``evaluation/bench`` builds such folders.

    cases.jsonl      a case per line: id, image, prompt, seed, reference (frames, caption)
    truth.jsonl      what is true of each, hidden from every method: id, frame, frames, captions
    manifest.json    what it was built from

``frame`` is the given image's, 0-based, of the ``frames`` of the true clip; ``captions`` has one per frame of it. Paths
are relative to the folder. A folder without ``truth.jsonl`` has cases of which nothing is known but image and text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.evaluation.bench.layout import MANIFEST, read_manifest
from reasondiff.evaluation.suites.base import Case, Judgement, Stratum
from reasondiff.evaluation.suites.storyworld import judgement_of, judges_hashes, with_agent, world_hash
from reasondiff.media import load_image
from reasondiff.narrative import Narrative
from reasondiff.storyworld import dataset
from reasondiff.storyworld.stories import Take

__all__ = ["BenchmarkFolder", "read_rows_of"]


@dataclass(frozen=True)
class BenchmarkFolder:
    """The cases of a folder.

    Args:
        folder: has ``cases.jsonl``.
        first: so many of its cases; None for all. A run of some may go on with more.

    Raises:
        InputError: there is none, a line of it is no case, or there are fewer.
    """

    folder: Path
    first: int | None = None

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @cached_property
    def _truth(self) -> dict[str, dict[str, Any]]:
        path = self.folder / "truth.jsonl"
        return {str(row["id"]): row for row in read_rows_of(path, "id")} if path.exists() else {}

    @cached_property
    def strata(self) -> Sequence[Stratum]:
        """The groups that the manifest names."""
        told = self._manifest.get("strata", ())
        try:
            return tuple(Stratum(each["title"], each["key"], each["value"]) for each in told)
        except (KeyError, TypeError):
            path = str(self.folder / MANIFEST)
            raise InputError(f"{path!r} is damaged; build the benchmark again.") from None

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        """Of a folder that 'bench build' wrote, in this version of the format; nothing where there is none."""
        return read_manifest(self.folder) if (self.folder / MANIFEST).exists() else {}

    @cached_property
    def drawn(self) -> Mapping[str, Take]:
        """The drawn stories by case; empty for a benchmark of other clips, which nobody can judge."""
        told = {name: row["world"] for name, row in self._truth.items() if row.get("world")}
        return {name: _take(name, world) for name, world in told.items()}

    @property
    def has_judge(self) -> bool:
        return bool(self.drawn)

    def cases(self) -> list[Case]:
        _ = self._manifest  # a folder of another version is refused before its lines are understood otherwise
        rows = read_rows_of(self.folder / "cases.jsonl", "id", "image", "prompt")
        if self.first is not None and not 1 <= self.first <= len(rows):
            raise InputError(f"{str(self.folder)!r} has {len(rows)} cases; give --cases 1 to {len(rows)}.")
        return [self._case(row) for row in rows[: self.first]]

    def judge(self, case: Case, frames: np.ndarray, anchor_frame: int | None) -> Judgement | None:
        take = self.drawn.get(case.id)
        return None if take is None else judgement_of(take, case, frames, anchor_frame)

    def fingerprint(self) -> Mapping[str, object]:
        names = ("cases.jsonl", "truth.jsonl", MANIFEST)
        hashes: dict[str, object] = {}
        for name in names:
            if (self.folder / name).exists():
                hashes[name] = file_hash(self.folder / name)
        if self.has_judge:
            hashes["world"] = world_hash()
        return hashes

    def judged_by(self) -> Mapping[str, object]:
        return judges_hashes() if self.has_judge else {}

    def _case(self, row: dict[str, Any]) -> Case:
        name = str(row["id"])
        truth = self._truth.get(name, {})
        return Case(
            id=name,
            image=load_image(self.folder / str(row["image"])),
            prompt=str(row["prompt"]),
            seed=int(row.get("seed", 0)),
            strata=dict(truth.get("strata", {})),
            true_narrative=self._story(name),
            read_reference=self._reference(row),
        )

    def _reference(self, row: dict[str, Any]) -> Callable[[], np.ndarray] | None:
        reference = row.get("reference")
        if not reference:
            return None
        return partial(_read_frames, str(row["id"]), self.folder / str(reference["frames"]))

    def _story(self, case: str) -> Narrative | None:
        truth = self._truth.get(case)
        if truth is None or not truth.get("captions"):
            return None
        told: dict[str, Any] = {"style": truth["style"]} if truth.get("style") else {}
        if truth.get("fps"):
            told["interval"] = 1 / float(truth["fps"])
        try:
            return Narrative.from_descriptions([str(text) for text in truth["captions"]], int(truth["frame"]), **told)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The truth of case {case!r} cannot be used ({error}); build the benchmark again."
            ) from None


def _take(case: str, world: Mapping[str, Any]) -> Take:
    """The drawn story of a case, which its number tells; it is the same in sets of every size."""
    try:
        number = int(world["number"])
        take = dataset.case(number, split=str(world["split"]), level=str(world["level"])).take
        return with_agent(take, str(world["agent"])) if "agent" in world else take
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"The world of case {case!r} cannot be used ({error}); build the benchmark again.") from None


def _read_frames(case: str, folder: Path) -> np.ndarray:
    """The frames of a true clip, uint8 [frames, height, width, 3].

    Raises:
        InputError: there are none, or one of another size; no other frames take their place.
    """
    files = sorted(folder.glob("*.png"))
    frames = [np.asarray(load_image(file)) for file in files]
    if not frames or any(frame.shape != frames[0].shape for frame in frames):
        raise InputError(f"The reference frames of case {case!r} are missing or damaged; run 'bench check'.")
    return np.stack(frames)


def read_rows_of(path: Path, *keys: str) -> list[dict[str, object]]:
    """The objects of a JSON Lines file, each with these keys.

    Raises:
        InputError: there is no such file, or a line of it is something else.
    """
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
