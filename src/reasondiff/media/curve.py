"""A curve over the steps of a run, as a picture for a model card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.media import lettering as ink

__all__ = ["draw_curve"]

WIDTH, HEIGHT, MARGIN, SIZE = 960, 420, 70, 18


def draw_curve(points: Sequence[tuple[float, float]], path: Path, *, title: str) -> None:
    """Draw points as a line, upwards on a logarithmic scale where all are above 0.

    Args:
        points: step and value, in order; those that are no finite number are left out.
        path: of a PNG.
        title: above the line.

    Raises:
        InputError: there is no point to draw.
    """
    drawn = [(x, y) for x, y in points if math.isfinite(y)]
    if not drawn:
        raise InputError(f"There is no point to draw of {title!r}; train for longer.")
    scale = math.log10 if min(y for _, y in drawn) > 0 else float
    heights = [scale(y) for _, y in drawn]
    left, right = drawn[0][0], max(drawn[-1][0], drawn[0][0] + 1)
    low, high = min(heights), max(max(heights), min(heights) + 1e-6)

    def place(step: float, height: float) -> tuple[float, float]:
        across = (step - left) / (right - left)
        up = (height - low) / (high - low)
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)

    image = Image.new("RGB", (WIDTH, HEIGHT), ink.PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle([MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN], outline=ink.LINE)
    line = [place(step, height) for (step, _), height in zip(drawn, heights, strict=True)]
    if len(line) > 1:
        pen.line(line, fill=ink.ACCENT, width=2, joint="curve")
    across, up = line[-1]
    pen.ellipse([across - 4, up - 4, across + 4, up + 4], fill=ink.ACCENT)
    ink.write(image, (MARGIN, MARGIN / 3), title, SIZE + 4, bold=True)
    values = [y for _, y in drawn]
    for text, spot in (
        (f"{max(values):.3g}", (8, MARGIN - SIZE / 2)),
        (f"{min(values):.3g}", (8, HEIGHT - MARGIN - SIZE / 2)),
        (f"step {drawn[0][0]:g}", (MARGIN, HEIGHT - MARGIN + 12)),
        (f"step {drawn[-1][0]:g}: {values[-1]:.3g}", (WIDTH - MARGIN - 190, HEIGHT - MARGIN + 12)),
    ):
        ink.write(image, spot, text, SIZE, ink.MUTED)
    with atomic_path(path) as partial:
        image.save(partial)
