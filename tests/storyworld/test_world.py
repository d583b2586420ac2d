"""StoryWorld itself: what every telling has in common, whoever draws it."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from reasondiff.errors import InputError
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet, cases
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.render import draw, draw_frame
from reasondiff.storyworld.stories import AGENTS, HELD_OUT, NUM_FRAMES, PAIRS, VARIANTS, Story, Take, sample_take
from reasondiff.timeline import Timeline

EVERY = [(pair, level) for pair in PAIRS for level in ("core", "hard")]
STATE_WORDS = {
    ("vase", "intact"): ("intact", "in one piece"),
    ("vase", "broken"): ("broken", "in pieces"),
    ("table", "whole"): ("on all its legs", "sound"),
    ("table", "broken"): ("broken leg", "lost a leg"),
    ("candle", "burning"): ("burning", "with a flame"),
    ("candle", "out"): ("is out", "without a flame"),
    ("window", "whole"): ("whole panes", "undamaged"),
    ("window", "cracked"): ("cracked", "with a hole"),
    ("book", "flat"): ("lying flat", "still pages"),
    ("book", "turning"): ("pages turning", "blown up"),
    ("bicycle", "parked"): ("parked", "standing there"),
    ("dog", "standing"): ("standing", "on its feet"),
    ("dog", "sitting"): ("sitting", "that sits"),
}
AGENT_WORDS = {
    "cat": ("cat", "kitten"),
    "dog": ("dog", "puppy"),
    "pig": ("pig",),
    "ball": ("ball",),
    "person": ("person", "man"),
    "car": ("car",),
}


def takes(count: int, *, hard: float = 0.5, split: str = "test") -> list[Take]:
    return [TakeSet(split, hard=hard)[index] for index in range(count)]


def test_the_eight_published_stories_are_told_in_training() -> None:
    published = {
        ("vase", "cat"), ("table", "cat"), ("window", "ball"), ("candle", "person"),
        ("book", "person"), ("bicycle", "dog"), ("dog", "car"), ("dog", "person"),
    }  # fmt: skip
    assert published <= set(PAIRS) - HELD_OUT
    assert set(PAIRS) > HELD_OUT


@pytest.mark.parametrize(("pair", "level"), EVERY, ids=lambda value: "-".join(value) if len(value) == 2 else value)
def test_every_pair_can_be_drawn(pair: tuple[str, str], level: str) -> None:
    take = sample_take(random.Random("/".join(pair)), pairs=[pair], level=level)
    video = draw(take)
    assert video.shape == (NUM_FRAMES, 64, 64, 3)
    assert video.dtype == np.uint8
    assert (take.story.object, take.story.agent) == pair
    assert any(take.agent_pose(frame) for frame in range(NUM_FRAMES))
    assert len(np.unique(video.reshape(NUM_FRAMES, -1), axis=0)) >= 5, "something moves"


def test_phases_cover_every_frame_once_and_in_order() -> None:
    for take in takes(400):
        covered = [frame for frames in take.phases.values() for frame in frames]
        assert covered == list(range(NUM_FRAMES))
        assert list(take.phases) == ["before", "enter", "act", "leave", "after"]
        assert all(frame in take.phases[take.phase_at(frame)] for frame in range(NUM_FRAMES))


def test_an_object_changes_at_most_once_and_only_while_the_agent_acts() -> None:
    for take in takes(400):
        states = [take.object_state(frame) for frame in range(NUM_FRAMES)]
        changes = [frame for frame in range(1, NUM_FRAMES) if states[frame] != states[frame - 1]]
        assert (states[0], states[-1]) == take.story.states
        assert changes == ([take.change_frame] if take.story.changes else [])
        assert all(take.phase_at(frame) == "act" for frame in changes)


def test_in_core_the_agent_comes_in_moves_without_a_jump_and_leaves() -> None:
    for take in takes(300, hard=0):
        poses = [take.agent_pose(frame) for frame in range(NUM_FRAMES)]
        assert poses[0] is None
        assert poses[-1] is None
        there = [frame for frame, pose in enumerate(poses) if pose]
        assert there == list(range(there[0], there[-1] + 1)), "it comes once"
        xs = [pose.x for pose in poses if pose]
        assert not 0 < xs[0] < 64
        assert not 0 < xs[-1] < 64
        assert max(abs(b - a) for a, b in pairwise(xs)) <= 8
        assert np.array_equal(draw_frame(take, 0), draw_frame(take, there[0] - 1))


def test_only_hard_takes_depart_from_the_rule_and_each_in_one_way() -> None:
    variants = Counter(take.variant for take in takes(1500, hard=1))
    assert set(variants) == set(VARIANTS)
    assert {take.variant for take in takes(200, hard=0)} == {"core"}


def test_places_sizes_speeds_times_sides_and_words_vary() -> None:
    drawn = takes(500, hard=0)
    for values, low, high in (
        ([take.object_x for take in drawn], 22, 42),
        ([take.object_scale for take in drawn], 1.08, 1.25),
        ([take.speed for take in drawn], 4.6, 5.4),
        ([take.begin for take in drawn], 3, 6),
    ):
        assert low <= min(values) < low + 0.1 * (high - low) and high - 0.1 * (high - low) < max(values) <= high
    for sides in ({take.from_left for take in drawn}, {take.goes_on for take in drawn if take.story.changes}):
        assert sides == {True, False}
    take = next(take for take in drawn if take.story.changes)
    for frame in (phase.start for phase in take.phases.values()):
        worded = {captions.frame_captions(take, random.Random(seed))[frame] for seed in range(30)}
        assert len(worded) > 1


def test_what_each_hard_variant_departs_in() -> None:
    for take in takes(600, hard=1):
        poses = [take.agent_pose(frame) for frame in range(NUM_FRAMES)]
        assert (poses[0] is not None) == (take.variant == "present")
        assert (poses[-1] is not None) == (take.variant == "stays")
        passes = take.variant in ("behind", "spared")
        assert take.story.spared == passes
        if passes:
            assert not take.story.changes and not take.story.at_window
            feet = [pose.y for pose in poses if pose]
            if take.story.object != "window":
                assert max(feet) < take.object_y if take.variant == "behind" else max(feet) > take.object_y
        if take.variant == "two_objects":
            assert take.story.changes and take.bystander.object != take.story.object
        if take.variant == "distractor":
            assert take.bystander.agent != take.story.agent
            assert any(take.bystander_pose(frame) for frame in range(NUM_FRAMES))


def test_the_prompt_names_who_comes_and_never_what_the_image_shows() -> None:
    for index, take in enumerate(takes(1500)):
        prompt = captions.user_prompt(take, random.Random(index)).lower()
        assert take.story.object not in prompt
        assert not any(word in prompt for words in STATE_WORDS.values() for word in words)
        assert any(word in prompt for word in AGENT_WORDS[take.story.agent])
        assert (take.agent_colour in prompt) == take.names_colour


def test_every_frame_caption_tells_the_state_of_its_frame() -> None:
    for index, take in enumerate(takes(300)):
        thing = take.story.object
        for frame, caption in enumerate(captions.frame_captions(take, random.Random(index))):
            assert thing in caption or take.phase_at(frame) == "act"
            if take.phase_at(frame) == "act":
                continue  # tells the effect, not a state
            state = take.object_state(frame)
            assert any(word in caption for word in STATE_WORDS[thing, state]), caption
            others = [words for (name, other), words in STATE_WORDS.items() if name == thing and other != state]
            assert not any(word in caption for words in others for word in words), caption
            if take.phase_at(frame) in ("enter", "leave"):
                assert take.story.agent in caption


def test_the_narrative_tells_one_clip_per_phase() -> None:
    for index, take in enumerate(takes(100)):
        anchor = index % NUM_FRAMES
        story = captions.narrative(take, anchor, random.Random(index))
        assert [range(clip.start, clip.end) for clip in story.clips] == [p for p in take.phases.values() if p]
        assert [one.frame for one in story.anchors] == [anchor]
        assert take.story.agent in story.style
        assert take.object_colour in story.style


@pytest.mark.parametrize("level", ["core", "hard"])
def test_no_clip_of_a_true_narrative_goes_unread(level: str) -> None:
    """Not even that of the act, which is as long as a latent frame and may share each of its two with others."""
    for case in cases(300, level=level):
        told = captions.narrative(case.take, case.anchor_frame, case.rng("narrative"))
        assert FramePlan.from_narrative(told, Timeline(NUM_FRAMES)).lost == (), case.number


def test_held_out_pairs_are_never_drawn_in_training() -> None:
    drawn, beside = set(), set()
    for take in (TakeSet("train", hard=0.5)[index] for index in range(4000)):
        drawn.add((take.story.object, take.story.agent))
        if take.variant == "distractor":
            beside.add((take.story.object, take.bystander.agent))
        if take.variant == "two_objects":
            beside.add((take.bystander.object, take.story.agent))
    assert drawn == set(PAIRS) - HELD_OUT
    assert len(beside) > 20 and not beside & HELD_OUT
    assert {(t.story.object, t.story.agent) for t in takes(1500)} == set(PAIRS), "but they are tested"


def test_the_same_number_is_the_same_take() -> None:
    first, again = TakeSet("test", hard=0.5), TakeSet("test", hard=0.5)
    assert all(first[index] == again[index] for index in range(50))
    assert np.array_equal(draw(first[7]), draw(again[7]))
    told = [captions.frame_captions(takes[3], takes.rng(3, "captions")) for takes in (first, again)]
    assert told[0] == told[1]


def test_splits_are_different_streams() -> None:
    streams = [[TakeSet(split)[index] for index in range(100)] for split in ("train", "validation", "test")]
    speeds = [take.speed for stream in streams for take in stream]
    assert len(set(speeds)) == len(speeds)


def test_colour_tells_neither_who_nor_what() -> None:
    """Pearson's statistic of colour against kind stays within five deviations of its mean under independence."""
    drawn = takes(4000)
    for kind, colour in (
        (lambda t: t.story.agent, lambda t: t.agent_colour),
        (lambda t: t.story.object, lambda t: t.object_colour),
        (lambda t: t.story.changes, lambda t: t.object_colour),
    ):
        table = Counter((kind(take), colour(take)) for take in drawn)
        kinds, colours = Counter(map(kind, drawn)), Counter(map(colour, drawn))
        assert set(colours) == set(COLOURS)
        expected = {(k, c): kinds[k] * colours[c] / len(drawn) for k in kinds for c in colours}
        statistic = sum((table[cell] - mean) ** 2 / mean for cell, mean in expected.items())
        freedom = (len(kinds) - 1) * (len(colours) - 1)
        assert statistic < freedom + 5 * (2 * freedom) ** 0.5
    assert all(len({t.object_colour, t.accent, t.agent_colour, t.bystander_colour}) == 4 for t in drawn)


