"""The paper's CLIP scores, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reasondiff.evaluation.metrics.base import measure
from reasondiff.evaluation.metrics.clip_score import ImageScore, TextScore, clipped_cosines, frame_of_caption
from tests.evaluation.stubs import EncoderStub, grey, sample

COS = {degrees: math.cos(math.radians(degrees)) for degrees in (0, 30, 60, 90)}


def test_16_captions_and_81_frames() -> None:
    frames = [frame_of_caption(number, 16, 81) for number in range(16)]
    assert frames == [0, 5, 11, 16, 21, 27, 32, 37, 43, 48, 53, 59, 64, 69, 75, 80]


def test_81_captions_and_16_frames() -> None:
    frames = [frame_of_caption(number, 81, 16) for number in range(81)]
    assert frames[:12] == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2]  # caption 8 is at 1.5: halves to even
    assert frames[24] == 4 and frames[40] == 8 and frames[-1] == 15  # 4.5 and 7.5
    assert frames == sorted(frames) and set(frames) == set(range(16))


@pytest.mark.parametrize(("captions", "frames"), [(16, 16), (33, 33), (1, 33), (5, 1), (16, 97)])
def test_both_clips_last_from_their_first_frame_to_their_last(captions: int, frames: int) -> None:
    chosen = [frame_of_caption(number, captions, frames) for number in range(captions)]
    assert chosen[0] == 0 and chosen[-1] == (frames - 1 if captions > 1 else 0)
    if captions == frames:
        assert chosen == list(range(frames))


def test_each_caption_with_its_own_frame() -> None:
    network = EncoderStub()
    metric = TextScore(network)
    # Three captions and five frames: frames 0, 2 and 4.
    seen = sample(grey(0, 200, 30, 200, 90), captions=["0", "90", "90"])
    assert metric.frames_of(seen) == [0, 2, 4]
    assert metric.measure(seen) == pytest.approx((1 + COS[60] + 1) / 3)
    assert network.seen == [0, 30, 90] and network.read == ["0", "90"]  # other frames are not looked at


def test_an_order_that_is_turned_round_is_a_worse_one() -> None:
    forth, back = grey(0, 30, 60), grey(60, 30, 0)
    captions = ["0", "30", "60"]
    assert TextScore(EncoderStub()).measure(sample(forth, captions=captions)) == pytest.approx(1)
    assert TextScore(EncoderStub()).measure(sample(back, captions=captions)) == pytest.approx((1 + 2 * COS[60]) / 3)


def test_the_prompt_goes_with_every_frame() -> None:
    seen = sample(grey(0, 30, 90), prompt="0")
    assert TextScore(EncoderStub(), of="prompt").measure(seen) == pytest.approx((1 + COS[30]) / 3)
    names = [TextScore(EncoderStub()).name, TextScore(EncoderStub(), of="prompt", by="conse").name]
    assert names == ["clip_text", "conse_prompt"]


def test_the_image_with_every_frame_and_without_its_own() -> None:
    seen = sample(grey(0, 30, 90), image=0, anchor_frame=0)
    assert ImageScore(EncoderStub()).measure(seen) == pytest.approx((1 + COS[30]) / 3)
    assert ImageScore(EncoderStub(), without_anchor=True).measure(seen) == pytest.approx(COS[30] / 2)


def test_a_cosine_below_0_counts_as_0() -> None:
    seen = sample(grey(0, 180), prompt="0")
    assert TextScore(EncoderStub(), of="prompt").measure(seen) == pytest.approx(0.5)  # and not (1 - 1) / 2
    assert clipped_cosines(np.zeros((1, 2)), np.ones((1, 2))).tolist() == [0.0]


def test_what_is_missing_is_said() -> None:
    metrics = [TextScore(EncoderStub()), TextScore(EncoderStub(), of="prompt"), ImageScore(EncoderStub(), "x", True)]
    assert measure(metrics, sample(grey(0), prompt=" ")).missing == {
        "clip_text": "the case has no captions of its true frames",
        "clip_prompt": "the case has no text",
        "x_image_rest": "the system was told no frame for the image",
    }
    only = measure([ImageScore(EncoderStub(), "x", True)], sample(grey(0), anchor_frame=0))
    assert only.missing == {"x_image_rest": "the video has no frame but the image's"}
