"""Edits always give a valid story, and change only what they say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.errors import NarrativeError
from reasondiff.narrative import Anchor, Clip, Narrative, editing
from tests.narrative.edits import FIXTURE, sequences

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
    assert editing.move_image(story, 1, 3).anchors == (Anchor(2, 0), Anchor(3, 1))
    with pytest.raises(NarrativeError, match=r"The story places no image 3; it places 1, 2\."):
        editing.move_image(story, 2, 3)


def test_an_edge_is_shared() -> None:
    moved = editing.move_edge(STORY, 1, 15)
    assert [(clip.start, clip.end) for clip in moved.clips] == [(0, 10), (10, 15), (15, 33)]
    assert moved.anchors == STORY.anchors
    for frame in (10, 33):
        with pytest.raises(NarrativeError, match=r"both clips keep a frame at 12\.\.33"):
            editing.move_edge(STORY, 1, frame)
    for edge in (-1, 2):
        with pytest.raises(NarrativeError, match=f"no edge {edge + 1}; the story has 2"):
            editing.move_edge(STORY, edge, 5)


def test_another_length_moves_what_follows() -> None:
    longer = editing.resize(STORY, 0, 14)
    assert [(clip.start, clip.end) for clip in longer.clips] == [(0, 14), (14, 24), (24, 37)]
    assert (longer.anchor_frame, longer.num_frames) == (29, 37)
    assert editing.resize(longer, 0, 10) == STORY
    assert editing.resize(STORY, 2, 3).anchor_frame == 22  # frame 25 is gone, the clip's last one shows the image
    with pytest.raises(NarrativeError, match="0 frames shows nothing"):
        editing.resize(STORY, 0, 0)


def test_what_is_removed_leaves_its_frames_to_a_neighbour() -> None:
    assert editing.remove(STORY, 1).clips == (Clip(0, 20, "A vase stands."), STORY.clips[2])
    assert editing.remove(STORY, 0).clips == (Clip(0, 20, "A cat comes"), STORY.clips[2])
    with pytest.raises(NarrativeError, match="one clip only"):
        editing.remove(editing.merge(STORY, 0, 2), 0)


def test_a_clip_takes_its_image_along() -> None:
    moved = editing.move_clip(STORY, 2, 0)
    assert [(len(clip), clip.description) for clip in moved.clips] == [
        (13, "It breaks."), (10, "A vase stands."), (10, "A cat comes"),
    ]  # fmt: skip
    assert moved.anchor_frame == 5
    assert editing.move_clip(moved, 0, 2) == STORY


def test_twice() -> None:
    twice = editing.duplicate(STORY, 1)
    assert [(clip.start, clip.end) for clip in twice.clips] == [(0, 10), (10, 20), (20, 30), (30, 43)]
    assert twice.clips[1].description == twice.clips[2].description
    assert (twice.anchor_frame, twice.num_frames) == (35, 43)


def test_the_edits_that_a_browser_is_held_to() -> None:
    """``studio/tests/narrative.test.ts`` reads the same file."""
    assert json.loads(FIXTURE.read_text(encoding="utf-8")) == sequences(16, seed=0)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"type": "explode"}, "no edit 'explode'; the edits are duplicate, merge"),
        ({}, "no edit None"),
        ({"type": "split"}, "takes frame; it was given "),
        ({"type": "split", "frame": 3, "clip": 1}, "it was given frame, clip"),
        ({"type": "split", "frame": True}, "'frame' is True; give a whole number"),
        ({"type": "set_style", "style": 3}, "'style' is 3; give a text"),
    ],
)
def test_what_is_no_edit(edit: dict[str, object], message: str) -> None:
    with pytest.raises(NarrativeError, match=message):
        editing.apply_edit(STORY, edit)


@given(stories(), st.data())
def test_an_edge_that_moves_changes_the_frames_between_and_no_others(narrative: Narrative, data: st.DataObject) -> None:
    if len(narrative.clips) == 1:
        return
    edge = data.draw(st.integers(0, len(narrative.clips) - 2))
    before, after = narrative.clips[edge : edge + 2]
    if before.start + 1 >= after.end:
        return
    frame = data.draw(st.integers(before.start + 1, after.end - 1))
    moved = editing.move_edge(narrative, edge, frame)
    low, high = sorted((before.end, frame))
    assert moved.per_frame()[:low] == narrative.per_frame()[:low]
    assert moved.per_frame()[high:] == narrative.per_frame()[high:]
