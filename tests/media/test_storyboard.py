"""The drawn timeline is to scale, and the image stands at its place."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reasondiff.media import lettering
from reasondiff.media.storyboard import timeline_image
from reasondiff.narrative import Narrative

STORY = Narrative.from_ends([(20, "An intact vase."), (40, "A cat enters."), (80, "It breaks.")], 60, 80, interval=0.1)


@pytest.mark.parametrize("count", [1, 3, 33, 200])
def test_any_number_of_clips(count: int) -> None:
    story = Narrative.from_descriptions([f"clip {number}" for number in range(count)], count - 1)
    assert timeline_image(story).width == 1600


def test_memory_grows_with_the_picture_and_not_beyond_it() -> None:
    """A thousand clips once took room for five pictures of them."""
    sizes: list[int] = []
    make = Image.new

    def counting(mode: str, size: tuple[int, int], *colour: object) -> Image.Image:
        sizes.append(size[0] * size[1])
        return make(mode, size, *colour)

    texts = [f"A cat, number {number}, walks over the table and looks at the vase." for number in range(300)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "new", counting)
        drawn = timeline_image(Narrative.from_descriptions(texts, 7))
    large = [size for size in sizes if size > 1600 * 1500]
    assert drawn.height > 3000 and large == [drawn.width * drawn.height]


def columns_of(image: Image.Image, colour: str) -> np.ndarray:
    rgb = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return np.flatnonzero((np.asarray(image) == rgb).all(-1).sum(0) >= 20)


def test_the_image_is_to_scale_with_the_anchor_at_its_place() -> None:
    drawn = timeline_image(STORY)
    for number, (start, end) in enumerate([(0, 20), (20, 40), (40, 80)]):
        columns = columns_of(drawn, lettering.clip_colour(number))
        wanted = (60 + 1480 * start / 80, 60 + 1480 * end / 80)
        assert columns.min() == pytest.approx(wanted[0], abs=3) and columns.max() == pytest.approx(wanted[1], abs=3)
    assert np.median(columns_of(drawn, lettering.ACCENT)) == pytest.approx(60 + 1480 * 60.5 / 80, abs=2)


def test_the_given_image_is_shown_whole_even_at_the_edges() -> None:
    given = Image.new("RGB", (64, 64), (1, 2, 3))
    for frame in (0, 40, 79):
        drawn = np.asarray(timeline_image(STORY.with_anchor(frame), given, "A title"))
        assert (drawn == (1, 2, 3)).all(-1).sum() == 256 * 256
