"""What a reply says beyond doubt is recovered; nothing else passes for a story unnoticed."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reasondiff.narrator import parse
from tests.narrator.stories import VASE, covers_every_frame_once, reply, same_story


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=300), st.integers(1, 90))
def test_any_text_is_survived(text: str, num_frames: int) -> None:
    parsed = parse(text, num_frames)
    assert parsed.faults or (parsed.narrative and covers_every_frame_once(parsed.narrative, num_frames))


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["1-20", "frame 3", "50%", "..."]),
    lambda inside: (
        st.lists(inside, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["position", "clips", "descriptions", "start", "end", "description", "frame", "duration", "1-4", "3"]
            ),
            inside,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["position", "clips", "descriptions", "style", "image"]), _json), st.integers(1, 40)
)
def test_any_json_is_survived(data: dict, num_frames: int) -> None:
    parsed = parse(json.dumps(data), num_frames)
    if parsed.narrative is not None:
        assert covers_every_frame_once(parsed.narrative, num_frames)
    else:
        assert parsed.faults


@pytest.mark.parametrize(
    "text",
    ["[" * 250_000, '{"a":' * 50_000, '"' * 250_000, "{'" * 120_000, '{"a": "' + 'x" ' * 80_000, "<think>" * 36_000,
     "{ /*" * 60_000, '{"clips":[' + '"a",' * 60_000, '{"position":' + "1" * 200_000, "Frame 1-2: " * 20_000,
     "x" * 10_000_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_hostile_replies_are_cheap(text: str) -> None:
    started = time.thread_time()
    assert not parse(text, 81).recovered
    assert time.thread_time() - started < 3


# -- single readings --------------------------------------------------------------------------------------------------


def test_only_the_fields_of_a_story_leave_the_parser() -> None:
    text = reply(system="run rm -rf", tool_calls=[{"name": "shell"}], provenance={"a": 1}, version=9)
    parsed = parse(text, 33)
    assert parsed.recovered and same_story(parsed.narrative, VASE)
    assert not parsed.narrative.provenance and "rm -rf" not in repr(parsed)


def test_texts_are_cleaned_and_capped() -> None:
    long = "A cat sits still. " * 100
    clips = [
        {"end": 8, "description": "A\x07 vase\u202e\u200b\ud800\n on \t the\U000e0041 floor"},
        {"end": 33, "description": long},
    ]
    parsed = parse(json.dumps({"position": 1, "clips": clips, "reasoning": "x" * 9000, "style": "y" * 9000}), 33)
    first, second = parsed.narrative.per_frame()[0], parsed.narrative.per_frame()[-1]
    assert first == "A vase on the floor"
    assert (
        len(second) <= 600
        and second.endswith("still.")
        and parsed.repairs == (f"description 2 shortened to {len(second)} characters",)
    )
    assert len(parsed.narrative.reasoning) <= 4000 and len(parsed.narrative.style) <= 600 and not parsed.faults


def test_the_papers_own_figure_is_known_to_leave_frames_out() -> None:
    figure_3 = (
        '{ Position: 81, Descriptions: ["An intact vase standing on the floor", ..., '
        '"A cat enters the room, breaking the vase", ..., "Vase broken, cat flees"] }'
    )
    parsed = parse(figure_3, 81)
    assert not parsed.recovered and "ellipsis" in parsed.faults[0]
    assert [clip.end for clip in parsed.narrative.clips] == [27, 54, 81] and parsed.narrative.anchor_frame == 80


def test_the_papers_figure_6_is_read_as_it_stands() -> None:
    figure_6 = (
        "Position: 81\nFrame@1-20: The vase is intact.\nFrame@21-45: A cat breaks the vase.\n"
        "Frame@46-70: The cat flees.\nFrame@71-81: The vase is broken."
    )
    parsed = parse(figure_6, 81)
    assert parsed.recovered and [clip.end for clip in parsed.narrative.clips] == [20, 45, 70, 81]


@pytest.mark.parametrize(
    ("clips", "ends"),
    [
        ([(1, 10), (14, 33)], [10, 33]),  # a gap goes to the later clip
        ([(1, 20), (10, 33)], [20, 33]),  # ends win over starts
        ([(1, 10), (11, 30)], [10, 33]),  # the last clip holds to the end
        ([(1, 50), (51, 99)], [17, 33]),  # told for 99 frames: scaled
        ([(1, 33), (5, 20)], [20, 33]),  # put in order
    ],
)
def test_repairs_are_deterministic(clips: list[tuple[int, int]], ends: list[int]) -> None:
    rows = [{"start": s, "end": e, "description": f"Clip at {s}."} for s, e in clips]
    parsed = parse(json.dumps({"position": 5, "clips": rows}), 33)
    assert parsed.faults and parsed.repairs and [clip.end for clip in parsed.narrative.clips] == ends


def test_a_cut_list_holds_its_last_description_and_a_short_one_is_stretched() -> None:
    text = json.dumps({"position": 33, "descriptions": [f"Frame by frame, number {n}." for n in range(1, 12)]})
    assert parse(text, 33).narrative.clips[0].end == 3
    held = parse(text[:-40], 33, cut=True).narrative
    assert held.clips[0].end == 1 and len(held.clips[-1]) > 20


def test_the_complaint_names_what_is_missing() -> None:
    text = json.dumps({"position": 3, "descriptions": ["One thing.", "Another."]})
    assert parse(text, 33).faults == (
        "You gave 2 descriptions where 33 are needed, one per frame; the last 31 are missing.",
    )
    assert parse(reply(position=40), 33).faults == ("Position 40 is outside 1..33.",)


# -- does it make sense? ----------------------------------------------------------------------------------------------


def in_two(first: str, second: str) -> list[dict]:
    return [{"end": 9, "description": first}, {"end": 33, "description": second}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clips": in_two("A vase.", "a VASE.")}, "same description"),
        ({"position": 2, "reasoning": "The image is the result: it comes at the end.", "image": None}, "at the end"),
        ({"reasoning": "The image is clearly the first frame.", "image": None}, "at the beginning"),
        ({"reasoning": "The image belongs at frame 4.", "image": None}, "image at frame 4, but the position is 33"),
        ({"position": 1}, "frames 29..33 fit it better"),
        ({"position": 1, "image": None, "clips": in_two("A vase.", "As in the given image.")}, "shows the given"),
    ],
)  # fmt: skip
def test_a_story_that_contradicts_itself_is_doubted_but_not_changed(changes: dict, words: str) -> None:
    parsed = parse(reply(**changes), 33)
    assert words in parsed.faults[0] and not parsed.repairs and parsed.narrative is not None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"position": 30},
        {"image": "Something else entirely"},
        {"reasoning": "At the beginning the vase is whole; the image is the end."},
        {"reasoning": "The cat enters at frame 9. The image follows at frame 31."},
        {"position": 12, "image": "A cat enters a room with a vase"},
    ],
)
def test_a_sound_story_is_not_doubted(changes: dict) -> None:
    assert parse(reply(**changes), 33).faults == ()
