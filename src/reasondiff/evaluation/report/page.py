"""One page that holds everything: it plays all methods of a case side by side, in step, and opens from disk."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from PIL import Image

from reasondiff.evaluation.metrics.story import StorySuccess
from reasondiff.evaluation.report.runs import Run
from reasondiff.evaluation.report.table import Table
from reasondiff.evaluation.rows import Row
from reasondiff.media.storyboard import where_the_image_is

__all__ = ["MAX_BYTES", "Section", "page", "table_html"]

MAX_BYTES = 64 * 2**20
"""Of videos on one page; more would make browsers slow. What does not fit is counted on the page."""

SMALL = 256
"""Pixels below which frames are shown as the drawings they are, pixel by pixel."""

_SUCCESS = StorySuccess().name


@dataclass(frozen=True)
class Section:
    """Something under the videos.

    Args:
        title: over it.
        body: HTML, in which every text has been escaped.
    """

    title: str
    body: str


def page(run: Run, title: str, sections: Sequence[Section], max_bytes: int = MAX_BYTES) -> str:
    """The page as HTML, with every video, image and script in it; it asks the network for nothing.

    Args:
        run: whose videos are shown.
        title: of the page.
        sections: what stands under the videos.
        max_bytes: of videos; cases that do not fit are left out, and the page says how many.
    """
    data, left_out = _data(run, max_bytes)
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    count = len(data["cases"])
    subtitle = f"{_counted(count, 'case')}, {_counted(len(data['methods']), 'method')}."
    if left_out:
        subtitle += f" {left_out} more cases did not fit on this page; their videos are in the run's folder."
    filled = {
        "title": html.escape(title),
        "subtitle": html.escape(subtitle),
        "sections": "".join(f"<h2>{html.escape(each.title)}</h2>{each.body}" for each in sections),
        "footer": "Made by reasondiff report.",
        "script_hash": f"sha256-{digest}",
        "data": json.dumps(data).replace("<", "\\u003c"),
        "script": script,
    }
    pieces = _resource("page.html").split("{{")
    return pieces[0] + "".join(_filled(piece, filled) for piece in pieces[1:])


def table_html(table: Table) -> str:
    """A table with the best in bold and the second underlined."""
    head = "".join(f"<th>{html.escape(column.title)} {column.arrow}</th>" for column in table.columns)
    places = [table.places(number) for number in range(len(table.columns))]
    lines = [f"<tr><th>method</th>{head}</tr>"]
    for number, row in enumerate(table.rows):
        cells = []
        for cell, (best, second) in zip(row.cells, places, strict=True):
            if cell.mean is None:
                cells.append("<td>–</td>")
                continue
            tag = "b" if number in best else "u" if number in second else "span"
            interval = ""
            if cell.interval and cell.count > 1:
                interval = f"<br><small>[{cell.interval[0]:.3f}, {cell.interval[1]:.3f}]</small>"
            cells.append(f"<td><{tag}>{cell.mean:.3f}</{tag}> ± {cell.deviation:.3f}{cell.note}{interval}</td>")
        lines.append(f"<tr><th>{html.escape(row.title)}</th>{''.join(cells)}</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def picture_html(image: Image.Image, text: str) -> str:
    """A picture with what it shows."""
    return f'<figure class="picture"><img src="{_image_url(image)}" alt="{html.escape(text, quote=True)}"></figure>'


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _filled(piece: str, filled: Mapping[str, str]) -> str:
    name, _, rest = piece.partition("}}")
    return filled[name] + rest


def _resource(name: str) -> str:
    return resources.files("reasondiff.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def _data(run: Run, max_bytes: int) -> tuple[dict[str, Any], int]:
    """What the script shows, and how many cases did not fit."""
    titles = run.titles
    by_case: dict[str, list[Row]] = {}
    for row in run.rows:
        by_case.setdefault(row.case, []).append(row)
    cases: list[dict[str, Any]] = []
    used = 0
    for case, rows in by_case.items():
        one, size = _case(run, case, rows)
        if used + size > max_bytes and cases:
            continue
        used += size
        cases.append(one)
    data = {
        "methods": [{"name": name, "title": title} for name, title in titles.items()],
        "cases": cases,
        "judged": any(_SUCCESS in row.values for row in run.rows),
        "small": any(0 < int(row.video.get("width", 0)) < SMALL for row in run.rows),
    }
    return data, len(by_case) - len(cases)


def _case(run: Run, case: str, rows: Sequence[Row]) -> tuple[dict[str, Any], int]:
    known, story = run.cases.get(case), run.story_of(case)
    videos, size, seconds = {}, 0, 0.0
    for row in rows:
        video, length = _video(run.video_of(row), row)
        videos[row.system] = video
        size += length
        if "fps" in row.video:
            seconds = max(seconds, float(row.video["frames"]) / float(row.video["fps"]))
    parts = []
    for clip in story.clips if story else ():
        here = story is not None and clip.start <= story.anchor_frame < clip.end
        parts.append({"frames": f"{clip.start + 1}–{clip.end}", "text": clip.description, "here": here})
    one = {
        "id": case,
        "prompt": known.prompt if known else f"case {case}",
        "image": _image_url(known.image) if known else "",
        "about": " ".join([f"Case {case}.", where_the_image_is(story) if story else ""]).strip(),
        "story": parts,
        "seconds": min(max(seconds, 2.0), 10.0),
        "videos": videos,
    }
    return one, size


def _video(path: Path | None, row: Row) -> tuple[dict[str, object], int]:
    passed = None if _SUCCESS not in row.values else row.values[_SUCCESS] == 1
    shown: dict[str, object] = {"verdict": row.verdict, "passed": passed, "failure": row.failure, "about": ""}
    if path is None:
        shown["failure"] = row.failure or "the video is gone"
        return shown, 0
    content = path.read_bytes()
    kind = {".webm": "webm"}.get(path.suffix.lower(), "mp4")
    shown["src"] = f"data:video/{kind};base64,{base64.b64encode(content).decode()}"
    place = "" if row.anchor_frame is None else f"image at {row.anchor_frame + 1}"
    length = f"{row.video['frames']} frames, {row.video['fps']:g} fps" if "fps" in row.video else ""
    shown["about"] = ", ".join(part for part in (length, place) if part)
    return shown, len(content)


def _image_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
