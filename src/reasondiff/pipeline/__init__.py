"""One image and one text in, a video that tells their story out."""

from __future__ import annotations

from reasondiff.pipeline.output import ReasonDiffOutput
from reasondiff.pipeline.settings import Settings, frame_size
from reasondiff.pipeline.wan import ReasonDiffPipeline

__all__ = ["ReasonDiffOutput", "ReasonDiffPipeline", "Settings", "frame_size"]
