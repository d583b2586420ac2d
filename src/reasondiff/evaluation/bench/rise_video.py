"""Cases of RISE-Video (arXiv 2602.05986): an image, a text whose outcome must be inferred, and no true clip.

Its data set is a JSON list of samples with ``task_id``, ``image_path``, ``sub_task`` and a text, beside the images.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.evaluation.bench.layout import Built, BuiltCase
from reasondiff.media import load_image

__all__ = ["RiseVideoBuilder"]

_TEXTS = ("text", "prompt", "text_prompt", "video_prompt", "instruction")
"""Keys that the text of a sample may have; exactly one of them is there."""


@dataclass(frozen=True)
class RiseVideoBuilder:
    """The samples of the data set's folder.

    Args:
        source: the folder, with one JSON list of samples, or the JSON itself.
        count: only the first ones; None takes all.
    """

    source: Path
    count: int | None = None

    def build(self) -> Built:
        """Read the list.

        Raises:
            InputError: there is none, or it has too few samples.
        """
        path, samples = _samples(self.source)
        count = len(samples) if self.count is None else self.count
        if not 1 <= count <= len(samples):
            raise InputError(
                f"{str(path)!r} has {len(samples)} samples, not {count}; give --cases 1 to {len(samples)}."
            )
        kinds = sorted({str(sample.get("sub_task", "")) for sample in samples[:count]} - {""})
        return Built(
            cases=(_case(path.parent, number, sample) for number, sample in enumerate(samples[:count])),
            settings={"cases": count},
            source={"json": file_hash(path)},
            total=count,
            strata=tuple((kind, "sub_task", kind) for kind in kinds),
        )


def _samples(source: Path) -> tuple[Path, list[dict[str, object]]]:
    files: Sequence[Path] = sorted(source.glob("*.json")) if source.is_dir() else [source]
    for path in files:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(data, list) and data and all(isinstance(each, dict) and "image_path" in each for each in data):
            return path, data
    raise InputError(f"{str(source)!r} holds no JSON list of samples with an 'image_path'; give RISE-Video's folder.")


def _case(folder: Path, number: int, sample: Mapping[str, Any]) -> BuiltCase:
    task = str(sample.get("task_id", f"sample-{number}"))
    said = [str(sample[key]) for key in _TEXTS if isinstance(sample.get(key), str) and sample[key].strip()]
    if len(said) != 1:
        raise InputError(
            f"The sample {task!r} has {len(said)} texts among the keys {', '.join(sample)}; "
            f"give it one, called {_TEXTS[0]!r}."
        )
    return BuiltCase(
        id=re.sub(r"[^\w.-]", "_", task).lstrip(".-") or f"sample-{number}",
        image=load_image(_inside(folder, str(sample["image_path"]))),
        prompt=said[0],
        seed=number,
        strata={"sub_task": str(sample.get("sub_task", ""))},
        origin=task,
    )


def _inside(folder: Path, name: str) -> Path:
    """A file of the data set; a path that leads out of its folder is not followed."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"The image {name!r} lies outside {str(folder)!r}; give paths within it.")
    return path
