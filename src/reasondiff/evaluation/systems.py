"""Systems: what makes a video of a case. ReasonDiff in its variants, from plain Wan on, are the first ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, Protocol, runtime_checkable

from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import AnchorPlace, Narrative
from reasondiff.narrative.frame_plan import TextMode
from reasondiff.narrative.place import Place
from reasondiff.pipeline.settings import Options

__all__ = ["METHODS", "OURS", "PAIRED", "ReasonDiffSystem", "SaysItsSettings", "SeesTruth", "System", "may_see_truth"]


class System(Protocol):
    """A baseline, or whatever makes videos. A new one is a file with a class like this and a line in ``registry``."""

    @property
    def name(self) -> str:
        """For files and options."""
        ...

    @property
    def title(self) -> str:
        """For people."""
        ...

    def generate(self, cases: Sequence[Case], using: Resources) -> Sequence[Output | Failure]:
        """Make one video of each case, from the case's own seed, so that a batch changes nothing but speed.

        A fault of the system's own on one case is a ``Failure``. What is raised ends the evaluation, which goes on
        from there when it is started again.
        """
        ...


@runtime_checkable
class SeesTruth(Protocol):
    """A system that may be told what is true of a case; every other one gets its image, text and seed."""

    @property
    def sees_truth(self) -> bool: ...


def may_see_truth(system: System) -> bool:
    """Whether a system says that it is told the truth, as an upper bound is."""
    return isinstance(system, SeesTruth) and system.sees_truth


@runtime_checkable
class SaysItsSettings(Protocol):
    """A system that tells what its videos are made with, so that results of two models of one name are never mixed."""

    def fingerprint(self) -> Mapping[str, object]:
        """JSON values: the model, its settings and, where they lie here, the hashes of its weights."""
        ...


@dataclass(frozen=True)
class ReasonDiffSystem:
    """The pipeline with some of its parts.

    Args:
        name: for files and options.
        title: for people.
        narrative_from: told ``none`` but the user's text, the ``narrator``'s story, or the ``truth``.
        text_mode: how the transformer reads text.
        use_adapter: with the model's AlignFormer and LoRA.
        anchor: where the image goes.
        edit: changes the story of a case before it is told.
        image_reach: latent frames to either side of the image's that read its encoder's tokens; None for all.
        more_images: that are given too, pinned to their true frames: the clip's first, its last, or both; of these
            those that are far enough from the image.

    Raises:
        InputError: without a story there is nothing but the user's text to read.
    """

    name: str
    title: str
    narrative_from: Literal["none", "narrator", "truth"] = "narrator"
    text_mode: TextMode = "framewise"
    use_adapter: bool = True
    anchor: AnchorPlace = "narrative"
    edit: Callable[[Narrative, Case], Narrative] | None = None
    image_reach: int | None = None
    more_images: int = 0

    def __post_init__(self) -> None:
        if self.narrative_from == "none" and (self.text_mode != "single" or self.use_adapter or self.edit):
            raise InputError(
                f"The system {self.name!r} is told no story; give it text_mode='single', use_adapter=False and no edit."
            )

    @property
    def sees_truth(self) -> bool:
        return self.narrative_from == "truth" or self.more_images > 0

    @property
    def options(self) -> Options:
        """For the pipeline, beside ``anchor``; the one place that names them."""
        return {"text_mode": self.text_mode, "use_adapter": self.use_adapter, "image_reach": self.image_reach}

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        stories = [self._story_of(case, using) for case in cases]
        tellable = [(case, story) for case, story in zip(cases, stories, strict=True) if not isinstance(story, Failure)]
        made: list[Output] = []
        for _, alike in groupby(tellable, key=_shape):
            made += self._make(list(alike), using)
        outputs = iter(made)
        return [story if isinstance(story, Failure) else next(outputs) for story in stories]

    def _story_of(self, case: Case, using: Resources) -> Narrative | Failure | None:
        if self.narrative_from == "none":
            return None
        story = using.story_of(case) if self.narrative_from == "narrator" else case.true_narrative
        if story is None:
            raise InputError(f"The case {case.id!r} has no true story; leave out the system {self.name!r}.")
        num_frames = using.pipe.defaults.num_frames
        if isinstance(story, Narrative) and self.narrative_from == "truth" and story.num_frames != num_frames:
            story = story.retime(num_frames)  # true clips may be shorter than the model's
        return story if isinstance(story, Failure) or self.edit is None else self.edit(story, case)

    def _make(self, told: Sequence[tuple[Case, Narrative | None]], using: Resources) -> list[Output]:
        """Videos of cases that share one size and length, in one call."""
        if self.more_images:
            return [self._make_of_images(case, story, using) for case, story in told]
        narratives = [story for _, story in told if story is not None]
        output = using.pipe(
            [case.image for case, _ in told],
            [case.prompt for case, _ in told],
            narrative=narratives or None,
            anchor=self.anchor,
            seed=[case.seed for case, _ in told],
            output_type="uint8",
            **self.options,
        )
        fps = 1 / output.settings.interval
        anchor_frames = [story.narrative.anchor_frame for story in output.stories]
        return [Output(frames, fps, at) for frames, at in zip(output.frames, anchor_frames, strict=True)]

    def _make_of_images(self, case: Case, story: Narrative | None, using: Resources) -> Output:
        """The video of one case with some of its true frames for more images."""
        if story is None or case.read_reference is None:
            raise InputError(f"The case {case.id!r} has no true frames; leave out the system {self.name!r}.")
        true_frames = case.read_reference()
        here, apart = story.anchor_frame, 2 * using.pipe.model.timeline(story.num_frames).stride
        ends = (story.num_frames - 1, 0)
        chosen = [frame for frame in ends if abs(frame - here) > apart][: self.more_images]
        images = [FrameImage(case.image, Place("frame_index", here))]
        images += [FrameImage(Image.fromarray(true_frames[frame]), Place("frame_index", frame)) for frame in chosen]
        output = using.pipe(
            None, case.prompt, frame_images=images, narrative=story, seed=case.seed, output_type="uint8", **self.options
        )
        return Output(output.frames[0], 1 / output.settings.interval, here)


def _shape(told: tuple[Case, Narrative | None]) -> tuple[tuple[int, int], int]:
    """What all videos of one call share: the first image's size and the first story's length."""
    case, story = told
    return case.image.size, story.num_frames if story else 0


OURS = ReasonDiffSystem("reasondiff", "ReasonDiff")
"""All of it; what the others are compared to."""

METHODS: tuple[ReasonDiffSystem, ...] = (
    ReasonDiffSystem("wan", "Wan-tiny image-to-video", "none", "single", use_adapter=False, anchor="first"),
    ReasonDiffSystem("joined", "+ narrative in one prompt", text_mode="joined", use_adapter=False, anchor="first"),
    ReasonDiffSystem("anchored", "+ image at the narrator's frame", text_mode="joined", use_adapter=False),
    ReasonDiffSystem("framewise", "+ frame-wise prompts (training-free)", use_adapter=False),
    OURS,
    ReasonDiffSystem("truth", "ReasonDiff, true narrative", "truth"),
)
"""From plain Wan to all of ReasonDiff; each of the second to fourth adds one thing to the one before."""

PAIRED = ReasonDiffSystem("paired", "Wan-tiny, paired", "truth", "joined", use_adapter=False, anchor="first")
"""What plain image-to-video is made for: the clip's own first frame, and a text that tells the whole clip."""
