"""How much moves in a clip, by OpenCV's DIS optical flow: a still clip teaches no story."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image

from reasondiff.errors import InputError

__all__ = ["check_motion", "motion"]

_HEIGHT = 128
"""Pixels that frames are looked at in: grain is averaged away, and what a viewer sees move is not."""


def check_motion() -> None:
    """Raise ``InputError`` unless OpenCV is installed."""
    try:
        import cv2
    except ImportError:
        raise InputError("Measuring motion needs OpenCV; run pip install 'reasondiff[scenes]'.") from None
    assert cv2


def motion(frames: Sequence[np.ndarray], step: float) -> float:
    """The mean speed of all pixels, in per cent of the frame's height per second.

    Args:
        frames: uint8 [height, width, 3], two or more.
        step: seconds between them.

    Raises:
        InputError: OpenCV is not installed.
    """
    check_motion()
    import cv2

    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [_small(frame) for frame in frames]
    lengths = [
        float(np.linalg.norm(flow_of.calc(before, after, None), axis=2).mean()) for before, after in pairwise(grey)
    ]
    return 100 * sum(lengths) / len(lengths) / _HEIGHT / step


def _small(frame: np.ndarray) -> np.ndarray:
    image = Image.fromarray(frame).convert("L")
    width = max(16, round(image.width * _HEIGHT / image.height))  # DIS looks at patches of 8 pixels
    return np.asarray(image.resize((width, _HEIGHT), Image.Resampling.BOX))
