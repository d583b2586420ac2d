"""Videos as tensors: pixels to -1..1 and back, what stands out of a scene, and how alike two videos are."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["foreground", "psnr", "to_pixels", "to_tensor"]


def to_tensor(frames: np.ndarray) -> Tensor:
    """uint8 [batch, frames, height, width, 3] to float [batch, 3, frames, height, width] in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_pixels(video: Tensor) -> np.ndarray:
    """float [batch, 3, frames, height, width] in -1..1 to uint8 [batch, frames, height, width, 3]."""
    return ((video.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()


def foreground(clean: Tensor, scene: Tensor) -> Tensor:
    """1 where ``clean`` differs visibly from ``scene`` in any channel: [batch, 1, frames, height, width]."""
    return ((clean - scene).abs().amax(1, keepdim=True) > 0.1).to(clean.dtype)


def psnr(decoded: Tensor, clean: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB of videos in -1..1, over the whole or where ``mask`` is 1."""
    error = (decoded.float().clamp(-1, 1) - clean).square() / 4
    mean = error.mean() if mask is None else (error * mask).sum() / (mask.sum() * error.shape[1]).clamp(min=1)
    return round(-10 * math.log10(max(float(mean), 1e-10)), 2)
