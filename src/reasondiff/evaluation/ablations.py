"""Ablations that need no training: ReasonDiff with another text, another place, another story."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.systems import ReasonDiffSystem
from reasondiff.narrative import Clip, Narrative

__all__ = ["ABLATIONS", "in_segments", "with_errors", "with_wrong_position"]

NOTHING_SAID = "Something in the same scene."
"""Stands where a description was lost."""

FRAMES_LOST = 4
"""Those that one latent frame of Wan's VAE holds, from frame 1 on; a shorter loss would be outvoted within it."""


def with_wrong_position(narrative: Narrative, case: Case) -> Narrative:
    """The story with the image half a clip away from where the narrator put it."""
    frame = (narrative.anchor_frame + narrative.num_frames // 2) % narrative.num_frames
    return narrative.with_anchor(frame)


def with_errors(narrative: Narrative, case: Case) -> Narrative:
    """With probability 0.5, drawn by the case's seed, the story with the descriptions of three latent frames lost."""
    rng = random.Random(f"narrator-error/{case.seed}")
    if rng.random() < 0.5:
        return narrative
    latent_frames = range(1, narrative.num_frames - FRAMES_LOST + 1, FRAMES_LOST)
    descriptions = list(narrative.per_frame())
    for start in rng.sample(latent_frames, min(3, len(latent_frames))):
        descriptions[start : start + FRAMES_LOST] = [NOTHING_SAID] * FRAMES_LOST
    told = Narrative.from_descriptions(descriptions, narrative.anchor_frame)
    return replace(narrative, clips=told.clips)


def in_segments(count: int, narrative: Narrative, case: Case) -> Narrative:
    """The story in ``count`` clips of one length, each with the description of its middle frame."""
    frames = narrative.num_frames
    count = min(count, frames)
    edges = [round(segment * frames / count) for segment in range(count + 1)]
    clips = []
    for start, end in pairwise(edges):
        clips.append(Clip(start, end, narrative.clip_at((start + end) // 2).description))
    return replace(narrative, clips=tuple(clips))


def _segmented(count: int) -> ReasonDiffSystem:
    return ReasonDiffSystem(
        f"segments-{count}",
        f"ReasonDiff, {count} segments" if count > 1 else "ReasonDiff, one segment",
        edit=lambda narrative, case: in_segments(count, narrative, case),
    )


ABLATIONS: tuple[ReasonDiffSystem, ...] = (
    ReasonDiffSystem("text-single", "ReasonDiff, the user's text only", text_mode="single"),
    ReasonDiffSystem("text-joined", "ReasonDiff, narrative in one prompt", text_mode="joined"),
    ReasonDiffSystem("text-mean", "ReasonDiff, mean of a latent frame's texts", text_mode="mean"),
    ReasonDiffSystem("text-concat", "ReasonDiff, all texts in one context", text_mode="concat"),
    ReasonDiffSystem("wrong-position", "ReasonDiff, image half a clip away", edit=with_wrong_position),
    ReasonDiffSystem("narrator-error", "ReasonDiff, descriptions lost", edit=with_errors),
    *(_segmented(count) for count in (1, 2, 3, 5)),
)
"""The user's own story is the system ``truth``; no AlignFormer and no LoRA, ``framewise``."""
