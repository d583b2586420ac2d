"""Networks that can be computed by hand, and samples for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from torch import Tensor

from reasondiff.evaluation.metrics.base import Sample
from reasondiff.evaluation.networks.base import Origin
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.suites.base import Case
from reasondiff.narrative import Narrative

STUB = Origin("a stub", "1", "Apache-2.0")


def grey(*levels: float, height: int = 8, width: int = 8) -> np.ndarray:
    """One grey frame per level."""
    return np.stack([np.full((height, width, 3), level, np.uint8) for level in levels])


def sample(
    frames: np.ndarray,
    *,
    fps: float = 8.0,
    captions: Sequence[str] = (),
    prompt: str = "A cat.",
    image: int = 0,
    anchor_frame: int | None = None,
    system: str = "wan",
) -> Sample:
    """A video with what is known of it; ``image`` is the grey level of the given one."""
    story = Narrative.from_descriptions(list(captions), 0) if captions else None
    case = Case("0001", Image.new("RGB", (8, 8), (image,) * 3), prompt, 0, true_narrative=story)
    return Sample(case, Output(frames, fps, anchor_frame), system=system)


@dataclass
class QualityStub:
    """Rates an image by its mean, 0..100, and remembers the shapes it was given."""

    origin: Origin = STUB
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def score(self, image: Tensor) -> float:
        self.shapes.append(tuple(image.shape))
        return 100 * float(image.mean())


@dataclass
class InterpolatorStub:
    """The mean of both frames, and something on top of it."""

    plus: float = 0.0
    origin: Origin = STUB

    def middle(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return (before.astype(np.float64) + after) / 2 + self.plus


@dataclass
class FlowStub:
    """A flow to the right, as fast as ``speed`` says of the first frame's grey level; remembers what was asked."""

    speed: Callable[[int], float]
    origin: Origin = STUB
    asked: list[tuple[int, int]] = field(default_factory=list)

    def flow(self, frame: np.ndarray, following: np.ndarray) -> np.ndarray:
        level = int(frame[0, 0, 0])
        self.asked.append((level, int(following[0, 0, 0])))
        flow = np.zeros((*frame.shape[:2], 2))
        flow[..., 0] = self.speed(level)
        return flow


@dataclass
class EncoderStub:
    """A frame of grey level g is the direction of g degrees; a text is the direction it names, such as "90"."""

    origin: Origin = STUB
    seen: list[int] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def encode_images(self, frames: np.ndarray) -> np.ndarray:
        levels = [int(frame[0, 0, 0]) for frame in frames]
        self.seen += levels
        return directions(levels)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.read += texts
        return 3 * directions([float(text) for text in texts])  # a length other than 1, which must not matter


def directions(degrees: Sequence[float]) -> np.ndarray:
    angles = np.deg2rad(np.asarray(degrees, float))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
