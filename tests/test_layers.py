"""Imports point down, and siblings never import each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import reasondiff

LAYERS = """
cli
recipes
evaluation training planning
pipeline
storyworld narrator alignformer framewise conditioning
narrative media
timeline files checkpoints presets flow
errors
"""
RANK = {part: rank for rank, line in enumerate(reversed(LAYERS.split("\n"))) for part in line.split()}
ROOT = Path(reasondiff.__file__).parent
FILES = sorted(file for file in ROOT.rglob("*.py") if file != ROOT / "__init__.py")


def imported(file: Path) -> set[str]:
    """The parts of the package that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively; name the module in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("reasondiff.")} & set(RANK)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_imports_point_down(file: Path) -> None:
    part = file.relative_to(ROOT).parts[0].removesuffix(".py")
    assert part in RANK, f"{part!r} has no layer; give it one above"
    wrong = sorted(other for other in imported(file) - {part} if RANK[other] >= RANK[part])
    assert not wrong, f"{part} may not import {', '.join(wrong)}"
