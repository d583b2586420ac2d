"""Writing a report: tables in three formats, pictures, and the page."""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.story import StorySuccess
from reasondiff.evaluation.report.attention import FOLDER
from reasondiff.evaluation.report.page import Section, page, picture_html, table_html
from reasondiff.evaluation.report.published import doubts, published_tables
from reasondiff.evaluation.report.runs import UNRANKED, Run
from reasondiff.evaluation.report.table import Column, Comparison, Table, check_same_cases, compare, results
from reasondiff.evaluation.rows import Row
from reasondiff.files import atomic_path
from reasondiff.media import SheetRow, contact_sheet, read_video
from reasondiff.media.ratio_bars import ratio_bars
from reasondiff.media.storyboard import timeline_image

__all__ = ["Report", "write_report"]

_SUCCESS = StorySuccess().name


@dataclass(frozen=True)
class Report:
    """What was written.

    Args:
        folder: of everything.
        table: of the first suite, for showing.
        notes: what must be said of it.
    """

    folder: Path
    table: Table
    notes: tuple[str, ...]


def write_report(runs: Sequence[Run], folder: Path, *, ours: str = "reasondiff", sheets: int = 6) -> Report:
    """Write ``report.md``, the tables, the pictures and ``index.html`` into a folder.

    Table 1 has the means of every suite, and the tables from 2 on one suite each with standard deviations; then, which
    the paper lacks, intervals and tests. Published numbers stand in a file and a section of their own.

    Args:
        runs: a suite each.
        folder: made if it is not there.
        ours: the method that the others are compared to.
        sheets: cases that a comparison sheet and a card are drawn of.

    Raises:
        InputError: methods were run on different cases.
    """
    for run in runs:
        check_same_cases(run.rows)
    folder.mkdir(parents=True, exist_ok=True)
    tables = [results(run.suite, run.rows, run.titles, run.columns, UNRANKED) for run in runs]
    _write_tables(tables, folder)
    text, notes = ["# Results\n", "## Table 1: means\n"], []
    for table in tables:
        text.append(f"{table.title}\n\n{table.markdown(deviations=False)}")
    for number, (run, table) in enumerate(zip(runs, tables, strict=True), 2):
        text.append(f"## Table {number}: {table.title}, mean ± standard deviation\n\n{table.markdown()}")
        said = _notes(run)
        notes += said
        text += [f"- {sentence}" for sentence in said]
        compared = compare(run.rows, ours, run.columns, UNRANKED) if ours in run.titles else []
        if compared:
            shown = _comparisons(compared, run)
            text.append(f"\n{run.titles[ours]} ahead by, with 95 % intervals; p by sign flips, corrected by Holm:\n")
            text.append(shown)
        place = folder if len(runs) == 1 else folder / run.suite
        place.mkdir(exist_ok=True)
        text += _pictures(run, place, ours, sheets, folder)
        _write_page(run, table, compared, place, ours)
    text += _published_text()
    _write(folder / "report.md", "\n".join(text) + "\n")
    return Report(folder, tables[0], tuple(notes))


# -- tables ------------------------------------------------------------------------------------------------------------


def _write_tables(tables: Sequence[Table], folder: Path) -> None:
    means = [
        (f"{table.title}\n\n{table.markdown(deviations=False)}", table.latex(deviations=False)) for table in tables
    ]
    _write(folder / "table1.md", "\n".join(text for text, _ in means))
    _write(folder / "table1.tex", "\n".join(text for _, text in means))
    _write(folder / "table1.csv", "\n".join(table.csv() for table in tables))
    for number, table in enumerate(tables, 2):
        _write(folder / f"table{number}.md", table.markdown())
        _write(folder / f"table{number}.tex", table.latex())
        _write(folder / f"table{number}.csv", table.csv())


def _notes(run: Run) -> list[str]:
    """Failures, and values that are not of all cases."""
    sentences = []
    for name, title in run.titles.items():
        rows = [row for row in run.rows if row.system == name]
        failed = [row for row in rows if row.failure is not None]
        if failed:
            sentences.append(
                f"{title}: no video of {len(failed)} of {len(rows)} cases, which count as failures; "
                f"case {failed[0].case}: {failed[0].failure}"
            )
        for column in run.columns:
            without = [row for row in rows if column.name not in row.values]
            if without:
                why = without[0].missing.get(column.name, "it was not measured")
                sentences.append(f"{title}: {column.title} of {len(rows) - len(without)} of {len(rows)} cases; {why}.")
    keys = ("frames", "fps", "width", "height")
    if len({tuple(row.video.get(key) for key in keys) for row in run.rows if row.video}) > 1:
        sentences.append('Videos differ in length, rate or size; see each row\'s "video" and "frames_of".')
    return sentences


