"""Cases of one's own: images with their texts, and no true clip."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.evaluation.bench.layout import Built, BuiltCase
from reasondiff.media import load_image
from reasondiff.narrator.batch import Row, read_rows

__all__ = ["GivenImagesBuilder"]


@dataclass(frozen=True)
class GivenImagesBuilder:
    """What ``reasondiff narrate`` takes as a batch: a table of images and prompts, or a folder with both.

    A case is called like its image, ``open-book`` for ``open-book.png``; an image with several texts has one case for
    each, ``vase-1``, ``vase-2``.

    Args:
        source: a CSV or JSON Lines file with the columns ``image`` and ``prompt``, or a folder with a
            ``prompts.csv``, or one with ``x.txt`` beside ``x.png``.
        count: only the first ones; None takes all.
    """

    source: Path
    count: int | None = None

    def build(self) -> Built:
        """Read the table.

        Raises:
            InputError: it cannot be read, a row of it has no image or no text, or it has too few.
        """
        rows = read_rows(self.source, num_frames=1, interval=1.0)
        count = len(rows) if self.count is None else self.count
        if not 1 <= count <= len(rows):
            raise InputError(f"{str(self.source)!r} has {len(rows)} cases, not {count}; give --cases 1 to {len(rows)}.")
        rows = rows[:count]
        for number, row in enumerate(rows, 1):
            if row.fault:
                raise InputError(f"Row {number} of {str(self.source)!r} is no case: {row.fault}")
            if not Path(row.image).is_file():
                raise InputError(f"Row {number} of {str(self.source)!r} is no case: there is no image {row.image!r}.")
        return Built(
            cases=(_case(name, number, row) for number, (name, row) in enumerate(_named(rows))),
            settings={"cases": count},
            source={name: {"image": file_hash(Path(row.image)), "prompt": row.prompt} for name, row in _named(rows)},
            total=count,
        )


def _named(rows: list[Row]) -> list[tuple[str, Row]]:
    """Every row with the name of its case.

    Raises:
        InputError: two images of other folders or suffixes are called alike.
    """
    texts = Counter(row.image for row in rows)
    seen: Counter[str] = Counter()
    named: dict[str, Row] = {}
    for row in rows:
        seen[row.image] += 1
        name = Path(row.image).stem
        name = f"{name}-{seen[row.image]}" if texts[row.image] > 1 else name
        if name in named:
            raise InputError(
                f"{named[name].image!r} and {row.image!r} would both be the case {name!r}; rename one of them."
            )
        named[name] = row
    return list(named.items())


def _case(name: str, number: int, row: Row) -> BuiltCase:
    return BuiltCase(name, load_image(row.image), row.prompt, seed=number, origin=Path(row.image).name)
