"""What a baseline is: a system whose weights lie somewhere, and the way of those that diffusers can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from diffusers import DiffusionPipeline

from reasondiff.checkpoints import in_one_sentence, model_hashes
from reasondiff.errors import CheckpointError
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.systems import System
from reasondiff.media import fit_image

__all__ = ["Baseline", "DiffusersBaseline"]


class Baseline(Protocol):
    """A system before it is known where its weights lie."""

    @property
    def name(self) -> str: ...

    def at(self, place: str) -> System:
        """The system with the weights in ``place``; empty takes those it is known by.

        Raises:
            CheckpointError: there are none.
        """
        ...


@dataclass(frozen=True)
class DiffusersBaseline:
    """An image-to-video pipeline of diffusers, its image the first frame, one video at a time.

    Args:
        name: for files and options.
        title: for people.
        repo: of the hub; empty where nobody publishes the weights in diffusers' layout.
        settings: of the pipeline's call: steps, guidance, frames.
        multiple: of which height and width must be.
        side: both, in pixels, as those of the published videos.
        fps: at which the video is shown.
        pipeline: the class of diffusers, where the folder names another one.
        place: a folder in diffusers' layout, or another repository.
    """

    name: str
    title: str
    repo: str
    settings: Mapping[str, Any]
    multiple: int = 16
    side: int = 512
    fps: float = 15.0
    pipeline: str = "DiffusionPipeline"
    place: str = field(default="", compare=False)

    def at(self, place: str) -> DiffusersBaseline:
        if not place and not self.repo:
            raise CheckpointError(
                f"Nobody publishes {self.title} in diffusers' layout; convert it, and give --method {self.name}:FOLDER."
            )
        return replace(self, place=place or self.repo)

    def fingerprint(self) -> Mapping[str, object]:
        made = {"settings": dict(self.settings), "side": self.side, "fps": self.fps}
        if Path(self.place).is_dir():
            return {**made, "weights": model_hashes(self.place)}
        return {**made, "repo": self.place}

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        pipe = cast(Callable[..., Any], _loaded(self.pipeline, self.place))  # each has a call of its own
        return [self._video(pipe, case) for case in cases]

    def _video(self, pipe: Callable[..., Any], case: Case) -> Output:
        """A video of one case; its noise is drawn on the CPU, so that it is the same on every machine."""
        side = self.side // self.multiple * self.multiple
        frames = pipe(
            image=fit_image(case.image, side, side),
            prompt=case.prompt,
            height=side,
            width=side,
            generator=torch.Generator("cpu").manual_seed(case.seed),
            output_type="np",
            **self.settings,
        ).frames[0]
        return Output((frames * 255).round().clip(0, 255).astype(np.uint8), self.fps, anchor_frame=0)


@cache
def _loaded(pipeline: str, place: str) -> DiffusionPipeline:
    """The pipeline on the fastest device, from safetensors only; on a GPU its parts take turns there.

    Raises:
        CheckpointError: it cannot be loaded; in one sentence.
    """
    import diffusers

    with in_one_sentence(place):
        pipe = getattr(diffusers, pipeline).from_pretrained(
            place, dtype=torch.bfloat16 if torch.cuda.is_available() else torch.float32, use_safetensors=True
        )
    pipe.set_progress_bar_config(disable=True)
    if torch.cuda.is_available():
        pipe.enable_model_cpu_offload()
    return pipe
