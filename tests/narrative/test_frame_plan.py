from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.backends.wan.framewise import FramePlan
from reasondiff.errors import InputError
from reasondiff.narrative import Anchor, Clip, Narrative
from reasondiff.narrative.frame_plan import LostClip
from reasondiff.timeline import Timeline


def told(*ends: tuple[int, str], anchor: int = 0, style: str = "") -> Narrative:
    return Narrative.from_ends(ends, anchor, ends[-1][0], style=style)


def texts(plan: FramePlan) -> list[str]:
    """What each latent frame reads, for plans without mixtures."""
    read = []
    for segment in plan.segment_of:
        [(prompt, weight)] = plan.segments[segment]
        assert weight == 1.0
        read.append(plan.prompts[prompt])
    return read


def test_the_clip_with_most_frames_owns_a_latent_frame() -> None:
    # latent frames hold frames 0 | 1-4 | 5-8; "a" has 0-3, "b" the rest
    plan = FramePlan.from_narrative(told((4, "a"), (9, "b")), Timeline(9))
    assert plan.prompts == ("a", "b")
    assert plan.segment_of == (0, 0, 1)
    assert plan.lost == ()


def test_a_tie_goes_to_the_later_clip() -> None:
    assert FramePlan.from_narrative(told((3, "a"), (9, "b")), Timeline(9)).segment_of == (0, 1, 1)


def test_an_anchors_latent_frame_reads_the_anchors_clip() -> None:
    narrative = told((2, "a"), (9, "b"), anchor=1)  # frame 1 is alone against 2-4
    assert texts(FramePlan.from_narrative(narrative, Timeline(9))) == ["a", "a", "b"]
    assert texts(FramePlan.from_narrative(narrative.with_anchor(2), Timeline(9))) == ["a", "b", "b"]


def test_the_first_of_two_anchors_in_one_latent_frame_decides() -> None:
    narrative = told((2, "a"), (9, "b"))
    for first, second, text in ((1, 4, "a"), (4, 1, "b")):
        both = Narrative(narrative.clips, (Anchor(first), Anchor(second)), 9)
        assert texts(FramePlan.from_narrative(both, Timeline(9)))[1] == text


def test_a_clip_that_wins_no_latent_frame_is_reported() -> None:
    plan = FramePlan.from_narrative(told((1, "a"), (5, "b"), (6, "a flash"), (9, "c")), Timeline(9))
    assert texts(plan) == ["a", "b", "c"]
    assert plan.lost == (LostClip(Clip(5, 6, "a flash"), "the clips beside it have no other latent frame"),)
    anchored = FramePlan.from_narrative(told((1, "a"), (5, "b"), (6, "a flash"), (9, "c"), anchor=5), Timeline(9))
    assert texts(anchored) == ["a", "b", "a flash"]
    assert anchored.lost == (LostClip(Clip(6, 9, "c"), "the image's clip has no other latent frame"),)


def test_the_anchors_latent_frame_yields_to_a_clip_that_would_read_nowhere() -> None:
    # latent frame 2 holds 5-8: the act has three of its four frames, and the image, in 5, has two other latent frames
    narrative = told((6, "before"), (9, "the act"), (17, "after"), anchor=5)
    plan = FramePlan.from_narrative(narrative, Timeline(17))
    assert texts(plan) == ["before", "before", "the act", "after", "after"]
    assert plan.lost == ()


def test_a_clip_that_would_read_nowhere_gets_its_best_latent_frame() -> None:
    # "short" has 4 and 5: one frame of latent frame 1 and one of 2, and "b" can spare 2
    narrative = told((4, "a"), (6, "short"), (13, "b"), anchor=0)
    plan = FramePlan.from_narrative(narrative, Timeline(13))
    assert texts(plan) == ["a", "short", "b", "b"]
    # 4 is the image's: its latent frame goes last
    plan = FramePlan.from_narrative(narrative.with_anchor(3), Timeline(13))
    assert texts(plan) == ["a", "a", "short", "b"]


def test_equal_texts_are_encoded_once_and_the_style_comes_first() -> None:
    plan = FramePlan.from_narrative(told((1, "a"), (5, "b"), (9, "a"), style="A drawing."), Timeline(9))
    assert plan.prompts == ("A drawing. a", "A drawing. b")
    assert plan.segment_of == (0, 1, 0)
    assert plan.counts == (2, 1)


