"""The benchmarks of data: what they count is what is written, and every decoder takes the same frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.decoding import ours, plain_pyav, write
from benchmarks.text_bytes import RESEARCH_CODE, bytes_per_clip


def test_the_bytes_of_a_clip_are_its_tokens() -> None:
    assert RESEARCH_CODE == 33 * 512 * 4096 * 2
    assert bytes_per_clip(4, 8) == pytest.approx(4 * 64 * 4096 * 2, rel=1e-3)


def test_plain_pyav_takes_the_frames_that_we_take(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    assert write(path, 64, 48, 7.0) == 210
    assert np.array_equal(ours(path), plain_pyav(path))
