"""Pixel frames and latent frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.errors import InputError
from reasondiff.timeline import Timeline

timelines = st.builds(Timeline.from_latent, st.integers(1, 40), st.sampled_from([1, 2, 4, 8]))


def test_wans_81_frames() -> None:
    wan = Timeline(81)
    assert wan.num_latent_frames == 21
    assert [wan.latent_of(frame) for frame in (0, 1, 4, 5, 80)] == [0, 1, 1, 2, 20]
    assert [wan.slot_of(frame) for frame in (0, 1, 2, 3, 4, 5)] == [0, 0, 1, 2, 3, 0]
    assert wan.frames_of(0) == range(1)
    assert wan.frames_of(20) == range(77, 81)


def test_ltxs_stride_of_eight() -> None:
    ltx = Timeline(17, stride=8)
    assert [ltx.frames_of(k) for k in range(3)] == [range(1), range(1, 9), range(9, 17)]


@given(timelines)
def test_latent_frames_hold_every_frame_once_and_in_order(timeline: Timeline) -> None:
    held = [frame for k in range(timeline.num_latent_frames) for frame in timeline.frames_of(k)]
    assert held == list(range(timeline.num_frames))


@given(timelines, st.data())
def test_latent_frame_and_slot_say_which_frame_it_was(timeline: Timeline, data: st.DataObject) -> None:
    frame = data.draw(st.integers(0, timeline.num_frames - 1))
    held = timeline.frames_of(timeline.latent_of(frame))
    assert held[timeline.slot_of(frame)] == frame


@given(timelines)
def test_both_ways_of_making_one_agree(timeline: Timeline) -> None:
    assert Timeline(timeline.num_frames, timeline.stride) == timeline


@pytest.mark.parametrize(
    ("frames", "stride", "message"),
    [
        (80, 4, "80 frames do not fit this VAE, which takes 4k+1; give 77 or 81."),
        (2, 4, "2 frames do not fit this VAE, which takes 4k+1; give 1 or 5."),
        (82, 8, "82 frames do not fit this VAE, which takes 8k+1; give 81 or 89."),
        (0, 4, "0 frames do not fit this VAE, which takes 4k+1; give 1."),
        (-3, 4, "-3 frames do not fit this VAE, which takes 4k+1; give 1."),
        (5, 0, "The temporal stride is 0; give 1 or more."),
    ],
)
def test_what_a_vae_cannot_hold_is_refused(frames: int, stride: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Timeline(frames, stride)
    assert str(caught.value) == message


@pytest.mark.parametrize("frame", [-1, 33, 100])
def test_frames_outside_the_clip_are_refused_with_their_position(frame: int) -> None:
    timeline = Timeline(33)
    for ask in (timeline.check, timeline.latent_of, timeline.slot_of):
        with pytest.raises(
            InputError, match=rf"Position {frame + 1} is outside 1\.\.33; give a position in that range"
        ):
            ask(frame)


def test_latent_frames_outside_the_clip_are_refused() -> None:
    with pytest.raises(InputError, match=r"Latent frame 9 is outside 0\.\.8"):
        Timeline(33).frames_of(9)