def _comparisons(compared: Sequence[Comparison], run: Run) -> str:
    columns = {column.name: column.title for column in run.columns}
    lines = ["| against | metric | ahead by | p | cases |", "| --- | --- | --- | --- | --- |"]
    for one in compared:
        low, high = one.interval
        cases = f"{one.count}" if one.count == one.of else f"{one.count} of {one.of}"
        value = f"{one.ahead:+.3f} [{low:+.3f}, {high:+.3f}]"
        title = run.titles[one.method]
        lines.append(f"| {title} | {columns[one.metric]} | {value} | {one.p:.4f} | {cases} |")
    return "\n".join(lines) + "\n"


def _published_text() -> list[str]:
    lines = ["\n## The paper's own numbers\n", "On other clips and with other networks: beside ours, never mixed.\n"]
    for table in published_tables():
        lines.append(f"### {table.name}\n\n{table.as_table().markdown()}")
        lines += [*(f"- {sentence}" for sentence in doubts(table)), ""]
    return lines


# -- pictures ----------------------------------------------------------------------------------------------------------


def _pictures(run: Run, place: Path, ours: str, sheets: int, root: Path) -> list[str]:
    """Draw what there is to draw; the lines that show it."""
    lines = []
    if bars := _bars(run, ours):
        with atomic_path(place / "ratios.png") as partial:
            bars.save(partial)
        lines.append(f"\n![Ratios to {run.titles[ours]}]({(place / 'ratios.png').relative_to(root).as_posix()})\n")
    for image, cases in customisations(run, sheets):
        sheet = place / "customisation" / f"{image}.png"
        sheet.parent.mkdir(exist_ok=True)
        contact_sheet(_customised_rows(run, cases, ours), sheet, title="One image, several texts", columns=8)
        lines.append(f"![One image, several texts: {cases[0]}]({sheet.relative_to(root).as_posix()})\n")
    for strip in _attention_strips(run):
        shown = place / "attention" / strip.name
        shown.parent.mkdir(exist_ok=True)
        with atomic_path(shown) as partial:
            shutil.copyfile(strip, partial)
        lines.append(f"![Attention: {strip.stem}]({shown.relative_to(root).as_posix()})\n")
    for case in chosen_cases(run, sheets):
        sheet = place / "sheets" / f"{case}.png"
        sheet.parent.mkdir(exist_ok=True)
        contact_sheet(_sheet_rows(run, case), sheet, title=_prompt(run, case), columns=8)
        lines.append(f"![Case {case}]({sheet.relative_to(root).as_posix()})\n")
        story, known = run.story_of(case), run.cases.get(case)
        if story is not None:
            card = place / "narratives" / f"{case}.png"
            card.parent.mkdir(exist_ok=True)
            with atomic_path(card) as partial:
                timeline_image(story, known.image if known else None, title=_prompt(run, case)).save(partial)
            lines.append(f"![Narrative of case {case}]({card.relative_to(root).as_posix()})\n")
    return lines


def chosen_cases(run: Run, count: int) -> list[str]:
    """So many cases, evenly spaced over all; always the same ones, whoever did well in them."""
    cases = list(dict.fromkeys(row.case for row in run.rows))
    if not cases or count < 1:
        return []
    places = np.linspace(0, len(cases) - 1, min(count, len(cases))).round().astype(int)
    return [cases[place] for place in places]


def _sheet_rows(run: Run, case: str, methods: Sequence[str] = ()) -> Iterator[SheetRow]:
    """The methods' videos of one case, each from its first to its last frame; of all methods unless some are named."""
    known, titles = run.cases.get(case), run.titles
    for number, (name, title) in enumerate((name, titles[name]) for name in methods or titles):
        row = next(row for row in run.rows if (row.system, row.case) == (name, case))
        path = run.video_of(row)
        video = None if path is None else read_video(path)
        yield SheetRow(
            title=title,
            frames=None if video is None else video.frames,
            anchor=row.anchor_frame,
            verdict=row.failure or row.verdict or ("" if path else "the video is gone"),
            passed=_passed(row),
            fps=video.fps if video else 5.0,
            given=known.image if known and number == 0 else None,
        )


