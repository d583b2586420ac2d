"""What a model in training can do: a few unseen clips through the real pipeline, judged and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reasondiff.media.film_strip import film_strips
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import Case, cases
from reasondiff.storyworld.judges import judge_story
from reasondiff.storyworld.render import draw_frame

__all__ = ["judged_previews"]


def judged_previews(
    pipe: ReasonDiffPipeline, folder: Path, *, count: int = 24, batch: int = 8, **options: Any
) -> dict[str, float]:
    """Generate unseen cases from their true narratives and let both judges judge them.

    Args:
        pipe: with the weights as they are.
        folder: where ``generated.png`` goes, a clip per row.
        options: for the pipeline; with ``anchor="first"`` the image is the clip's first frame.

    Returns:
        The share of stories that both judges pass.
    """
    pipe.set_progress_bar_config(disable=True)
    drawn = cases(count, split="validation")
    at_start = options.get("anchor") == "first"
    frames = [0 if at_start else case.anchor_frame for case in drawn]
    videos: list[np.ndarray] = []
    for start in range(0, count, batch):
        some = range(start, min(count, start + batch))
        images = [draw_frame(drawn[k].take, frames[k]) for k in some]
        stories = [true_narrative(drawn[k], frames[k]) for k in some]
        output = pipe(images, narrative=stories, seed=list(range(start, some.stop)), output_type="uint8", **options)
        videos.extend(output.frames)
    verdicts = [
        judge_story(video, case.take.story, frame, np.asarray(draw_frame(case.take, frame)))
        for video, case, frame in zip(videos, drawn, frames, strict=True)
    ]
    film_strips(videos[:12], folder / "generated.png")
    return {"story_success": sum(verdict.passed for verdict in verdicts) / count}


def true_narrative(case: Case, frame: int) -> Narrative:
    """The true story of a case, worded from its own stream."""
    return captions.narrative(case.take, frame, case.rng("narrative"))
