"""No command writes over what it reads; it says so before the long work begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

TOLD = ("--prompt", "A cat plays.", "--narrative", "story.json")
TAKEN = {
    "vase.png": (
        ("generate", "--image", "vase.png", *TOLD, "-o", "vase.mp4", "--preview", "vase.png"),
        ("narrate", "show", "story.json", "--image", "vase.png", "-o", "vase.png"),
    ),
    "link.png": (("generate", "--image", "vase.png", *TOLD, "-o", "vase.mp4", "--preview", "link.png"),),
    "vase-sheet.png": (
        ("generate", "--image", "vase-sheet.png", *TOLD, "-o", "vase.mp4", "--seeds", 2),
        ("attention", "--image", "vase-sheet.png", *TOLD, "-o", "vase.mp4", "--word", "cat"),
    ),
    "vase-1.mp4": (("generate", "--image", "vase-1.mp4", *TOLD, "-o", "vase.mp4", "--seeds", 2),),
    "story.json": (
        ("generate", "--image", "vase.png", *TOLD, "-o", "vase.mp4", "--save-narrative", "story.json"),
        ("calibrate", "--image", "vase.png", *TOLD, "-o", "story.json"),
        ("narrate", "--image", "vase.png", "--prompt", "A cat.", "--narrator", "file:story.json", "-o", "story.json"),
    ),
    "rows.jsonl": (("narrate", "--batch", "rows.jsonl", "-o", "rows.jsonl"),),
    "video.mp4": (
        ("replay", "video.mp4", "-o", "video.mp4"),
        ("redo", "video.mp4", "--clip", 1, "-o", "video.mp4"),
    ),
    "1-vase.json": (("cases", ".", "--prompts", "told.csv", "-o", "."),),
    "sheet.png": (("cases", ".", "--prompts", "sheets.csv", "-o", "."),),
}


@pytest.mark.parametrize(("name", "arguments"), [(name, each) for name, several in TAKEN.items() for each in several])
def test_what_is_read_is_not_written(refused: Callable, here: Path, name: str, arguments: tuple) -> None:
    for copy in ("vase-sheet.png", "vase-1.mp4", "sheet.png"):
        shutil.copy("vase.png", copy)
    Path("link.png").symlink_to("vase.png")
    shutil.copy("story.json", "1-vase.json")
    Path("rows.jsonl").write_text('{"image": "vase.png", "text": "A cat plays."}\n')
    Path("video.mp4").write_bytes(b"a film")
    Path("told.csv").write_text("image,prompt,narrative\nvase.png,,1-vase.json\n")
    Path("sheets.csv").write_text("image,prompt\nsheet.png,A cat plays.\n")
    before = {path: path.read_bytes() for path in here.iterdir()}
    assert refused(*arguments) == f"{name!r} is read and would be overwritten; choose another name."
    assert {path: path.read_bytes() for path in here.iterdir()} == before
