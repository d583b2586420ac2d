"""Edits always give a valid story, and change only what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.errors import NarrativeError
from reasondiff.narrative import Anchor, Clip, Narrative, editing

STORY = Narrative.from_ends([(10, "A vase stands."), (20, "A cat comes"), (33, "It breaks.")], 25, 33, style="A room.")


@st.composite
def stories(draw: st.DrawFn) -> Narrative:
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=8))
    texts = draw(st.lists(st.text(min_size=1).filter(str.strip), min_size=len(lengths), max_size=len(lengths)))
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    anchor = draw(st.integers(0, ends[-1] - 1))
    return Narrative.from_ends(zip(ends, texts, strict=True), anchor, ends[-1])


def test_the_anchor_moves_and_nothing_else() -> None:
    moved = editing.move_anchor(STORY, 3)
    assert moved.anchor_frame == 3
    assert moved.with_anchor(25) == STORY
    with pytest.raises(NarrativeError, match=r"Position 34 is outside 1\.\.33"):
        editing.move_anchor(STORY, 33)


def test_set_description() -> None:
    edited = editing.set_description(STORY, 1, "A dog comes.")
    assert [clip.description for clip in edited.clips] == ["A vase stands.", "A dog comes.", "It breaks."]
    with pytest.raises(NarrativeError, match=r"no clip 4; the story has clips 1\.\.3"):
        editing.set_description(STORY, 3, "text")
    with pytest.raises(NarrativeError, match="no clip 0"):
        editing.set_description(STORY, -1, "text")
    with pytest.raises(NarrativeError, match="no description"):
        editing.set_description(STORY, 0, " ")


def test_split() -> None:
    halves = editing.split(STORY, 29)
    assert halves.clips[2:] == (Clip(20, 29, "It breaks."), Clip(29, 33, "It breaks."))
    assert halves.per_frame() == STORY.per_frame()
    for frame in (0, 10, 20):
        with pytest.raises(NarrativeError, match=f"begins at position {frame + 1} already"):
            editing.split(STORY, frame)
    with pytest.raises(NarrativeError, match="outside"):
        editing.split(STORY, 33)


def test_merge_tells_both_once() -> None:
    assert editing.merge(STORY, 0, 1).clips == (Clip(0, 20, "A vase stands. A cat comes."), STORY.clips[2])
    assert editing.merge(STORY, 0, 2).clips == (Clip(0, 33, "A vase stands. A cat comes. It breaks."),)
    for pair in ((1, 1), (2, 1)):
        with pytest.raises(NarrativeError, match="cannot be merged"):
            editing.merge(STORY, *pair)
    with pytest.raises(NarrativeError, match="no clip 4"):
        editing.merge(STORY, 1, 3)


def test_style_and_retime() -> None:
    assert editing.set_style(STORY, "At night.").prompt_of(STORY.clips[0]) == "At night. A vase stands."
    retimed = editing.retime(STORY, 81)
    assert retimed.num_frames == 81 and len(retimed.clips) == 3
    assert retimed.clip_at(retimed.anchor_frame).description == "It breaks."


@given(stories(), st.data())
def test_split_then_merge_is_the_same_story(story: Narrative, data: st.DataObject) -> None:
    inside = sorted(set(range(story.num_frames)) - {clip.start for clip in story.clips})
    if inside:
        frame = data.draw(st.sampled_from(inside))
        number = story.clips.index(story.clip_at(frame))
        assert editing.merge(editing.split(story, frame), number, number + 1) == story


@given(stories(), st.data())
def test_merging_keeps_the_other_clips_and_every_frame(story: Narrative, data: st.DataObject) -> None:
    if len(story.clips) > 1:
        first = data.draw(st.integers(0, len(story.clips) - 2))
        last = data.draw(st.integers(first + 1, len(story.clips) - 1))
        merged = editing.merge(story, first, last)
        assert len(merged.clips) == len(story.clips) - (last - first)
        assert merged.clips[:first] == story.clips[:first] and merged.clips[first + 1 :] == story.clips[last + 1 :]
        assert len(merged.per_frame()) == story.num_frames


def test_short_clips_are_merged_with_their_shorter_neighbour() -> None:
    story = Narrative.from_ends([(16, "a"), (20, "b."), (50, "c"), (51, "d"), (81, "e")], 20, 81, interval=1 / 16)
    merged = editing.merge_short(story, 1.0)
    # "d" (1 frame) goes to "c" and "e", which are equally long: the earlier; "b" (4) to "a" (16), not to "c" (31).
    assert [(clip.end, clip.description) for clip in merged.clips] == [(20, "a. b."), (51, "c. d."), (81, "e")]
    assert merged.anchors == story.anchors
    assert editing.merge_short(story, 0) == story and editing.merge_short(merged, 1.0) == merged
    assert [clip.end for clip in editing.merge_short(story, 60).clips] == [81]  # a story of one clip stays


def test_an_image_is_moved_by_its_number() -> None:
    story = STORY.with_images({0: 2, 1: 0})
    assert editing.move_anchor(story, 3, image=1).anchors == (Anchor(2, 0), Anchor(3, 1))
    with pytest.raises(NarrativeError, match=r"The story places no image 3; it places 1, 2\."):
        editing.move_anchor(story, 3, image=2)
