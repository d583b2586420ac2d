"""A story's timeline in the terminal: clips to scale, and the place of the given image."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reasondiff.media import lettering as ink
from reasondiff.media.storyboard import where_the_image_is
from reasondiff.narrative import Narrative

__all__ = ["timeline_text"]


def timeline_text(narrative: Narrative, width: int = 100) -> RenderableType:
    """The timeline for a terminal of ``width`` columns, printed by rich."""
    columns = max(20, min(width, 120) - 2)
    colours = [_clip_of_column(narrative, column, columns) for column in range(columns)]
    bar = Text()
    for number in range(len(narrative.clips)):
        if length := colours.count(number):
            block = "│" + f" {number + 1} ".center(length - 1, "─")  # the lines show where there is no colour
            bar.append(block[:length], f"bold white on {ink.clip_colour(number)}")
    places = {_column(narrative, anchor.frame, columns) for anchor in narrative.anchors}
    marks = "".join("▲" if column in places else " " for column in range(max(places) + 1))
    pin = Text(marks, f"bold {ink.ACCENT}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("clip", "frames", "seconds", ""):
        table.add_column(name, justify="right" if name else "left", no_wrap=bool(name))
    for number, clip in enumerate(narrative.clips):
        shown = Text(clip.description)
        for anchor in narrative.anchors:
            if anchor.frame in clip:
                which = "the image" if len(narrative.anchors) == 1 else f"image {anchor.image + 1}"
                shown.append(f"  ▲ {which}", f"bold {ink.ACCENT}")
        table.add_row(
            Text(str(number + 1), f"bold {ink.clip_colour(number)}"),
            f"{clip.start + 1}-{clip.end}",
            f"{clip.start * narrative.interval:.1f}-{clip.end * narrative.interval:.1f}",
            shown,
        )
    parts: list[RenderableType] = [Text(where_the_image_is(narrative)), Text(), bar, pin, table]
    if narrative.style:
        parts += [Text(), Text.assemble(("style      ", "dim"), narrative.style)]
    if narrative.reasoning:
        parts += [Text(), Text.assemble(("reasoning  ", "dim"), narrative.reasoning)]
    return Group(*parts)


def _column(narrative: Narrative, frame: int, columns: int) -> int:
    return min(columns - 1, int((frame + 0.5) / narrative.num_frames * columns))


def _clip_of_column(narrative: Narrative, column: int, columns: int) -> int:
    frame = min(narrative.num_frames - 1, int((column + 0.5) / columns * narrative.num_frames))
    return narrative.clip_index(frame)
