"""Verdicts to be checked by eye: videos of an evaluation as film strips, each with what the oracle says of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from reasondiff.evaluation.runner import METHODS, PAIRED, Result, video_path
from reasondiff.media import SheetRow, contact_sheet, read_video
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import Case
from reasondiff.storyworld.render import draw_frame

__all__ = ["some_verdicts", "verdict_sheet"]

_TITLES = {method.name: method.title for method in (*METHODS, PAIRED)}
_COLUMNS = 11


def some_verdicts(results: Sequence[Result], count: int) -> list[Result]:
    """``count`` results, half of them passed where there are enough of both; always the same ones, in table order."""
    rng = random.Random(0)
    passed, failed = ([r for r in results if r.passed == verdict] for verdict in (True, False))
    half = max(count // 2, count - len(failed))
    picked = rng.sample(passed, min(half, len(passed)))
    picked += rng.sample(failed, min(count - len(picked), len(failed)))
    return [result for result in results if result in picked]


def verdict_sheet(results: Sequence[Result], cases: Sequence[Case], folder: Path, path: Path) -> None:
    """Draw a PNG with one row per result: the given image, the frames, the verdict.

    Args:
        results: of an evaluation in ``folder``.
        cases: those that were evaluated.
        folder: with the videos.
        path: ends in ``.png``.

    Raises:
        InputError: no results, or a video that is gone.
    """
    known = {case.number: case for case in cases}

    def rows() -> Iterator[SheetRow]:
        for result in results:
            case = known[result.case]
            given: Image.Image = draw_frame(case.take, case.anchor_frame)
            prompt = captions.user_prompt(case.take, case.rng("prompt"))
            yield SheetRow(
                title=f"case {case.number}, {_TITLES[result.method]}: {case.take.story.object}; {prompt}",
                frames=read_video(video_path(folder, result)).frames,
                anchor=result.position,
                verdict=result.verdict,
                passed=result.passed,
                given=given,
            )

    contact_sheet(rows(), path, title="The oracle's verdicts", columns=_COLUMNS)
