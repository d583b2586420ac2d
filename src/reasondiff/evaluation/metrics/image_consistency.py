"""Whether a video keeps to the given image, wherever it shows it, as VBench-I2V's subject and background say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from reasondiff.evaluation.metrics.base import Need, NoValueError, Sample
from reasondiff.evaluation.metrics.clip_score import clipped_cosines
from reasondiff.evaluation.networks.base import ImageEncoder, Origin

__all__ = ["ImageConsistency"]

NEAREST, STEPS, LARGEST_STEP = 0.4, 0.3, 0.3
"""The weights of VBench-I2V since July 2024; before, they were 0.5, 0.5 and 0."""


@dataclass(frozen=True)
class ImageConsistency:
    """0.4 of the largest cosine of the image and a frame, 0.3 of the mean and 0.3 of the smallest of frames in a row.

    The image's term is a maximum over frames, so that it does not matter where the image is; each cosine is at least 0.

    Args:
        network: sees images; with DINO ViT-B/16 the value is VBench-I2V's of the subject, with DreamSim's that of
            the background.
        name: of the metric.
        of: what is kept, for the column.
    """

    network: ImageEncoder = field(repr=False)
    name: str = "i2v_subject"
    of: str = "subject kept"
    unit: str = "cosine"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = 0.0

    @property
    def origin(self) -> Origin:
        return self.network.origin

    @property
    def title(self) -> str:
        return f"{self.of} ({self.origin})"

    def measure(self, sample: Sample) -> float:
        seen = self.network.encode_images(sample.output.frames)
        if len(seen) < 2:
            raise NoValueError("consistency needs two frames, and the video has one")
        image = self.network.encode_images(np.asarray(sample.case.image)[None])
        nearest = clipped_cosines(image.repeat(len(seen), axis=0), seen).max()
        steps = clipped_cosines(seen[:-1], seen[1:])
        return float(NEAREST * nearest + STEPS * steps.mean() + LARGEST_STEP * steps.min())
