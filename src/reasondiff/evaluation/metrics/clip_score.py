"""How near a video is to its texts and to its image, by a network that sees both: the paper's CLIP score (B.3).

The value is CLIP's only where the network is CLIP ViT-L/14; every column names the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from reasondiff.evaluation.metrics.base import Need, NoValueError, Sample
from reasondiff.evaluation.networks.base import ImageEncoder, Origin, TextImageEncoder

__all__ = ["ImageScore", "TextScore", "clipped_cosines", "frame_of_caption"]


def frame_of_caption(number: int, captions: int, frames: int) -> int:
    """Which of a video's frames goes with caption ``number`` of a true clip of another length; all 0-based.

    Both clips last from their first frame to their last: round(number * (frames - 1) / (captions - 1)), halves to even.
    So of 16 captions and 81 frames caption 0 goes with frame 0, 1 with 5, 2 with 11, ..., 15 with 80; and of 81
    captions and 16 frames five or six captions share a frame. The paper leaves this open.
    """
    return 0 if captions == 1 else round(number * (frames - 1) / (captions - 1))


def clipped_cosines(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each pair of rows [n, features], at least 0; 0 where a vector is 0."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(others, axis=1)
    products = (vectors * others).sum(axis=1)
    return np.divide(products, lengths, out=np.zeros(len(products)), where=lengths > 0).clip(min=0)


@dataclass(frozen=True)
class TextScore:
    """The mean cosine of texts and frames, each cosine at least 0.

    Args:
        network: sees both.
        of: ``captions``, what the true clip shows, each with its corresponding frame, which is the paper's; or the
            user's ``prompt``, with every frame.
        by: the network in the metric's name.
    """

    network: TextImageEncoder = field(repr=False)
    of: Literal["captions", "prompt"] = "captions"
    by: str = "clip"
    unit: str = "cosine"
    higher_is_better: bool = True
    of_a_failure: float | None = 0.0

    @property
    def origin(self) -> Origin:
        return self.network.origin

    @property
    def name(self) -> str:
        return f"{self.by}_{'text' if self.of == 'captions' else 'prompt'}"

    @property
    def title(self) -> str:
        return f"{self.of} ({self.origin})"

    @property
    def needs(self) -> tuple[Need, ...]:
        return ("captions",) if self.of == "captions" else ("prompt",)

    def frames_of(self, sample: Sample) -> list[int]:
        """One per text."""
        frames = len(sample.output.frames)
        if self.of == "prompt":
            return list(range(frames))
        captions = len(sample.captions)
        return [frame_of_caption(number, captions, frames) for number in range(captions)]

    def measure(self, sample: Sample) -> float:
        chosen = self.frames_of(sample)
        texts = sample.captions if self.of == "captions" else [sample.case.prompt] * len(chosen)
        frames = sorted(set(chosen))
        images = self.network.encode_images(sample.output.frames[frames])
        seen = images[[frames.index(frame) for frame in chosen]]
        return float(clipped_cosines(self._encode(texts), seen).mean())

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        """A vector per text; equal texts are read once."""
        different = list(dict.fromkeys(texts))
        vectors = self.network.encode_texts(different)
        return vectors[[different.index(text) for text in texts]]


@dataclass(frozen=True)
class ImageScore:
    """The mean cosine of the given image and the frames, each cosine at least 0.

    Args:
        network: sees images.
        by: the network in the metric's name.
        without_anchor: leave out the frame that the system was told to show the image at, which flatters.
    """

    network: ImageEncoder = field(repr=False)
    by: str = "clip"
    without_anchor: bool = False
    unit: str = "cosine"
    higher_is_better: bool = True
    of_a_failure: float | None = 0.0

    @property
    def origin(self) -> Origin:
        return self.network.origin

    @property
    def name(self) -> str:
        return f"{self.by}_image" + "_rest" * self.without_anchor

    @property
    def title(self) -> str:
        return f"image{', other frames' * self.without_anchor} ({self.origin})"

    @property
    def needs(self) -> tuple[Need, ...]:
        return ("anchor_frame",) if self.without_anchor else ()

    def frames_of(self, sample: Sample) -> list[int]:
        """All, or all but one."""
        frames = range(len(sample.output.frames))
        return [frame for frame in frames if not self.without_anchor or frame != sample.anchor_frame]

    def measure(self, sample: Sample) -> float:
        chosen = self.frames_of(sample)
        if not chosen:
            raise NoValueError("the video has no frame but the image's")
        image = self.network.encode_images(np.asarray(sample.case.image)[None])
        seen = self.network.encode_images(sample.output.frames[chosen])
        return float(clipped_cosines(image.repeat(len(seen), axis=0), seen).mean())
