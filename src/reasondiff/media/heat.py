"""A heat map laid over a video."""

from __future__ import annotations

import numpy as np
from PIL import Image

from reasondiff.errors import InputError

__all__ = ["heat_overlay"]

_STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
_COLOURS = ((18, 16, 48), (84, 25, 122), (197, 52, 96), (248, 147, 60), (252, 245, 180))
"""From cold to hot, darker to lighter, so that it reads in grey as well."""


def heat_overlay(frames: np.ndarray, heat: np.ndarray, strength: float = 0.75) -> np.ndarray:
    """Colour the frames by heat; all frames share one scale, whose top is the hottest place.

    Args:
        frames: uint8 [frames, height, width, 3].
        heat: [frames, rows, columns], 0 or more.
        strength: how much of the frame the heat covers, 0..1.

    Returns:
        uint8, as ``frames``.

    Raises:
        InputError: the numbers of frames differ.
    """
    if len(frames) != len(heat):
        raise InputError(f"There are {len(frames)} frames and heat for {len(heat)}; give one map per frame.")
    top = float(heat.max()) or 1.0
    height, width = frames.shape[1:3]
    out = np.empty_like(frames)
    for number, (frame, each) in enumerate(zip(frames, heat, strict=True)):
        grown = Image.fromarray((each / top).astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
        share = np.clip(np.asarray(grown), 0, 1)
        colours = np.stack([np.interp(share, _STOPS, channel) for channel in zip(*_COLOURS, strict=True)], axis=-1)
        out[number] = np.round((1 - strength) * frame + strength * colours).astype(np.uint8)
    return out
