"""Videos as tensors: pixels to -1..1 and back, what stands out of a scene, and how alike two videos are."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["foreground", "psnr", "to_pixels", "to_tensor"]

_SMALLEST_ERROR = 1e-10
"""Below this mean squared error, of a range of 1, images count as equal: 100 dB."""


def to_tensor(frames: np.ndarray) -> Tensor:
    """uint8 [batch, frames, height, width, 3] to float [batch, 3, frames, height, width] in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_pixels(video: Tensor) -> np.ndarray:
    """float [batch, 3, frames, height, width] in -1..1 to uint8 [batch, frames, height, width, 3]."""
    return ((video.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()


def foreground(clean: Tensor, scene: Tensor) -> Tensor:
    """1 where ``clean`` differs visibly from ``scene`` in any channel: [batch, 1, frames, height, width]."""
    return ((clean - scene).abs().amax(1, keepdim=True) > 0.1).to(clean.dtype)


def psnr(one: np.ndarray | Tensor, other: np.ndarray | Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB, to two decimals; 100 for equal pixels.

    Args:
        one: uint8 pixels in any arrangement, or a tensor in -1..1, which is cut to that range.
        other: of the same shape.
        mask: where to look, 1 or 0, in a shape that can be expanded to theirs, such as one plane for three channels.
    """
    error = (_signed(one) - _signed(other)).square() / 4
    weights = torch.ones_like(error) if mask is None else mask.expand_as(error)
    mean = (error * weights).sum() / weights.sum().clamp(min=1)
    return round(-10 * math.log10(max(float(mean), _SMALLEST_ERROR)), 2)


def _signed(pixels: np.ndarray | Tensor) -> Tensor:
    """Pixels in -1..1; bytes in double precision, so that the squares of small differences are exact."""
    if isinstance(pixels, np.ndarray):
        return torch.from_numpy(pixels.astype(np.float64)) / 127.5 - 1
    return pixels.float().clamp(-1, 1)
