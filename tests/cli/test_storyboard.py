"""The timeline in the terminal is to scale, and the image stands at its place."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from reasondiff.cli.terminal.storyboard import timeline_text
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