def test_frames_of_the_same_moment_are_drawn_alike() -> None:
    for take in takes(120, hard=0.5):
        video = draw(take)
        for frame in (0, take.phases["enter"].stop - 1, NUM_FRAMES - 1):
            alike = take.same_moment(frame)
            assert frame in alike
            assert all(np.array_equal(video[frame], video[other]) for other in alike)
            if take.visible(frame) or take.story.changes:
                state = take.object_state(frame)
                assert all(take.object_state(other) == state for other in alike)


def test_a_moment_with_the_agent_in_view_comes_once() -> None:
    for take in takes(40, hard=0):
        video, moving = draw(take), [*take.phases["enter"], *take.phases["leave"]]
        for frame in (f for f in moving if take.visible(f)):
            twins = {other for other in range(NUM_FRAMES) if np.array_equal(video[frame], video[other])}
            assert set(take.same_moment(frame)) <= twins <= {frame - 1, frame, frame + 1}


def test_cases_are_balanced_over_the_parts_of_the_clip_and_held_out_pairs() -> None:
    drawn = cases(120)
    assert Counter(case.anchor_phase for case in drawn) == {"start": 40, "middle": 40, "end": 40}
    assert sum(case.held_out for case in drawn) == 30
    assert Counter(case.anchor_phase for case in drawn if case.held_out) == {"start": 10, "middle": 10, "end": 10}
    for case in drawn:
        assert case.take.visible(case.anchor_frame) == (case.anchor_phase == "middle")
        assert case.take.phase_at(case.anchor_frame) != "act", "in core the anchor is never mid-action"
    assert drawn == cases(120)


def test_no_case_of_the_training_split_has_a_held_out_pair() -> None:
    assert not any(case.held_out for case in cases(40, split="train"))


def test_hard_cases_may_show_the_middle_of_an_action() -> None:
    drawn = cases(300, level="hard")
    assert {case.take.level for case in drawn} == {"hard"}
    assert any(case.take.phase_at(case.anchor_frame) == "act" for case in drawn)


def test_what_the_world_does_not_know_is_refused() -> None:
    with pytest.raises(InputError, match="no story of 'car' and 'vase'"):
        Story("vase", "car")
    with pytest.raises(InputError, match="no level 'easy'"):
        sample_take(random.Random(0), level="easy")
    with pytest.raises(InputError, match="no split 'dev'"):
        TakeSet("dev")
    assert len(AGENTS) == 6
