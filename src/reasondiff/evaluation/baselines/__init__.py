"""The models that the paper compares with (Sec. 4.1, App. B.1), each in one short file.

The videos that the paper published have 512x512 pixels, 81 frames and 15 frames a second, DynamiCrafter's 16 and 8; the
baselines make the like.
"""

from __future__ import annotations

from reasondiff.evaluation.baselines.base import Baseline
from reasondiff.evaluation.baselines.cogvideox import COGVIDEOX
from reasondiff.evaluation.baselines.dynamicrafter import DYNAMICRAFTER
from reasondiff.evaluation.baselines.ltx_video import LTX_VIDEO
from reasondiff.evaluation.baselines.wan import WAN

__all__ = ["BASELINES"]

BASELINES: tuple[Baseline, ...] = (DYNAMICRAFTER, LTX_VIDEO, COGVIDEOX, WAN)
"""In the order of the paper's tables."""
