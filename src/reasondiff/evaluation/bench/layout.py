"""What a benchmark's folder holds, and how it is written.

    cases.jsonl      a case per line: id, image, prompt, seed, reference (frames, caption)
    images/          the given image of every case
    reference/ID/    the frames of the true clip, 00.png on
    truth.jsonl      what no method is told, a line per case: id, frame (0-based), frames, captions, ...
    captions.jsonl   what a captioner said of frames, where one was asked
    manifest.json    what it was built from and by what, and the SHA-256 of every file; written last

Nothing in it depends on the machine or the hour, so that the same source gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.files import atomic_path

__all__ = ["FORMAT", "MANIFEST", "Built", "BuiltCase", "left_out_of", "read_manifest", "write_benchmark"]

FORMAT = 1
"""Of the folder. One that another number wrote is refused, and built again."""

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class BuiltCase:
    """A case with all that is true of it.

    Args:
        id: names its files.
        image: that is given, RGB.
        prompt: that is given.
        seed: of every video that is made of it.
        frames: of the true clip, uint8 [frames, height, width, 3]; None where there is none.
        fps: at which they are shown.
        caption: of the whole clip; empty where nothing tells it.
        captions: one per true frame; none where nothing tells them.
        frame: of the true clip that the image is, 0-based; None where that is not known.
        style: a text that belongs to every caption.
        strata: groups that the case is counted in.
        origin: where it comes from, for people and for ``bench check``.
        world: which drawn story it is; empty for all others.

    Raises:
        InputError: there is no prompt. Nothing is put in its place.
    """

    id: str
    image: Image.Image = field(repr=False)
    prompt: str
    seed: int
    frames: np.ndarray | None = field(default=None, repr=False)
    fps: float | None = None
    caption: str = ""
    captions: tuple[str, ...] = ()
    frame: int | None = None
    style: str = ""
    strata: Mapping[str, str | bool] = field(default_factory=dict)
    origin: str = ""
    world: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InputError(f"The case {self.id!r} ({self.origin}) has no prompt; give its video a caption.")
        if self.frames is not None and self.captions and len(self.captions) != len(self.frames):
            raise InputError(
                f"The case {self.id!r} has {len(self.captions)} captions for {len(self.frames)} frames; "
                "give one for each."
            )


@dataclass(frozen=True)
class Built:
    """What a builder makes of a source.

    Args:
        cases: one after the other, so that only one clip is in memory.
        settings: that decide them.
        source: what they were built from; nothing that depends on where it lies.
        strata: groups that a table shows: a title, a key of ``BuiltCase.strata`` and its value.
        left_out: videos that could not be used, each with its reason; complete when the cases have been gone through.
        total: how many cases there will be.
    """

    cases: Iterable[BuiltCase]
    settings: Mapping[str, object]
    source: Mapping[str, object]
    total: int
    strata: Sequence[tuple[str, str, str | bool]] = ()
    left_out: Sequence[tuple[str, str]] = ()


def write_benchmark(
    folder: Path, name: str, built: Built, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Write a benchmark; the manifest comes last, so that a folder with one is complete.

    Args:
        folder: new, of a build that was stopped, or of the same benchmark with the same settings.
        name: of the benchmark.
        built: by a builder.
        progress: called with the number of cases that are written, and of all.

    Returns:
        How many cases it has.

    Raises:
        InputError: the folder holds another benchmark, or a case cannot be used.
    """
    _check_place(folder, name, built)
    (folder / MANIFEST).unlink(missing_ok=True)
    cases: list[dict[str, object]] = []
    truths: list[dict[str, object]] = []
    hashes: dict[str, str] = {}
    for number, case in enumerate(built.cases, 1):
        cases.append(_case_row(case))
        truths.append(_truth_row(case))
        hashes |= _write_images(folder, case)
        progress(number, built.total)
    for file, rows in (("cases.jsonl", cases), ("truth.jsonl", truths)):
        _write(folder / file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
        hashes[file] = file_hash(folder / file)
    if (folder / "captions.jsonl").exists():
        hashes["captions.jsonl"] = file_hash(folder / "captions.jsonl")
    _remove_others(folder, set(hashes))
    manifest = {
        "format": FORMAT,
        "benchmark": name,
        "builder": "reasondiff bench build",
        "settings": dict(built.settings),
        "source": dict(built.source),
        "ids": [row["id"] for row in cases],
        "seeds": [row["seed"] for row in cases],
        "strata": [{"title": title, "key": key, "value": value} for title, key, value in built.strata],
        "left_out": [{"row": row, "reason": reason} for row, reason in built.left_out],
        "files": dict(sorted(hashes.items())),
    }
    _write(folder / MANIFEST, (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())
    return len(cases)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished benchmark.

    Raises:
        InputError: there is none, it is damaged, or another version of the builder wrote the folder.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["format"]
    except FileNotFoundError:
        raise InputError(
            f"{str(folder)!r} is no finished benchmark, for it has no {MANIFEST}; run its 'bench build' to the end."
        ) from None
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(f"{str(path)!r} is damaged; build the benchmark again.") from None
    if version != FORMAT:
        raise InputError(
            f"{str(folder)!r} is a benchmark of format {version}, and this program reads {FORMAT}; build it again."
        )
    return dict(manifest)


def left_out_of(manifest: Mapping[str, Any]) -> list[str]:
    """A sentence per reason for which videos were left out of a benchmark, the commonest first."""
    rows: dict[str, list[str]] = {}
    for each in manifest.get("left_out", ()):
        rows.setdefault(each["reason"].partition(": ")[0], []).append(each["row"])
    ordered = sorted(rows.items(), key=lambda group: (-len(group[1]), group[0]))
    return [
        f"{len(names)} left out, because {reason}: {names[0]}{' ...' * (len(names) > 1)}" for reason, names in ordered
    ]


def _check_place(folder: Path, name: str, built: Built) -> None:
    if not (folder / MANIFEST).exists():
        if folder.exists() and any(folder.iterdir()) and not _begun(folder):
            raise InputError(f"{str(folder)!r} holds other files; give a new folder.")
        folder.mkdir(parents=True, exist_ok=True)
        return
    before = read_manifest(folder)
    asked = json.loads(json.dumps(dict(built.settings)))
    if (before["benchmark"], before["settings"]) != (name, asked):
        raise InputError(
            f"{str(folder)!r} holds the benchmark {before['benchmark']!r} with other settings; give a new folder."
        )


def _begun(folder: Path) -> bool:
    """Whether all that a folder holds is what a build that was stopped leaves behind."""
    ours = {"images", "reference", "cases.jsonl", "truth.jsonl", "captions.jsonl", ".lock"}
    return {path.name for path in folder.iterdir()} <= ours


def _case_row(case: BuiltCase) -> dict[str, object]:
    reference = None
    if case.frames is not None:
        reference = {"frames": f"reference/{case.id}", "caption": case.caption}
    return {
        "id": case.id,
        "image": f"images/{case.id}.png",
        "prompt": case.prompt,
        "seed": case.seed,
        "reference": reference,
    }


def _truth_row(case: BuiltCase) -> dict[str, object]:
    row: dict[str, object] = {
        "id": case.id,
        "frame": case.frame,
        "frames": 0 if case.frames is None else len(case.frames),
        "captions": list(case.captions),
        "fps": case.fps,
        "strata": dict(case.strata),
        "origin": case.origin,
    }
    if case.style:
        row["style"] = case.style
    if case.world:
        row["world"] = dict(case.world)
    return row


def _write_images(folder: Path, case: BuiltCase) -> dict[str, str]:
    """Write the given image and the true frames; returns their hashes by their path in the folder."""
    images = {f"images/{case.id}.png": case.image}
    for number, frame in enumerate(case.frames if case.frames is not None else ()):
        images[f"reference/{case.id}/{number:02d}.png"] = Image.fromarray(frame)
    hashes = {}
    for path, image in images.items():
        encoded = BytesIO()
        image.save(encoded, format="PNG", compress_level=6)
        _write(folder / path, encoded.getvalue())
        hashes[path] = hashlib.sha256(encoded.getvalue()).hexdigest()
    return hashes


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        partial.write_bytes(content)


def _remove_others(folder: Path, names: set[str]) -> None:
    """Take away images of an earlier, stopped build that this one does not have."""
    for place in (folder / "images", folder / "reference"):
        for path in sorted(place.rglob("*.png")) if place.is_dir() else ():
            if path.relative_to(folder).as_posix() not in names:
                path.unlink()
    for path in (folder / "reference").glob("*"):
        if path.is_dir() and not any(path.iterdir()):
            shutil.rmtree(path)
