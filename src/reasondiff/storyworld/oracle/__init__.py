"""The oracle: does a video tell the story that an image, a prompt and the world's rule fix?

It detects what is in each frame (``detector``), tracks the object and the agent (``tracks``) and holds the rules of the
story to their tracks (``rules``). It shares no code with what draws or generates clips; of StoryWorld it knows the
``Story`` only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from reasondiff.checkpoints import bundled_folder
from reasondiff.errors import CheckpointError
from reasondiff.storyworld.oracle.detector import Detection, Detector, detect
from reasondiff.storyworld.oracle.rules import Anchor, Verdict, judge_detections
from reasondiff.storyworld.oracle.thresholds import THRESHOLDS, Thresholds
from reasondiff.storyworld.stories import Story

__all__ = [
    "ORACLE",
    "THRESHOLDS",
    "Anchor",
    "Detection",
    "Detector",
    "Thresholds",
    "Verdict",
    "detect",
    "judge",
    "judge_detections",
    "load_detector",
]

ORACLE = "storyworld-oracle"
"""The bundled network's folder, beside the bundled models."""


@cache
def load_detector(folder: Path | None = None) -> Detector:
    """The oracle's network from ``folder``; the bundled one by default.

    Raises:
        CheckpointError: it is not there, or damaged.
    """
    folder = folder or bundled_folder(ORACLE)
    try:
        return Detector.from_pretrained(folder, local_files_only=True, use_safetensors=True).float().eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"The oracle's network in {str(folder)!r} cannot be loaded ({error}); copy it again."
        ) from None


def judge(
    video: np.ndarray,
    story: Story,
    anchor_frame: int | None = None,
    anchor_image: np.ndarray | None = None,
    *,
    variant: str = "core",
    detector: Detector | None = None,
) -> Verdict:
    """Judge a video against a story.

    Args:
        video: uint8 [frames, height, width, 3], 0.2 s between frames; other sizes than 64 x 64 are resized.
        story: the object, its states before and after, and the agent.
        anchor_frame: 0-based frame that the method was told to show the image at.
        anchor_image: uint8 [height, width, 3], the user's image.
        variant: ``core`` or one of ``stories.VARIANTS``, which waive what ``rules`` says.
        detector: the network; the bundled one by default.

    Raises:
        InputError: no video, an unknown variant, or an anchor outside the video.
        CheckpointError: the bundled network is not there.
    """
    net = detector or load_detector()
    anchor = None
    if anchor_frame is not None and anchor_image is not None:
        anchor = Anchor(anchor_frame, detect(net, np.asarray(anchor_image)[None])[0])
    return judge_detections(detect(net, np.asarray(video)), story, variant, anchor)
