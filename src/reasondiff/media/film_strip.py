"""Validation pictures: frames side by side, a clip per row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from reasondiff.files import atomic_path

__all__ = ["film_strips"]


def film_strips(clips: Sequence[np.ndarray], path: Path, *, columns: int = 12, zoom: float = 2) -> None:
    """Write a PNG with ``columns`` evenly spaced frames of each clip (uint8 [frames, height, width, 3])."""
    rows = []
    for clip in clips:
        chosen = np.linspace(0, len(clip) - 1, columns).round().astype(int)
        rows.append(np.concatenate(list(clip[chosen]), axis=1))
    sheet = Image.fromarray(np.concatenate(rows))
    with atomic_path(path) as partial:
        size = round(sheet.width * zoom), round(sheet.height * zoom)
        sheet.resize(size, Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.LANCZOS).save(partial)