def customisations(run: Run, count: int) -> list[tuple[str, list[str]]]:
    """Up to so many images that were given with several texts (Sec. 4.4), each with its cases, by the first case."""
    cases: dict[str, list[str]] = {}
    for row in run.rows:
        if row.image_sha256 and row.case in run.cases and row.case not in cases.setdefault(row.image_sha256, []):
            cases[row.image_sha256].append(row.case)
    found = []
    for of_image in cases.values():
        if len({run.cases[case].prompt for case in of_image}) > 1:
            found.append((of_image[0], of_image))
    return found[:count]


def _customised_rows(run: Run, cases: Sequence[str], ours: str) -> Iterator[SheetRow]:
    """What ours and plain image-to-video make of every text of an image; all methods where one of these is missing."""
    chosen = [name for name in (ours, "wan") if name in run.titles]
    for case in cases:
        for row in _sheet_rows(run, case, chosen if len(chosen) == 2 else list(run.titles)):
            yield replace(row, note=f"{run.cases[case].prompt}")


def _bars(run: Run, ours: str) -> Image.Image | None:
    """Means over ours, metric by metric; of a metric whose smaller values are better, ours over theirs."""
    if ours not in run.titles:
        return None
    names = [name for name in run.titles if name not in UNRANKED]
    groups: dict[str, list[float | None]] = {}
    for column in run.columns:
        means = {name: _mean(run.rows, name, column.name) for name in names}
        own = means[ours]
        if own is None or own <= 0:
            continue
        title = column.title if column.higher_is_better else f"{column.title} (inverted)"
        groups[title] = [_ratio(means[name], own, column) for name in names]
    if not groups:
        return None
    return ratio_bars(groups, [run.titles[name] for name in names], title=f"Ratios to {run.titles[ours]}")


def _ratio(theirs: float | None, own: float, column: Column) -> float | None:
    if theirs is None or (not column.higher_is_better and theirs <= 0):
        return None
    return theirs / own if column.higher_is_better else own / theirs


def _mean(rows: Sequence[Row], system: str, metric: str) -> float | None:
    values = [row.values[metric] for row in rows if row.system == system and metric in row.values]
    return sum(values) / len(values) if values else None


# -- the page ----------------------------------------------------------------------------------------------------------


def _write_page(run: Run, table: Table, compared: Sequence[Comparison], place: Path, ours: str) -> None:
    sections = [Section("Results, mean ± standard deviation, with 95 % intervals", table_html(table))]
    if said := _notes(run):
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in said)
        sections.append(Section("What is missing", f"<ul>{items}</ul>"))
    if compared:
        sections.append(Section(f"{run.titles[ours]} ahead by", _comparison_html(compared, run)))
    if bars := _bars(run, ours):
        sections.append(Section("Ratios", picture_html(bars, f"Ratios to {run.titles[ours]}")))
    for path in _attention_strips(run):
        with Image.open(path) as picture:
            sections.append(Section(f"Attention: {path.stem}", picture_html(picture.convert("RGB"), path.stem)))
    for published in published_tables():
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in doubts(published))
        note = "<p class='muted'>The paper's own numbers, on other clips and with other networks; not comparable.</p>"
        body = f"{note}{table_html(published.as_table())}<ul>{items}</ul>"
        sections.append(Section(f"Published: {published.name}", body))
    _write(place / "index.html", page(run, f"ReasonDiff on {run.suite}", sections))


def _attention_strips(run: Run) -> list[Path]:
    """What ``draw_attention`` or ``reasondiff attention`` drew into a run's folder."""
    found: list[Path] = []
    for folder in dict.fromkeys(run.folders.values()):
        found += sorted((folder / FOLDER).glob("*.png"))
    return found


def _comparison_html(compared: Sequence[Comparison], run: Run) -> str:
    columns: Mapping[str, str] = {column.name: column.title for column in run.columns}
    lines = ["<tr><th>against</th><th>metric</th><th>ahead by</th><th>p, by Holm</th><th>cases</th></tr>"]
    for one in compared:
        low, high = one.interval
        value = f"{one.ahead:+.3f} [{low:+.3f}, {high:+.3f}]"
        cells = (run.titles[one.method], columns[one.metric], value, f"{one.p:.4f}", f"{one.count} of {one.of}")
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _prompt(run: Run, case: str) -> str:
    known = run.cases.get(case)
    return known.prompt if known else f"case {case}"


def _passed(row: Row) -> bool | None:
    if row.failure is not None:
        return False
    return None if _SUCCESS not in row.values else row.values[_SUCCESS] == 1


def _write(path: Path, text: str) -> None:
    if not text:
        raise InputError(f"There is nothing to write to {str(path)!r}.")
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
