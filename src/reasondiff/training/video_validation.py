"""What a model in training makes of a set's held-out clips, each with an anchor and a story of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from reasondiff.backends.precision import Precision, autocast
from reasondiff.backends.wan.model import WanModel
from reasondiff.data.records import digest
from reasondiff.data.videos import StoredTexts, VideoClips
from reasondiff.media import write_video
from reasondiff.media.film_strip import film_strips
from reasondiff.media.tensors import psnr
from reasondiff.narrator import Narrator
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.pipeline.generate import generate

__all__ = ["VideoValidation"]

TILE = 128
"""Pixels of a frame's height on the sheet."""


@dataclass(frozen=True, kw_only=True)
class VideoValidation:
    """Generates held-out clips anew from one of their frames and their captions: the same cases every time.

    Args:
        clips: the held-out clips.
        texts: their captions, encoded.
        videos: how many are made.
        steps: of denoising.
        precision: of the forward pass.
    """

    clips: VideoClips
    texts: Callable[[ReasonDiffPipeline], StoredTexts]
    videos: int
    steps: int
    precision: Precision = "auto"

    def __call__(self, pipe: ReasonDiffPipeline, folder: Path) -> dict[str, float]:
        """Write ``N.mp4`` for each case and ``generated.png``, a true clip and below it the generated one.

        Guidance leads away from the empty text, which is what dropped captions are.

        Returns:
            ``anchor_psnr`` in dB: how well the given image comes back in its place.
        """
        pipe.set_progress_bar_config(disable=True)
        model = _StoredTextModel(pipe, self.texts(pipe))
        rows: list[np.ndarray] = []
        likeness: list[float] = []
        for index in range(min(self.videos, len(self.clips))):
            true = self.clips.video(index)
            rng = random.Random(digest("validation", self.clips.rows[index].clip))
            frame = self.clips.anchor_frame(rng)
            with autocast(pipe.device.type, self.precision):
                output = generate(
                    model,
                    _nobody,
                    Image.fromarray(true[frame]),
                    "",
                    self.clips.narrative(index, frame, rng),
                    num_frames=len(true),
                    height=true.shape[1],
                    width=true.shape[2],
                    num_inference_steps=self.steps,
                    negative_prompt="",
                    shortest_clip=0.0,
                    seed=index,
                    output_type="uint8",
                )
            made: np.ndarray = output.frames[0]
            write_video(folder / f"{index}.mp4", made, 1 / pipe.defaults.interval)
            likeness.append(psnr(made[frame], true[frame]))
            rows += [true, made]
        film_strips(rows, folder / "generated.png", zoom=min(2.0, TILE / rows[0].shape[1]))
        return {"anchor_psnr": sum(likeness) / len(likeness)}


class _StoredTextModel(WanModel):
    """Wan, whose texts were encoded before."""

    def __init__(self, pipe: ReasonDiffPipeline, stored: StoredTexts) -> None:
        super().__init__(pipe)
        self.stored = stored

    def encode_texts(self, texts: Sequence[str], longest: int) -> dict[str, Tensor]:
        dtype = self.pipe.any_transformer.dtype
        return {text: self.stored.embeds(text).to(dtype) for text in texts}


def _nobody() -> Narrator:
    raise AssertionError("a held-out clip has its own story")
