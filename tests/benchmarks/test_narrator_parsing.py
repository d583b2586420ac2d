"""``benchmarks.narrator_parsing``: of known stories, what is beyond doubt is recovered, and nothing else passes."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import narrator_parsing
from benchmarks.replies.known_stories import INTERVAL, make_story
from benchmarks.replies.lost_replies import LOST
from benchmarks.replies.malformed import Malformed, replies
from benchmarks.replies.recoverable_replies import RECOVERABLE
from reasondiff.narrative import Narrative
from reasondiff.narrator import Parsed, parse, write_reply
from tests.narrator.stories import covers_every_frame_once, same_story

REPLIES = replies()


@cache
def read(made: Malformed) -> Parsed:
    return parse(made.text, made.story.num_frames, INTERVAL, cut=made.cut)


def test_no_reply_crashes_or_tells_a_frame_twice_or_never() -> None:
    assert len(REPLIES) >= 1000
    for made in REPLIES:
        parsed = read(made)
        if parsed.narrative is None:
            assert parsed.faults, made.text
        else:
            assert covers_every_frame_once(parsed.narrative, made.story.num_frames), made.text


def test_nine_in_ten_of_the_recoverable_replies_are_recovered_without_asking_again() -> None:
    recovered: Counter[str] = Counter()
    for made in REPLIES:
        parsed = read(made)
        if made.recoverable and parsed.recovered:
            assert parsed.narrative is not None
            recovered[made.family] += made.story.is_told_by(parsed.narrative)
    per_family = len(REPLIES) // (len(RECOVERABLE) + len(LOST))
    shares = {name: recovered[name] / per_family for name in RECOVERABLE}
    assert min(shares.values()) >= 0.9, {name: share for name, share in shares.items() if share < 0.9}


def test_a_recovered_story_is_the_one_that_was_meant() -> None:
    wrong = Counter(
        m.family for m in REPLIES if m.recoverable and (p := read(m)).recovered and not m.story.is_told_by(p.narrative)
    )
    assert wrong.total() <= 0.005 * len(REPLIES), wrong


@pytest.mark.parametrize("family", sorted(set(LOST) - {"typing_errors"}))
def test_what_is_lost_is_noticed(family: str) -> None:
    for made in REPLIES:
        if made.family == family:
            parsed = read(made)
            assert parsed.faults and not parsed.recovered, made.text


def test_the_same_reply_is_read_the_same_way() -> None:
    for made in random.Random(0).sample(REPLIES, 50):
        assert read(made) == read.__wrapped__(made)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["clips", "list"]))
def test_a_perfect_reply_is_read_back_exactly(seed: int, form: str) -> None:
    story = make_story(random.Random(seed))
    told = Narrative.from_ends(
        zip(story.ends, story.texts, strict=True), story.position - 1, story.num_frames, style="Calm."
    )
    parsed = parse(write_reply(told, form), story.num_frames)
    assert (
        parsed.recovered
        and not parsed.notes
        and same_story(parsed.narrative, told)
        and parsed.narrative.style == "Calm."
    )


def test_the_benchmark_prints_every_family(capsys: pytest.CaptureFixture[str]) -> None:
    narrator_parsing.main(replies_per_family=2, seed=0)
    printed = capsys.readouterr().out
    assert all(name.replace("_", " ")[:12] in printed for name in (*RECOVERABLE, *LOST))
    assert f"all {2 * len(RECOVERABLE)}" in printed and f"all {2 * len(LOST)}" in printed
