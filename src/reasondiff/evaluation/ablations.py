"""Ablations: ReasonDiff with another text, place or story, and with weights that were trained otherwise."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from reasondiff.checkpoints import model_hashes
from reasondiff.errors import CheckpointError
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.systems import METHODS, ReasonDiffSystem
from reasondiff.narrative import Clip, Narrative
from reasondiff.narrative.frame_plan import TextMode

__all__ = [
    "ABLATIONS",
    "NEAR_ANCHOR",
    "TRAINED_VARIANTS",
    "TrainedVariant",
    "in_segments",
    "with_errors",
    "with_wrong_position",
]

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


def _called(method: str, name: str, title: str) -> ReasonDiffSystem:
    """One of the main table's methods by the name that it has in the paper's ablations."""
    return next(replace(system, name=name, title=title) for system in METHODS if system.name == method)


ABLATIONS: tuple[ReasonDiffSystem, ...] = (
    _called("joined", "rewrite-prompt", "Rewrite prompt"),
    _called("framewise", "training-free", "ReasonDiff, training-free"),
    _called("truth", "oracle-narrative", "ReasonDiff, true narrative"),
    ReasonDiffSystem("text-single", "ReasonDiff, the user's text only", text_mode="single"),
    ReasonDiffSystem("text-joined", "ReasonDiff, narrative in one prompt", text_mode="joined"),
    ReasonDiffSystem("text-mean", "ReasonDiff, mean of a latent frame's texts", text_mode="mean"),
    ReasonDiffSystem("concat-context", "ReasonDiff, all texts in one context", text_mode="concat"),
    ReasonDiffSystem("wrong-position", "ReasonDiff, image half a clip away", edit=with_wrong_position),
    ReasonDiffSystem("narrator-error", "ReasonDiff, descriptions lost", edit=with_errors),
    *(_segmented(count) for count in (1, 2, 3, 5)),
)
"""Those that need no training and that every model knows. A segment per frame is ReasonDiff itself, whose latent frames
read the description that most of their frames have, or ``text-mean``, where they read the mean."""

NEAR_ANCHOR = ReasonDiffSystem(
    "image-tokens-near-anchor", "ReasonDiff, image tokens near the image only", image_reach=1
)
"""The image's latent frame and its neighbours alone read the image encoder's tokens. StoryWorld's models have no such
tokens, so it is asked for by its own name."""


@dataclass(frozen=True)
class TrainedVariant:
    """ReasonDiff trained without one of its parts, at equal steps (Sec. 4.3); its narrator is the same.

    Args:
        name: for files and options.
        title: for people.
        recipe: that trains it.
        text_mode: how its transformer reads text.
        folder: of the model that the recipe has written.
    """

    name: str
    title: str
    recipe: str
    text_mode: TextMode = "framewise"
    folder: Path | None = None

    def at(self, place: str) -> TrainedVariant:
        """The variant with its weights.

        Raises:
            CheckpointError: there are none; names the recipe that trains them.
        """
        if not place or not (Path(place) / "model_index.json").is_file():
            where = f"{place!r} is no model's folder" if place else "its weights are not bundled"
            raise CheckpointError(
                f"{self.name!r} is trained by the recipe {self.recipe}, and {where}; give --method {self.name}:FOLDER."
            )
        return replace(self, folder=Path(place))

    def fingerprint(self) -> Mapping[str, object]:
        assert self.folder is not None, "'at' gives it"
        return {"weights": model_hashes(self.folder)}

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        assert self.folder is not None, "'at' gives it"
        system = ReasonDiffSystem(self.name, self.title, text_mode=self.text_mode)
        return system.generate(cases, using.of_model(self.folder))


TRAINED_VARIANTS: tuple[TrainedVariant, ...] = (
    TrainedVariant("no-aux-loss", "w/o Aux. loss", "storyworld-tiny/no-aux-loss"),
    TrainedVariant("no-multi-prompt", "w/o Multi. prompt", "storyworld-tiny/no-multi-prompt", "single"),
    TrainedVariant("no-enhanced-latents", "w/o Enhanced latents", "storyworld-tiny/no-enhanced-latents"),
)
