"""The released research code's tables: ``file_name,text`` where the text is one caption per frame, joined by ``|``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reasondiff.data.formats.base import Row

__all__ = ["split_frame_captions"]

_FEWEST = 5
"""Frames of the shortest clip that a causal VAE with stride 4 packs; a caption with four bars in it is rare."""


def split_frame_captions(name: str, rows: Sequence[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """Captions per frame, where a table has them.

    It has them if most of its captions have the same number of parts between bars, 5 or more and a multiple of 4 plus
    one. Then a row with another number cannot be used, because which bar belongs to a caption cannot be known. In any
    other table a bar is a character like others.

    Args:
        name: of the table.
        rows: of the table, with a caption each.

    Returns:
        The rows, and what a person should read.
    """
    counts = Counter(row.captions[0].count("|") + 1 for row in rows if len(row.captions) == 1)
    usual, many = max(counts.items(), key=lambda item: item[1], default=(1, 0))
    is_usual_of_most = 2 * many > sum(counts.values())
    if is_usual_of_most and usual >= _FEWEST and usual % 4 == 1:
        note = f"{name!r} has {usual} captions a video, joined by '|': one per frame of a clip that is already sampled."
        return [_split(row, usual) for row in rows], (note,)
    captions = [caption for row in rows for caption in row.captions]
    bars = sum("|" in caption for caption in captions)
    if not bars:
        return list(rows), ()
    return list(rows), (f"{bars} captions in {name!r} hold a '|', which is kept as it is.",)


def _split(row: Row, count: int) -> Row:
    if row.problem or not row.captions:
        return row
    parts = tuple(part.strip() for part in row.captions[0].split("|"))
    if len(parts) != count:
        return replace(row, problem=f"a '|' within a caption, or one missing: {len(parts)} parts, others {count}")
    if not all(parts):
        return replace(row, problem="one of its frames has an empty caption")
    return replace(row, captions=(), frame_captions=parts)
