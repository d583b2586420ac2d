"""Still clips are told from those in which something moves, where OpenCV is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from reasondiff.data.motion import motion
from reasondiff.data.sample import sample
from reasondiff.data.scan import scan
from reasondiff.data.sets import write_set
from reasondiff.data.spans import Sampling
from reasondiff.errors import InputError
from reasondiff.media import write_video

opencv = pytest.mark.skipif(find_spec("cv2") is None, reason="OpenCV is not installed")


def moving(pixels: int, count: int = 20, noise: float = 0.0) -> np.ndarray:
    """A structured picture of 128x128 that goes so many pixels to the right in every frame."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (24, 48)).repeat(16, 0).repeat(16, 1)
    wide = np.stack([np.roll(coarse, pixels * number, 1)[:128, 300:428] for number in range(count)])
    grain = rng.normal(0, noise, wide.shape)
    return np.clip(wide + grain, 0, 255).astype(np.uint8)[..., None].repeat(3, -1)


@opencv
@pytest.mark.parametrize("pixels", [1, 2, 4])
def test_motion_is_in_per_cent_of_the_height_a_second(pixels: int) -> None:
    assert motion(list(moving(pixels)), 0.2) == pytest.approx(100 * pixels / 128 / 0.2, rel=0.15)


@opencv
def test_grain_hardly_counts() -> None:
    assert motion(list(moving(0)), 0.2) < 0.05
    assert motion(list(moving(0, noise=6)), 0.2) < 0.25 * motion(list(moving(1, noise=6)), 0.2)


@opencv
def test_still_clips_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for name, pixels in (("still", 0), ("moving", 1)):
        write_video(tmp_path / "videos" / f"{name}.mp4", moving(pixels, 60), 25)
    write_set(tmp_path / "set", scan(tmp_path / "videos"))
    sampling = Sampling(num_frames=9, step=0.2, width=64, height=64)
    everything = sample(tmp_path / "set", tmp_path / "videos", sampling)
    assert [clip.origin for clip in everything.clips] == ["moving.mp4", "still.mp4"]
    some = sample(tmp_path / "set", tmp_path / "videos", Sampling(9, 0.2, 64, 64, min_motion=1.0))
    assert [clip.origin for clip in some.clips] == ["moving.mp4"] and some.kept == 0
    [left_out] = some.unusable
    assert left_out.row.startswith("still.mp4 from 0.") and left_out.reason == "hardly anything moves in it"
    assert left_out.detail.endswith("% of the height a second")
    assert len(list((tmp_path / "set" / "clips").iterdir())) == 1


def test_what_is_missing_or_no_bound_is_said() -> None:
    with pytest.raises(InputError, match="A motion of -1 % a second is no bound; give 0 for none, or such as 1"):
        Sampling(min_motion=-1)
    if find_spec("cv2") is None:
        with pytest.raises(InputError, match=r"needs OpenCV; run pip install 'reasondiff\[scenes\]'\."):
            motion(list(moving(0)), 0.2)
