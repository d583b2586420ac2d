"""HDR videos are shown as a screen without HDR shows them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from reasondiff.media import timed_frames
from reasondiff.media.hdr import HLG, PQ, as_srgb


def pq(nits: float) -> float:
    """ITU-R BT.2100, table 4: the code value, 0..1, of light in cd/m²."""
    power = (nits / 10_000) ** (2610 / 16384)
    return float(((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 4096 * 128))


def picture(*code: float) -> np.ndarray:
    return np.full((16, 16, 3), np.round(65535 * np.array(code)), np.uint16)


def srgb(light: float) -> float:
    return 255 * (1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    ("nits", "light"),
    [(101.5, 0.5), (50.75, 0.25), (203, 0.75 + 0.25 / 2), (1000, 0.75 + 4.1761 / (1 + 4.1761 / 0.25))],
)
def test_light_stays_up_to_near_white_and_what_is_brighter_is_pressed_together(nits: float, light: float) -> None:
    assert as_srgb(picture(*[pq(nits)] * 3), PQ).mean() == pytest.approx(srgb(light), abs=1)


def test_black_stays_and_nothing_is_brighter_than_white() -> None:
    assert as_srgb(picture(0, 0, 0), PQ).max() == as_srgb(picture(0, 0, 0), HLG).max() == 0
    assert as_srgb(picture(1, 1, 1), PQ).min() >= 254 and as_srgb(picture(1, 1, 1), HLG).min() >= 250


def test_hlg_has_its_white_at_three_quarters() -> None:
    assert as_srgb(picture(0.75, 0.75, 0.75), HLG).mean() == pytest.approx(srgb(0.875), abs=2)  # BT.2408: 203 cd/m²


def test_a_red_of_srgb_is_that_red_again() -> None:
    in_bt2020 = 100 * np.array([0.6274, 0.0691, 0.0164])
    red, green, blue = as_srgb(picture(*map(pq, in_bt2020)), PQ)[0, 0]
    assert red == pytest.approx(srgb(100 / 203), abs=1) and max(green, blue) <= 10


@pytest.mark.parametrize("transfer", [PQ, 1])
def test_a_videos_own_word_decides(transfer: int, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as made:
        stream = made.add_stream("ffv1", rate=5)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9
        for _ in range(3):
            frame = av.VideoFrame(16, 16, "yuv420p10le")
            levels = (round(64 + 876 * pq(101.5)), 512, 512)
            for plane, level in zip(frame.planes, levels, strict=True):
                plane.update(np.full(plane.buffer_size // 2, level, "<u2").tobytes())
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    shown = next(timed_frames(tmp_path / "a.mkv")).image()
    expected = srgb(0.5) if transfer == PQ else 255 * pq(101.5)
    assert shown.mean() == pytest.approx(expected, abs=2)
