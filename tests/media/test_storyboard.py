"""The timeline is to scale, and the image stands at its place."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from reasondiff.media import lettering
from reasondiff.media.storyboard import timeline_image, timeline_text
from reasondiff.narrative import Narrative

STORY = Narrative.from_ends([(20, "An intact vase."), (40, "A cat enters."), (80, "It breaks.")], 60, 80, interval=0.1)


def printed(narrative: Narrative, width: int = 82) -> list[str]:
    console = Console(width=width, record=True, file=StringIO())
    console.print(timeline_text(narrative, width))
    return console.export_text().splitlines()


def test_the_terminal_bar_is_to_scale() -> None:
    lines = printed(STORY)
    bar = next(line for line in lines if line.startswith("│"))
    assert [place for place, character in enumerate(bar) if character == "│"] == [0, 20, 40]
    assert len(bar.rstrip()) == 80
    pin = lines[lines.index(bar) + 1]
    assert pin.index("▲") == 60
    assert "position 61 of 80, 6.0 s" in lines[0]
    row = next(line for line in lines if "It breaks." in line)
    assert "41-80" in row and "4.0-8.0" in row and "▲" in row
    assert sum("▲ the image" in line for line in lines) == 1


def test_markup_in_a_description_is_text() -> None:
    story = Narrative.from_ends([(80, "[bold]not markup[/bold] [link=x]")], 0, 80)
    assert any("[bold]not markup[/bold] [link=x]" in line for line in printed(story))


@pytest.mark.parametrize("count", [1, 3, 33, 200])
def test_any_number_of_clips(count: int) -> None:
    story = Narrative.from_descriptions([f"clip {number}" for number in range(count)], count - 1)
    assert any(f"clip {count - 1}" in line for line in printed(story))
    assert timeline_image(story).width == 1600


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
