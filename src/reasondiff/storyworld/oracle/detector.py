"""The oracle's detector: a small convolutional network that says, frame by frame, what is where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from reasondiff.errors import InputError

__all__ = ["SIDE", "Detection", "Detector", "detect"]

SIDE = 64
"""Width and height of the frames the network looks at; positions are given in these pixels."""
_CELL = 4
_FAINT = 0.2
"""Peaks below this are not worth a word."""
_AROUND = 5
"""A thing's colour is that of a square of twice so many pixels around its middle."""
_APART = 9.0
"""Peaks of one class nearer to each other than this are one thing."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing in one frame.

    Args:
        name: its class, such as ``cat`` or ``vase/broken``.
        x, y: its middle, in pixels of a 64 x 64 frame; clamped to the frame where it is half outside.
        score: 0..1, how sure the network is.
        colour: of what is there, RGB 0..255; None where nobody looked.
    """

    name: str
    x: float
    y: float
    score: float
    colour: tuple[float, float, float] | None = None


class Detector(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers' own bases disagree
    """Heat maps of what is where, one per class.

    Args:
        classes: species (``cat``) and objects with their state (``vase/broken``).
        widths: channels at a half, a quarter and an eighth of the resolution.
        deep_layers: residual layers at an eighth.
    """

    @register_to_config
    def __init__(
        self, classes: Sequence[str] = (), widths: Sequence[int] = (32, 64, 112), deep_layers: int = 2, groups: int = 8
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.stem = nn.Sequential(_layer(3, fine, groups, stride=2), _layer(fine, middle, groups, stride=2))
        self.down = _layer(middle, coarse, groups, stride=2)
        self.deep = nn.ModuleList(_layer(coarse, coarse, groups) for _ in range(deep_layers))
        self.up = nn.Conv2d(coarse, middle, 1)
        self.merge = _layer(middle, middle, groups)
        self.head = nn.Conv2d(middle, len(classes), 1)
        nn.init.constant_(
            self.head.get_parameter("bias"), -4.0
        )  # hardly anything is anywhere: training starts from that

    def forward(self, frames: Tensor) -> Tensor:
        """Logits [batch, classes, 16, 16] of frames [batch, 3, 64, 64] in -1..1."""
        fine = self.stem(frames)
        coarse = self.down(fine)
        for layer in self.deep:
            coarse = coarse + layer(coarse)
        merged = self.merge(fine + F.interpolate(self.up(coarse), scale_factor=2.0))
        return self.head(merged)


def _layer(incoming: int, outgoing: int, groups: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(incoming, outgoing, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(groups, outgoing), nn.SiLU())


@torch.inference_mode()
def detect(net: Detector, video: np.ndarray) -> list[list[Detection]]:
    """Detect everything in sight, frame by frame, the surest first.

    Args:
        net: the network.
        video: uint8 [frames, height, width, 3]; other sizes than 64 x 64 are resized.

    Raises:
        InputError: ``video`` has another shape or type.
    """
    if video.ndim != 4 or video.shape[-1] != 3 or video.dtype != np.uint8 or not video.size:
        raise InputError(f"The oracle was given {video.dtype} {video.shape}; give uint8 [frames, height, width, 3].")
    frames = torch.from_numpy(np.array(video)).permute(0, 3, 1, 2).to(net.device, torch.float32)
    if frames.shape[-2:] != (SIDE, SIDE):
        frames = F.interpolate(frames, (SIDE, SIDE), mode="bilinear", antialias=True)
    heat = torch.cat([net(part).sigmoid() for part in torch.split(frames / 127.5 - 1, 64)]).float().cpu()
    pixels = F.avg_pool2d(F.pad(frames, (1, 1, 1, 1), mode="replicate"), 3, 1).permute(0, 2, 3, 1).cpu().numpy()
    return [
        [replace(one, colour=_colour(picture, one)) for one in _peaks(net.config["classes"], maps)]
        for picture, maps in zip(pixels, heat.numpy(), strict=True)
    ]


def _colour(picture: np.ndarray, one: Detection) -> tuple[float, float, float]:
    """The mean of the more colourful half of the pixels around a thing's middle, RGB 0..255."""
    left, top = (int(min(max(round(place) - _AROUND, 0), SIDE - 2 * _AROUND)) for place in (one.x, one.y))
    around = picture[top : top + 2 * _AROUND, left : left + 2 * _AROUND].reshape(-1, 3)
    colourful = around[np.argsort(around.max(1) - around.min(1))[len(around) // 2 :]]
    red, green, blue = colourful.mean(0).tolist()
    return red, green, blue


def _peaks(classes: Sequence[str], heat: np.ndarray) -> list[Detection]:
    """Local maxima of one frame's maps [classes, 16, 16], each placed between cells by its neighbours' heat."""
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)))
    rows, columns = heat.shape[1:]
    around = np.stack([padded[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)])
    found: list[Detection] = []
    candidates = np.argwhere((heat >= _FAINT) & (heat >= around.max(0)))
    for kind, row, column in sorted(candidates.tolist(), key=lambda c: -heat[tuple(c)]):
        near = padded[kind, row : row + 3, column : column + 3] ** 2
        dy, dx = (near.sum(1) @ (-1, 0, 1), near.sum(0) @ (-1, 0, 1)) / near.sum()
        x, y = (column + 0.5 + dx) * _CELL, (row + 0.5 + dy) * _CELL
        name = classes[kind]
        if all(other.name != name or np.hypot(other.x - x, other.y - y) >= _APART for other in found):
            found.append(Detection(name, float(x), float(y), float(heat[kind, row, column])))
    return found
