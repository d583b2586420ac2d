"""Wan's condition for an anchor at any frame."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKLWan
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from reasondiff.backends.wan.conditioning import (
    anchor_mask,
    decode_video,
    encode_anchor_latents,
    encode_on_grey,
    encode_video,
    normalised,
    timeline_of,
    unnormalised,
)
from reasondiff.errors import InputError
from reasondiff.timeline import Timeline
from tests import tiny

timelines = st.builds(Timeline.from_latent, st.integers(1, 21), st.sampled_from([4, 8]))


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLWan:
    return tiny.vae()


def pictures(count: int = 1, seed: int = 0) -> Tensor:
    """[count, 3, 32, 32] in -1..1."""
    return tiny.randn(count, 3, 32, 32, seed=seed).tanh()


def frames_in(mask: Tensor) -> list[int]:
    """The frames that a mask [1, stride, latent frames, height, width] says are given: the rule read backwards."""
    stride = mask.shape[1]
    flags = mask[0, :, :, 0, 0]
    assert torch.equal(mask, flags[None, :, :, None, None].expand_as(mask))  # the same everywhere in a frame
    first = [0] if flags[:, 0].all() else []
    assert flags[:, 0].all() or not flags[:, 0].any()  # one frame, all slots
    return first + [
        stride * (k - 1) + 1 + slot for k in range(1, flags.shape[1]) for slot in range(stride) if flags[slot, k]
    ]


@given(timelines, st.data())
def test_the_mask_tells_the_truth_about_every_frame(timeline: Timeline, data: st.DataObject) -> None:
    anchors = data.draw(st.sets(st.integers(0, timeline.num_frames - 1), max_size=3))
    mask = anchor_mask(timeline, sorted(anchors), 2, 3)
    assert mask.shape == (1, timeline.stride, timeline.num_latent_frames, 2, 3)
    assert frames_in(mask) == sorted(anchors)


@given(st.integers(0, 80))
def test_the_rule_as_the_paper_map_states_it(frame: int) -> None:
    mask = anchor_mask(Timeline(81), [frame], 1, 1)[0, :, :, 0, 0]
    expected = torch.zeros(4, 21)
    if frame == 0:
        expected[:, 0] = 1
    else:
        expected[(frame + 3) % 4, (frame + 3) // 4] = 1
    assert torch.equal(mask, expected)


@pytest.mark.parametrize("last", [False, True])
def test_the_ends_are_stock_wans_own_condition(last: bool) -> None:
    pipe = tiny.pipeline()
    images = pictures(2)
    _, stock = pipe.prepare_latents(
        images[:1],
        batch_size=1,
        num_channels_latents=tiny.LATENT_CHANNELS,
        height=32,
        width=32,
        num_frames=17,
        dtype=torch.float32,
        device=torch.device("cpu"),
        last_image=images[1:] if last else None,
    )
    frames = [0, 16] if last else [0]
    timeline = timeline_of(pipe.vae, 17)
    with torch.no_grad():
        latents = encode_on_grey(pipe.vae, images[None, : len(frames)], frames, timeline)
    assert torch.equal(torch.cat([anchor_mask(timeline, frames, 4, 4), latents], dim=1), stock)


@torch.no_grad()
def test_an_anchor_later_on_leaves_the_grey_past_alone_and_marks_the_future(vae: AutoencoderKLWan) -> None:
    timeline = timeline_of(vae, 17)
    empty = encode_video(vae, torch.zeros(1, 3, 17, 32, 32))
    anchored = encode_on_grey(vae, pictures()[None], [6], timeline)  # frame 6 lies in latent frame 2
    changed = (anchored != empty).flatten(3).any(dim=(0, 1, 3))
    assert changed.tolist() == [False, False, True, True, True]


@torch.no_grad()
def test_an_anchors_two_latents_are_those_of_a_first_frame_and_of_a_held_picture(vae: AutoencoderKLWan) -> None:
    picture = pictures()
    both = encode_anchor_latents(vae, picture)
    assert both.shape == (1, tiny.LATENT_CHANNELS, 2, 4, 4)
    still = encode_video(vae, picture[:, :, None].expand(-1, -1, 17, -1, -1))
    torch.testing.assert_close(both, still[:, :, :2])
    torch.testing.assert_close(both[:, :, :1], encode_video(vae, picture[:, :, None]))
    torch.testing.assert_close(encode_anchor_latents(vae, picture, repeated=False), both[:, :, :1])
    assert not torch.allclose(both[:, :, 0], both[:, :, 1], atol=1e-3)


@torch.no_grad()
def test_four_copies_would_be_read_as_one(vae: AutoencoderKLWan) -> None:
    # Why an anchor is five copies: the VAE drops a chunk that is not full, in silence.
    assert encode_video(vae, pictures()[:, :, None].expand(-1, -1, 4, -1, -1)).shape[2] == 1


@torch.no_grad()
def test_an_anchor_does_not_depend_on_its_batch(vae: AutoencoderKLWan) -> None:
    pair = pictures(2)
    torch.testing.assert_close(encode_anchor_latents(vae, pair)[1:], encode_anchor_latents(vae, pair[1:]))


def test_latents_are_normalised_by_the_vaes_own_statistics(vae: AutoencoderKLWan) -> None:
    raw = tiny.randn(1, 4, 2, 3, 3)
    mean, std = (torch.tensor(x).view(1, 4, 1, 1, 1) for x in ([0.1, -0.2, 0.3, -0.4], [0.5, 0.8, 1.2, 1.5]))
    torch.testing.assert_close(normalised(vae, raw), (raw - mean) / std)
    torch.testing.assert_close(unnormalised(vae, normalised(vae, raw)), raw)


@torch.no_grad()
def test_encoding_takes_the_mode_and_decoding_gives_frames_back(vae: AutoencoderKLWan) -> None:
    video = tiny.randn(1, 3, 9, 32, 32).tanh()
    latents = encode_video(vae, video)
    assert latents.shape == (1, 4, 3, 4, 4)
    assert latents.dtype == torch.float32
    torch.testing.assert_close(unnormalised(vae, latents), vae.encode(video).latent_dist.mean)
    decoded = decode_video(vae, latents)
    assert decoded.shape == video.shape
    assert decoded.abs().max() <= 1


@torch.no_grad()
def test_another_stride_is_read_from_the_vae() -> None:
    square = tiny.vae(
        base_dim=4,
        dim_mult=[1, 1, 1],
        temperal_downsample=[True, True],
        scale_factor_spatial=4,
        scale_factor_temporal=4,
    )
    assert timeline_of(square, 33).num_latent_frames == 9
    assert encode_anchor_latents(square, pictures()).shape == (1, 4, 2, 8, 8)


def test_an_anchor_outside_the_clip_is_refused(vae: AutoencoderKLWan) -> None:
    timeline = timeline_of(vae, 17)
    with pytest.raises(InputError, match=r"Position 18 is outside 1\.\.17"):
        anchor_mask(timeline, [17], 4, 4)
    with pytest.raises(InputError, match=r"Position 18 is outside 1\.\.17"):
        encode_on_grey(vae, pictures()[None], [17], timeline)
    with pytest.raises(InputError, match="16 frames do not fit this VAE"):
        timeline_of(vae, 16)
