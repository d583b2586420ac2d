"""One word means one thing: ``position`` counts from 1, and stands where users read and write it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_layers import FILES, name_of, room, within

SEEN_BY_USERS = (
    "backends.wan.modular",
    "cli",
    "evaluation.rows",
    "jobs",
    "narrative.story",
    "narrator",
    "pipeline.any_model",
    "pipeline.generate",
    "pipeline.story",
    "pipeline.wan",
    "pipeline.word_attention",
    "server.api",
)
"""Files, options, the pipeline's arguments, and what a narrator is asked for; elsewhere it is a ``frame``, from 0."""


def identifiers(file: Path) -> Iterator[str]:
    """Variables, arguments and attributes."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_position_is_what_a_user_reads(file: Path) -> None:
    if not any(within(room(file), place) for place in SEEN_BY_USERS):
        assert not [name for name in identifiers(file) if re.fullmatch("positions?", name)]
