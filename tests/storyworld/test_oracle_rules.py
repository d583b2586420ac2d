"""The story rules on detections written by hand: no network, no pixels."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reasondiff.errors import InputError
from reasondiff.storyworld.oracle import Anchor, Detection, judge_detections
from reasondiff.storyworld.stories import Story

Clip = list[list[Detection]]
CAT_AND_VASE = Story("vase", "cat")
COUNT, CHANGE = 33, 12


def here(name: str, x: float, y: float = 48.0, score: float = 0.9) -> Detection:
    return Detection(name, x, y, score)


def cat_at(frame: int) -> float:
    """It comes in from the left in frame 5, is at the vase in frames 10 to 13, and is out again after frame 19."""
    return min(2 + 4 * (frame - 5), 22 if frame <= 13 else 22 - 4 * (frame - 13) + 4)


def a_cat_breaks_a_vase() -> Clip:
    clip = [[here("vase/intact" if frame < CHANGE else "vase/broken", 34)] for frame in range(COUNT)]
    for frame in range(5, 20):
        clip[frame].append(here("cat", cat_at(frame)))
    return clip


def a_cat_passes_a_bicycle() -> Clip:
    clip = [[here("bicycle/parked", 34)] for _ in range(COUNT)]
    for frame in range(5, 20):
        clip[frame].append(here("cat", 2 + 60 * (frame - 5) / 14))
    return clip


def without(clip: Clip, name: str, frames: range | None = None) -> Clip:
    chosen = frames or range(len(clip))
    return [[one for one in s if f not in chosen or not one.name.startswith(name)] for f, s in enumerate(clip)]


def also(clip: Clip, extra: Callable[[int], Detection], frames: range) -> Clip:
    return [[*detections, extra(frame)] if frame in frames else detections for frame, detections in enumerate(clip)]


def restated(clip: Clip, name: str, frames: range) -> Clip:
    rest = without(clip, "vase", frames)
    return also(rest, lambda frame: here(name, 34), frames)


def test_the_story_as_it_should_be_passes() -> None:
    verdict = judge_detections(a_cat_breaks_a_vase(), CAT_AND_VASE)
    assert str(verdict) == "pass"
    assert verdict.passed
    assert (verdict.agent_right, verdict.state_right, verdict.anchor_right) == (True, True, None)
    assert (verdict.change, verdict.visit) == (CHANGE, (5, 19))
    assert judge_detections(a_cat_passes_a_bicycle(), Story("bicycle", "cat")).passed


WRONG: dict[str, tuple[Clip, str]] = {
    "nothing at all": ([[] for _ in range(COUNT)], "the cat is never seen"),
    "no cat": (without(a_cat_breaks_a_vase(), "cat"), "the cat is never seen"),
    "a cat for a moment": (without(a_cat_breaks_a_vase(), "cat", range(7, 33)), "the cat is hardly seen"),
    "a second cat": (
        also(a_cat_breaks_a_vase(), lambda f: here("cat", cat_at(f) + 26), range(9, 12)),
        "there are two of the cat",
    ),
    "a dog as well": (
        also(a_cat_breaks_a_vase(), lambda f: here("dog", 50), range(20, 24)),
        "a dog is seen, which nobody named",
    ),
    "a candle as well": (
        also(a_cat_breaks_a_vase(), lambda f: here("candle/out", 10), range(20, 24)),
        "a candle is seen, which is not in the story",
    ),
    "no vase": (without(a_cat_breaks_a_vase(), "vase"), "the vase is never seen"),
    "a vase that never breaks": (
        restated(a_cat_breaks_a_vase(), "vase/intact", range(COUNT)),
        "the vase is never other than intact",
    ),
    "a vase broken from the start": (
        restated(a_cat_breaks_a_vase(), "vase/broken", range(COUNT)),
        "the vase is never other than broken",
    ),
    "a vase whole again at the end": (
        restated(a_cat_breaks_a_vase(), "vase/intact", range(29, 33)),
        "the vase does not change from intact to broken once",
    ),
    "a vase that breaks too early": (
        restated(a_cat_breaks_a_vase(), "vase/broken", range(3, 33)),
        "the vase changes before the cat comes",
    ),
    "a vase that breaks by itself": (
        restated(a_cat_breaks_a_vase(), "vase/intact", range(25)),
        "the vase changes while the cat is away",
    ),
    "a blurred vase": (without(a_cat_breaks_a_vase(), "vase", range(18, 30)), "the vase is not clear"),
    "a vase that wanders": (
        also(without(a_cat_breaks_a_vase(), "vase", range(24, 30)), lambda f: here("vase/broken", 55), range(24, 30)),
        "the vase does not stay the same one in its place",
    ),
    "a cat there from the start": (
        also(a_cat_breaks_a_vase(), lambda f: here("cat", 2), range(5)),
        "the cat is there from the start",
    ),
    "a cat that stays": (
        also(a_cat_breaks_a_vase(), lambda f: here("cat", 2), range(20, 33)),
        "the cat is still there at the end",
    ),
    "a cat out of nothing": (without(a_cat_breaks_a_vase(), "cat", range(5, 10)), "the cat appears out of nothing"),
    "a cat into nothing": (without(a_cat_breaks_a_vase(), "cat", range(14, 20)), "the cat vanishes into nothing"),
    "a cat that jumps": (
        also(without(a_cat_breaks_a_vase(), "cat", range(15, 20)), lambda f: here("cat", 54), range(15, 20)),
        "the cat jumps from one place to another",
    ),
    "a cat lost on its way": (
        without(a_cat_breaks_a_vase(), "cat", range(7, 12)),
        "the cat is lost on its way",
    ),
}


@pytest.mark.parametrize(("clip", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(clip: Clip, reason: str) -> None:
    verdict = judge_detections(clip, CAT_AND_VASE)
    assert reason in verdict.reasons
    assert str(verdict) == f"fail: {verdict.reasons[0]}"


def test_one_misread_frame_is_no_story() -> None:
    clip = restated(a_cat_breaks_a_vase(), "vase/intact", range(28, 29))
    clip = also(clip, lambda f: here("dog", 50), range(25, 26))
    clip = also(clip, lambda f: here("cat", 50), range(11, 12))
    assert judge_detections(clip, CAT_AND_VASE).passed


def test_what_is_unclear_is_nothing() -> None:
    clip = also(a_cat_breaks_a_vase(), lambda f: here("dog", 50, score=0.45), range(COUNT))
    assert judge_detections(clip, CAT_AND_VASE).passed
    dim = [[here(o.name, o.x, o.y, 0.45) if o.name == "cat" else o for o in s] for s in a_cat_breaks_a_vase()]
    assert judge_detections(dim, CAT_AND_VASE).reasons[0] == "the cat is never seen"


def test_timing_is_free() -> None:
    clip = a_cat_breaks_a_vase()
    for shift in range(-3, 12):
        rolled = [clip[min(max(frame - shift, 0), COUNT - 1)] for frame in range(COUNT)]
        assert judge_detections(rolled, CAT_AND_VASE).passed
        assert judge_detections(rolled, CAT_AND_VASE).change == CHANGE + shift


def test_whoever_passes_must_pass() -> None:
    story, clip = Story("bicycle", "cat"), a_cat_passes_a_bicycle()
    turned = [clip[frame if frame < 10 else max(0, 19 - frame)] for frame in range(COUNT)]
    assert judge_detections(turned, story).reasons == ("the cat does not pass the bicycle",)
    assert judge_detections(clip[::-1], story).passed, "passing from the other side is passing"


def test_a_person_acts_at_the_window_and_not_at_the_candle() -> None:
    def told(person: float, opened: bool) -> Clip:
        clip = [[here("candle/burning" if frame < CHANGE else "candle/out", 16)] for frame in range(COUNT)]
        for frame in range(COUNT):
            clip[frame].append(here("wall/open" if opened and frame >= CHANGE - 1 else "wall/closed", 50, 20))
        way = [62 + (person - 62) * step / 4 for step in range(5)]
        for frame, x in enumerate([*way, *[person] * 4, *reversed(way)], 5):
            clip[frame].append(here("person", x))
        return clip

    story = Story("candle", "person")
    assert judge_detections(told(48, opened=True), story).passed
    assert judge_detections(told(48, opened=False), story).reasons == ("the window is never opened",)
    assert "the candle changes while the person is away" in judge_detections(told(30, opened=True), story).reasons


def test_hard_variants_waive_what_they_say() -> None:
    from_start = also(a_cat_breaks_a_vase(), lambda f: here("cat", 2), range(5))
    to_the_end = also(a_cat_breaks_a_vase(), lambda f: here("cat", 2), range(20, 33))
    with_dog = also(a_cat_breaks_a_vase(), lambda f: here("dog", 50), range(20, 28))
    with_candle = also(a_cat_breaks_a_vase(), lambda f: here("candle/burning", 10), range(COUNT))
    for variant, clip in (
        ("present", from_start),
        ("stays", to_the_end),
        ("distractor", with_dog),
        ("two_objects", with_candle),
    ):
        assert judge_detections(clip, CAT_AND_VASE, variant).passed
        others = {"core", "present", "stays", "distractor", "two_objects"} - {variant}
        assert not any(judge_detections(clip, CAT_AND_VASE, other).passed for other in others)
    both_break = also(without(with_candle, "candle", range(15, 33)), lambda f: here("candle/out", 10), range(15, 33))
    assert judge_detections(both_break, CAT_AND_VASE, "two_objects").reasons == ("the candle changes too",)


def test_a_spared_object_must_stay_as_it_is() -> None:
    story = Story("vase", "cat", spared=True)
    clip = [[here("vase/intact", 34), *[one for one in s if one.name == "cat"]] for s in a_cat_passes_a_bicycle()]
    assert judge_detections(clip, story, "spared").passed
    hidden = without(clip, "cat", range(10, 15))
    assert judge_detections(hidden, story, "behind").passed
    assert judge_detections(hidden, story, "core").reasons == ("the cat is lost on its way",)
    broken = restated(clip, "vase/broken", range(15, 33))
    assert judge_detections(broken, story, "spared").reasons == ("the vase does not stay intact",)


def test_the_anchor_frame_shows_what_the_image_shows() -> None:
    clip = a_cat_breaks_a_vase()
    for frame in range(COUNT):
        assert judge_detections(clip, CAT_AND_VASE, anchor=Anchor(frame, clip[frame])).anchor_right
    for frame, image, reason in (
        (25, clip[0], "frame 26 does not show the vase as the image does"),
        (0, clip[25], "frame 1 does not show the vase as the image does"),
        (2, clip[8], "frame 3 does not show the cat as the image does"),
        (8, clip[2], "frame 9 shows the cat, the image does not"),
        (6, clip[10], "frame 7 does not show the cat as the image does"),
        (0, [here("vase/intact", 50)], "the vase is not where the image has it"),
    ):
        verdict = judge_detections(clip, CAT_AND_VASE, anchor=Anchor(frame, image))
        assert verdict.reasons == (reason,)
        assert verdict.anchor_right is False


def test_an_image_with_the_agent_at_the_start_waives_its_coming() -> None:
    clip = also(a_cat_breaks_a_vase(), lambda f: here("cat", 2), range(5))
    assert not judge_detections(clip, CAT_AND_VASE, anchor=Anchor(25, clip[25])).passed
    assert judge_detections(clip, CAT_AND_VASE, anchor=Anchor(0, clip[0])).passed


def test_short_clips_fail_in_words() -> None:
    assert judge_detections([[]], CAT_AND_VASE).reasons[0] == "the cat is never seen"
    assert not judge_detections(a_cat_breaks_a_vase()[:1], CAT_AND_VASE).passed


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="no variant 'sideways'"):
        judge_detections([[]], CAT_AND_VASE, "sideways")
    with pytest.raises(InputError, match=r"outside the video's 0\.\.32"):
        judge_detections(a_cat_breaks_a_vase(), CAT_AND_VASE, anchor=Anchor(33, []))
