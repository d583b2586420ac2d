"""docs/architecture.md names files and things that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import reasondiff

ROOT = Path(reasondiff.__file__).parent
PAGE = (ROOT.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", PAGE)))
THINGS = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`: `([A-Za-z_.]+)`", PAGE)
FOLDERS = re.findall(r"^  ([a-z]+)/ ", PAGE, re.MULTILINE)


def place(name: str) -> Path:
    return ROOT.parents[1] / name if name.startswith("tests/") else ROOT / name


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_named_exists(name: str) -> None:
    assert place(name).is_file()


@pytest.mark.parametrize(("name", "thing"), THINGS)
def test_what_is_said_to_be_in_a_file_is_defined_there(name: str, thing: str) -> None:
    text = place(name).read_text(encoding="utf-8")
    for part in thing.split("."):
        assert re.search(rf"^\s*(?:class|def|async def) {part}\b", text, re.MULTILINE), part


def test_the_tree_shows_every_folder_of_the_package() -> None:
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert set(FOLDERS) == there


def test_something_is_named() -> None:
    assert len(FILES) > 30 and len(THINGS) > 15
