"""Contact sheets show the frames they say, whole and sharp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from reasondiff.errors import InputError
from reasondiff.media import lettering
from reasondiff.media.clipbar import NARROWEST, ClipSpan, _columns
from reasondiff.media.joins import Join
from reasondiff.media.sheet import SheetRow, contact_sheet, sample


def flat(colours: list[tuple[int, int, int]], size: int = 64) -> np.ndarray:
    return np.stack([np.full((size, size, 3), colour, np.uint8) for colour in colours])


def distinct(count: int) -> list[tuple[int, int, int]]:
    return [(3 + frame, 251 - 2 * frame, 40) for frame in range(count)]


def pixels_of(path: Path, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(Image.open(path)) == colour).all(-1).sum())


def test_frames_are_spread_evenly_and_the_anchor_is_among_them() -> None:
    assert sample(33, 9) == [0, 4, 8, 12, 16, 20, 24, 28, 32]
    assert sample(33, 9, 27) == [0, 4, 8, 12, 16, 20, 24, 27, 32]
    assert sample(3, 9) == [0, 1, 2]
    assert sample(1, 9, 0) == [0]


@given(st.integers(1, 200), st.integers(1, 20), st.data())
def test_sample_properties(num_frames: int, columns: int, data: st.DataObject) -> None:
    anchor = data.draw(st.integers(0, num_frames - 1))
    frames = sample(num_frames, columns, anchor)
    assert anchor in frames and len(frames) == min(columns, num_frames)
    assert frames == sorted(set(frames)) and frames[0] >= 0 and frames[-1] < num_frames


def test_small_frames_are_enlarged_by_whole_pixels_and_the_anchor_is_framed(tmp_path: Path) -> None:
    colours = distinct(33)
    contact_sheet([SheetRow("one", flat(colours), anchor=27)], tmp_path / "a.png")
    for frame, colour in enumerate(colours):
        expected = 192 * 192 if frame in sample(33, 9, 27) else 0
        assert pixels_of(tmp_path / "a.png", colour) == expected
    accent = tuple(int(lettering.ACCENT[i : i + 2], 16) for i in (1, 3, 5))
    assert pixels_of(tmp_path / "a.png", accent) > 4 * 192 * 5  # a border of about 6 pixels


def test_without_an_anchor_there_is_no_frame(tmp_path: Path) -> None:
    contact_sheet([SheetRow("one", flat(distinct(9)))], tmp_path / "a.png")
    accent = tuple(int(lettering.ACCENT[i : i + 2], 16) for i in (1, 3, 5))
    assert pixels_of(tmp_path / "a.png", accent) == 0


@pytest.mark.parametrize(("passed", "colour"), [(True, lettering.PASS), (False, lettering.FAIL)])
def test_verdicts_are_green_or_red(tmp_path: Path, passed: bool, colour: str) -> None:
    contact_sheet([SheetRow("one", flat(distinct(5)), verdict="told", passed=passed)], tmp_path / "a.png")
    rgb = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    other = lettering.FAIL if passed else lettering.PASS
    assert pixels_of(tmp_path / "a.png", rgb) > 1000
    assert pixels_of(tmp_path / "a.png", tuple(int(other[i : i + 2], 16) for i in (1, 3, 5))) == 0


def test_a_sheet_with_everything_and_the_same_bytes_twice(tmp_path: Path) -> None:
    clips = [ClipSpan(0, 10, "word " * 200), ClipSpan(10, 11, "猫 😀 naïve"), ClipSpan(11, 33, "x" * 500)]
    many = [ClipSpan(frame, frame + 1, f"clip {frame}") for frame in range(33)]
    rows = [
        SheetRow("a" * 300, flat(distinct(33)), 3, clips, "note " * 100, "verdict " * 60, False),
        SheetRow("many clips", flat(distinct(33), 512), 3, many, given=Image.new("RGB", (400, 900), "navy")),
        SheetRow("no video", None, verdict="The image is missing.", passed=False),
        SheetRow("", flat(distinct(1), 16)),
    ]
    for name in ("a.png", "b.png"):
        contact_sheet(rows, tmp_path / name, title="Everything")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one video"):
        contact_sheet([], tmp_path / "a.png")
    with pytest.raises(InputError, match=r"'\.png'"):
        contact_sheet([SheetRow("one")], tmp_path / "a.jpg")


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_texts_under_the_bar_never_overlap_and_stay_readable(lengths: list[int]) -> None:
    ends = np.cumsum(lengths)
    clips = [ClipSpan(int(end - length), int(end), "text") for length, end in zip(lengths, ends, strict=True)]
    left, right = 100, 1800
    columns = _columns(clips, lambda frame: left + (right - left) * (frame + 0.5) / ends[-1], left, right)
    assert columns[0][0] >= left - 1e-6
    for (x, width), (following, _) in zip(columns, [*columns[1:], (right + 20, 0)], strict=True):
        assert width >= NARROWEST - 1e-6
        assert x + width <= following


@given(st.text(max_size=300), st.integers(60, 600))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int) -> None:
    lines = lettering.wrap(text, 23, width, most=10_000)
    assert "".join("".join(lines).split()) == "".join(lettering.drawable(text).split())
    assert all(lettering.width_of(line, 23) <= width for line in lines)
    assert len(lettering.wrap(text, 23, width, most=2)) <= 2


def test_joins_are_marked_and_said(tmp_path: Path) -> None:
    frames = np.zeros((10, 16, 16, 3), np.uint8)
    rows = [SheetRow("a", frames, joins=joins) for joins in ((), (Join(5, 9, 1, 2, 0.5),))]
    sizes = []
    for number, row in enumerate(rows):
        contact_sheet([row], tmp_path / f"{number}.png", columns=5)
        with Image.open(tmp_path / f"{number}.png") as sheet:
            sizes.append(sheet.height)
            red = (np.asarray(sheet.convert("RGB")) == ImageColor.getrgb(lettering.FAIL)).all(-1)
            assert red.any() == bool(row.joins)
    assert sizes[1] > sizes[0]  # one line more