def test_mean_averages_the_prompts_of_a_latent_frames_pixel_frames() -> None:
    plan = FramePlan.from_narrative(told((4, "a"), (9, "b")), Timeline(9), how="mean")
    assert plan.segments == (((0, 1.0),), ((0, 0.75), (1, 0.25)), ((1, 1.0),))
    assert plan.segment_of == (0, 1, 2)
    mixed = plan.mix(torch.tensor([[4.0], [8.0]]))
    assert mixed.flatten().tolist() == [4.0, 5.0, 8.0]


def test_mean_loses_no_clip_and_equals_owner_where_clips_end_with_latent_frames() -> None:
    narrative = told((1, "a"), (5, "b"), (6, "a flash"), (9, "c"))
    assert FramePlan.from_narrative(narrative, Timeline(9), how="mean").lost == ()
    aligned = told((1, "a"), (5, "b"), (9, "c"))
    owner, mean = (FramePlan.from_narrative(aligned, Timeline(9), how=how) for how in ("majority", "mean"))
    assert (owner.prompts, owner.segments, owner.segment_of) == (mean.prompts, mean.segments, mean.segment_of)


def test_one_text_for_all_frames_is_one_segment() -> None:
    plan = FramePlan.single("a cat", 21)
    assert plan.prompts == ("a cat",)
    assert plan.segment_of == (0,) * 21
    assert FramePlan.from_texts(["a cat"] * 21) == plan
    assert FramePlan.from_narrative(told((81, "a cat"), anchor=40), Timeline(81)) == plan


def test_other_strides() -> None:
    # LTX: latent frames hold frames 0 | 1-8 | 9-16
    plan = FramePlan.from_narrative(told((6, "a"), (17, "b")), Timeline(17, stride=8))
    assert texts(plan) == ["a", "a", "b"]


def test_a_narrative_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="tells 9 frames and the video has 13; retime the narrative to 13"):
        FramePlan.from_narrative(told((9, "a")), Timeline(13))


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(InputError, match="'most' is not a way"):
        FramePlan.from_narrative(told((9, "a")), Timeline(9), how="most")  # type: ignore[arg-type]


@st.composite
def narratives(draw: st.DrawFn) -> Narrative:
    num_frames = 4 * draw(st.integers(0, 8)) + 1
    inner = draw(st.sets(st.integers(1, num_frames - 1), max_size=6)) if num_frames > 1 else set()
    ends = [*sorted(inner), num_frames]
    return told(*((end, draw(st.sampled_from("abcd"))) for end in ends), anchor=draw(st.integers(0, num_frames - 1)))


@given(narratives())
def test_every_latent_frame_reads_a_clip_of_its_own_frames(narrative: Narrative) -> None:
    timeline = Timeline(narrative.num_frames)
    plan = FramePlan.from_narrative(narrative, timeline)
    per_frame = narrative.per_frame()
    for latent_frame, text in enumerate(texts(plan)):
        assert text in [per_frame[frame] for frame in timeline.frames_of(latent_frame)]
    own = narrative.clip_at(narrative.anchor_frame)
    assert own not in [lost.clip for lost in plan.lost]
    assert len(set(plan.prompts)) == len(plan.prompts)
    assert set(plan.prompts) | {lost.clip.description for lost in plan.lost} == set(per_frame)
    assert sum(plan.counts) == timeline.num_latent_frames


@given(narratives())
def test_a_clip_is_lost_only_where_every_other_would_be(narrative: Narrative) -> None:
    """The owners of a lost clip's latent frames read nowhere else."""
    timeline = Timeline(narrative.num_frames)
    named = [replace(clip, description=f"{number}") for number, clip in enumerate(narrative.clips)]
    narrative = replace(narrative, clips=tuple(named))  # no two alike
    plan = FramePlan.from_narrative(narrative, timeline)
    read = texts(plan)
    for lost in plan.lost:
        for latent_frame in {timeline.latent_of(frame) for frame in range(lost.clip.start, lost.clip.end)}:
            assert read.count(read[latent_frame]) == 1


@given(narratives())
def test_mean_weighs_every_frame_of_a_latent_frame_equally(narrative: Narrative) -> None:
    timeline = Timeline(narrative.num_frames)
    plan = FramePlan.from_narrative(narrative, timeline, how="mean")
    per_frame = narrative.per_frame()
    for latent_frame, segment in enumerate(plan.segment_of):
        frames = [per_frame[frame] for frame in timeline.frames_of(latent_frame)]
        weights = {plan.prompts[prompt]: weight for prompt, weight in plan.segments[segment]}
        assert weights == {prompt: frames.count(prompt) / len(frames) for prompt in frames}
