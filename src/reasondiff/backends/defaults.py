"""What a model is run with unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from reasondiff.errors import CheckpointError

__all__ = ["WAN_NEGATIVE_PROMPT", "Defaults"]

WAN_NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，"
    "残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，"
    "三条腿，背景人很多，倒着走"
)
"""The negative prompt that Wan2.1 is used with: flaws of image quality, of hands and faces, and standing still."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a model is run with unless told otherwise; the ``reasondiff`` entry of its ``model_index.json``.

    A model without the entry, such as Wan2.1-I2V-14B-480P, gets the paper's values (Appendix A.2).

    Args:
        num_frames: pixel frames.
        interval: seconds between frames, as in training.
        num_inference_steps: denoising steps.
        guidance_scale: of classifier-free guidance.
        guidance_stop: share of the steps, from the first on, that are guided.
        area: pixels per frame; the image gives the aspect.
        negative_prompt: what guidance leads away from.
        shortest_clip: seconds; shorter clips of a story are merged before it is told. 0 merges none.
    """

    num_frames: int = 81
    interval: float = 0.2
    num_inference_steps: int = 50
    guidance_scale: float = 5.0
    guidance_stop: float = 1.0
    area: int = 832 * 480
    negative_prompt: str = WAN_NEGATIVE_PROMPT
    shortest_clip: float = 0.0

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> Defaults:
        """From a pipeline's config.

        Raises:
            CheckpointError: an entry is unknown.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(config or {}) - known):
            raise CheckpointError(
                f"The model's 'reasondiff' entry {unknown[0]!r} is unknown here; known are {', '.join(sorted(known))}."
            )
        return cls(**(config or {}))
