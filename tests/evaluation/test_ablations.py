"""Ablations change what they name and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.ablations import (
    ABLATIONS,
    NEAR_ANCHOR,
    NOTHING_SAID,
    in_segments,
    with_errors,
    with_wrong_position,
)
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.registry import SYSTEMS, find_systems, metrics_of
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.runner import evaluate
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.suites.storyworld import StoryWorldSuite
from reasondiff.evaluation.systems import METHODS, OURS, PAIRED, ReasonDiffSystem, may_see_truth
from reasondiff.evaluation.training_free import TRAINING_FREE
from reasondiff.media import frames_hash
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny
from tests.tiny.pipelines import alignformer, pipeline

STORY = Narrative.from_ends([(4, "A vase."), (6, "A cat."), (12, "Shards.")], 5, 12, style="In a room.")
EVERY_FRAME = [(frame, frame + 1, text) for frame, text in enumerate(STORY.per_frame())]


def case(seed: int = 0) -> Case:
    return Case(f"{seed:04d}", Image.new("RGB", (64, 64)), "A cat.", seed)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, [(0, 12, "Shards.")]),
        (2, [(0, 6, "A vase."), (6, 12, "Shards.")]),
        (3, [(0, 4, "A vase."), (4, 8, "Shards."), (8, 12, "Shards.")]),
        (12, EVERY_FRAME),
        (99, EVERY_FRAME),
    ],
)
def test_segments_are_equally_long_and_say_what_their_middle_shows(count: int, told: list) -> None:
    cut = in_segments(count, STORY, case())
    assert [(clip.start, clip.end, clip.description) for clip in cut.clips] == told
    assert (cut.anchors, cut.style) == (STORY.anchors, STORY.style)


def test_a_wrong_position_is_half_a_clip_away() -> None:
    frames = [with_wrong_position(STORY.with_anchor(frame), case()).anchor_frame for frame in range(12)]
    assert frames == [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]
    assert with_wrong_position(STORY, case()).clips == STORY.clips


def test_half_of_the_stories_lose_what_three_latent_frames_read() -> None:
    story = STORY.retime(21)
    stories = [with_errors(story, case(seed)) for seed in range(400)]
    lost = [changed.per_frame().count(NOTHING_SAID) for changed in stories]
    assert set(lost) == {0, 12} and 150 < lost.count(12) < 250
    assert stories[7] == with_errors(story, case(7))
    for changed in stories:
        pairs = zip(changed.per_frame(), story.per_frame(), strict=True)
        assert all(now in (before, NOTHING_SAID) for now, before in pairs)
        assert (changed.anchors, changed.style) == (story.anchors, story.style)
        latent_frames = [set(changed.per_frame()[start : start + 4]) for start in range(1, 21, 4)]
        assert sum(texts == {NOTHING_SAID} for texts in latent_frames) in (0, 3)


class Told:
    """A narrator that tells every case the same story."""

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        return STORY.retime(num_frames)


def test_every_ablation_makes_another_video(tmp_path: Path) -> None:
    defaults = {"num_frames": 33, "num_inference_steps": 1, "guidance_scale": 1.0, "area": 64 * 64}
    components = {**tiny.pipeline().components, "alignformer": alignformer()}
    pipe = ReasonDiffPipeline(**components, reasondiff=defaults)
    pipe.set_progress_bar_config(disable=True)
    pipe.narrator = Told()
    using = Resources(tmp_path, lambda: pipe)
    seed = next(seed for seed in range(9) if with_errors(STORY, case(seed)) != STORY)
    suite, systems = StoryWorldSuite(seed + 1), [OURS, *ABLATIONS, NEAR_ANCHOR]
    asked = suite.cases()[seed]
    made = {system.name: system.generate([asked], using)[0] for system in systems}
    hashes = {name: frames_hash(output.frames) for name, output in made.items() if isinstance(output, Output)}
    assert len(set(hashes.values())) == len(systems)
    frames = {name: output.anchor_frame for name, output in made.items() if isinstance(output, Output)}
    assert asked.true_narrative is not None
    assert frames.pop("wrong-position") != frames["reasondiff"]
    assert frames.pop("rewrite-prompt") == 0  # one prompt and no frame: the image is the first
    assert frames.pop("oracle-narrative") == asked.true_narrative.anchor_frame
    assert len(set(frames.values())) == 1


def test_a_model_without_image_tokens_says_so(tmp_path: Path) -> None:
    pipe = pipeline(alignformer(), image_tokens=False)
    pipe.narrator = Told()
    with pytest.raises(InputError, match="reads no image encoder's tokens; leave out image_reach"):
        NEAR_ANCHOR.generate([case()], Resources(tmp_path, lambda: pipe))


def test_names_are_found_once_each(tmp_path: Path) -> None:
    assert len(SYSTEMS) == len({*METHODS, PAIRED, *ABLATIONS, NEAR_ANCHOR, *TRAINING_FREE}) + len(("true-clips",))
    assert [system.name for system in find_systems(("wan", "segments-3", "wan"))] == ["wan", "segments-3"]
    with pytest.raises(InputError, match=r"There is no method 'lucky'; choose from wan, joined,.*segments-5"):
        find_systems(("lucky",))
    with pytest.raises(
        InputError, match=r"There is no metric 'taste'; choose from basic, offline, storyworld, paper, story_success,"
    ):
        metrics_of(Resources(tmp_path), ("taste",))


def test_a_system_that_is_told_nothing_can_read_nothing_else() -> None:
    with pytest.raises(InputError, match="'odd' is told no story; give it text_mode='single'"):
        ReasonDiffSystem("odd", "odd", "none")


def test_only_the_oracle_is_given_the_truth(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []

    @dataclass(frozen=True)
    class Curious:
        name: str
        title: str = ""
        sees_truth: bool = False

        def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
            for each in cases:
                seen.append((self.name, bool(each.true_narrative or each.read_reference or each.strata)))
            return [Failure("It only looks.") for _ in cases]

    systems = (Curious("curious"), Curious("oracle", sees_truth=True))
    rows = evaluate(systems, StoryWorldSuite(1), [], Resources(tmp_path))
    assert seen == [("curious", False), ("oracle", True)] and rows[0].strata, "the row keeps its groups"
    told = {system.name: may_see_truth(system) for system in SYSTEMS.values()}
    more_images = {"images-2", "images-3", "free-images-2", "free-images-3"}  # all but the first are true frames
    assert {name for name, sees in told.items() if sees} == more_images | {
        "truth", "oracle-narrative", "paired", "true-clips",
    }  # fmt: skip


def test_segments_are_asked_for_together() -> None:
    names = [system.name for system in find_systems(["segments"])]
    assert names == ["segments-1", "segments-2", "segments-3", "segments-5", "text-mean", "reasondiff"]
