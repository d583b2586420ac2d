"""Bars of ratios."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageColor

from reasondiff.errors import InputError
from reasondiff.media.lettering import INK, clip_colour
from reasondiff.media.ratio_bars import MARGIN, ratio_bars


def height_of(image: Image.Image, colour: str) -> int:
    """Pixels of the tallest column of a colour, below the legend."""
    pixels = np.asarray(image)[150:]
    same = (pixels == ImageColor.getrgb(colour)).all(axis=-1)
    return int(same.sum(axis=0).max())


def test_a_bar_is_as_high_as_its_ratio() -> None:
    image = ratio_bars({"CLIP text": [0.5, 1.0]}, ["without", "full"])
    half, whole = height_of(image, clip_colour(0)), height_of(image, clip_colour(1))
    assert half / whole == pytest.approx(0.5, abs=0.03)


def test_the_line_crosses_no_number_out() -> None:
    image = np.asarray(ratio_bars({"CLIP text": [0.966, 1.0]}, ["without", "full"]))
    line = np.flatnonzero((image[:, -70] == ImageColor.getrgb(INK)).all(axis=-1))
    over_the_first_bar = image[line, MARGIN + 14 : MARGIN + 20]
    assert len(line) and not (over_the_first_bar == ImageColor.getrgb(INK)).all(axis=-1).any()


def test_what_has_no_ratio_has_no_bar() -> None:
    image = ratio_bars({"CLIP text": [None, 1.0], "user rank": [float("inf"), 1.0]}, ["without", "full"], "Ratios")
    assert height_of(image, clip_colour(0)) < 30  # in the legend at most


@pytest.mark.parametrize(("groups", "names"), [({}, ["a"]), ({"x": [1.0]}, []), ({"x": [1.0]}, ["a", "b"])])
def test_nothing_to_draw_is_told(groups: dict[str, list[float | None]], names: list[str]) -> None:
    with pytest.raises(InputError):
        ratio_bars(groups, names)
