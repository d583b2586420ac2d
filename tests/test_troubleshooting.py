"""docs/troubleshooting.md: what it says a user sees is what the program says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_layers import FILES

PAGE = Path(__file__).parent.parent / "docs" / "troubleshooting.md"
HOLE = "\0"
"""In place of a value in a sentence."""


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def quoted() -> list[str]:
    return [sentence for row in rows() for sentence in re.findall(r'"([^"]+)"', row[0])]


@cache
def sentences() -> list[str]:
    """Every text of the source, the parts of one joined."""
    return [text for file in FILES for text in texts(ast.parse(file.read_text(encoding="utf-8")))]


def texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values]
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("sentence", quoted())
def test_a_sentence_of_the_page_is_one_of_the_program(sentence: str) -> None:
    parts = re.split(r"\bN\b|\.\.\.", sentence)
    pattern = rf"({HOLE}|%d)".join(map(re.escape, parts))
    assert any(re.search(pattern, text) for text in sentences()), sentence


def test_every_row_says_what_it_is_and_what_to_do() -> None:
    assert len(rows()) > 15
    assert all(len(row) == 3 and all(row) for row in rows())
