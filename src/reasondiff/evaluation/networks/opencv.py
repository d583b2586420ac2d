"""Classical estimators of OpenCV, which need no weights: dense inverse search for flow, and frames warped by it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from reasondiff.evaluation.networks.base import Origin, installed

__all__ = ["DisFlow", "DisInterpolator"]

SMALLEST = 128
"""Pixels of the shorter side below which frames are enlarged, by whole pixels, before the flow is searched: on 64
pixels the search has too few levels, and finds nothing."""


@dataclass(frozen=True)
class DisFlow:
    """Dense inverse search (Kroeger et al. 2016), its preset ``medium``."""

    @cached_property
    def _cv2(self) -> Any:
        return installed("cv2", "opencv-python-headless", "The flow by OpenCV")

    @cached_property
    def origin(self) -> Origin:
        return Origin("OpenCV DIS", self._cv2.__version__, "Apache-2.0")

    @cached_property
    def _search(self) -> Any:
        return self._cv2.DISOpticalFlow_create(self._cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def flow(self, frame: np.ndarray, following: np.ndarray) -> np.ndarray:
        factor = -(-SMALLEST // min(frame.shape[:2])) if min(frame.shape[:2]) < SMALLEST else 1
        greys = [self._grey(each, factor) for each in (frame, following)]
        flow = self._search.calc(*greys, None)
        return flow[::factor, ::factor].astype(np.float64) / factor

    def _grey(self, frame: np.ndarray, factor: int) -> np.ndarray:
        grey = self._cv2.cvtColor(np.ascontiguousarray(frame), self._cv2.COLOR_RGB2GRAY)
        return grey.repeat(factor, axis=0).repeat(factor, axis=1)


@dataclass(frozen=True)
class DisInterpolator:
    """Both neighbours warped half of the way to each other by DIS, and averaged; not a network's guess."""

    estimator: DisFlow = DisFlow()

    @property
    def origin(self) -> Origin:
        found = self.estimator.origin
        return Origin(f"{found.name} warp", found.version, found.licence)

    def middle(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        forth, back = self.estimator.flow(before, after), self.estimator.flow(after, before)
        return (self._warped(before, forth) + self._warped(after, back)) / 2

    def _warped(self, frame: np.ndarray, flow: np.ndarray) -> np.ndarray:
        """The frame halfway along its flow; a place takes what the flow there says has come to it."""
        cv2 = self.estimator._cv2
        down, across = np.indices(frame.shape[:2], dtype=np.float32)
        x = (across - flow[..., 0] / 2).astype(np.float32)
        y = (down - flow[..., 1] / 2).astype(np.float32)
        return cv2.remap(frame.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
