"""Verdicts to be checked by eye: videos of an evaluation as film strips, each with what the judge says of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reasondiff.evaluation.metrics.story import StorySuccess
from reasondiff.evaluation.rows import Row
from reasondiff.evaluation.runner import video_path
from reasondiff.evaluation.suites.base import Case
from reasondiff.media import SheetRow, contact_sheet, read_video

__all__ = ["some_verdicts", "verdict_sheet"]

_COLUMNS = 11
_SUCCESS = StorySuccess().name


def some_verdicts(rows: Sequence[Row], count: int) -> list[Row]:
    """``count`` rows, half of them passed where there are enough of both; always the same ones, in table order."""
    rng = random.Random(0)
    passed, failed = ([row for row in rows if _passed(row) == verdict] for verdict in (True, False))
    half = max(count // 2, count - len(failed))
    picked = rng.sample(passed, min(half, len(passed)))
    picked += rng.sample(failed, min(count - len(picked), len(failed)))
    return [row for row in rows if row in picked]


def verdict_sheet(
    rows: Sequence[Row], cases: Sequence[Case], titles: Mapping[str, str], folder: Path, path: Path
) -> None:
    """Draw a PNG with one strip per row: the given image, the frames, the verdict.

    Args:
        rows: of an evaluation in ``folder``.
        cases: those that were evaluated.
        titles: of the systems, by name.
        folder: with the videos.
        path: ends in ``.png``.

    Raises:
        InputError: no rows, or a video that is gone.
    """
    known = {case.id: case for case in cases}

    def strips() -> Iterator[SheetRow]:
        for row in rows:
            case = known[row.case]
            yield SheetRow(
                title=f"case {case.id}, {titles[row.system]}: {case.label}; {case.prompt}",
                frames=None if row.failure else read_video(video_path(folder, row)).frames,
                anchor=row.anchor_frame,
                verdict=row.failure or row.verdict,
                passed=_passed(row),
                given=case.image,
            )

    contact_sheet(strips(), path, title="The judge's verdicts", columns=_COLUMNS)


def _passed(row: Row) -> bool:
    return row.values.get(_SUCCESS) == 1
