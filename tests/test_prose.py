"""One thought a line: no function of eight lines or more has as many branches as lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_layers import FILES, name_of

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def branches(function: Function) -> int:
    """Ways that are chosen or gone again, within lines as well: ``a if b else c``, ``and``, a comprehension."""
    count = 0
    for node in ast.walk(function):
        match node:
            case ast.If() | ast.IfExp() | ast.For() | ast.While() | ast.ExceptHandler() | ast.match_case():
                count += 1
            case ast.BoolOp(values=values):
                count += len(values) - 1
            case ast.comprehension(ifs=conditions):
                count += 1 + len(conditions)
    return count


def lines(function: Function, source: list[str]) -> int:
    """Of the body, without its docstring, comments and empty lines."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    shown = [line.strip() for line in source[body[0].lineno - 1 : function.end_lineno]]
    return sum(bool(line) and not line.startswith("#") for line in shown)


def test_branches_and_lines_are_counted() -> None:
    head = 'def f(a):\n    """What."""\n    # why\n'
    text = head + "    if a and 1 or not a:\n\n        return [b for b in a if b]\n    return 0\n"
    [function] = functions(ast.parse(text))
    assert (branches(function), lines(function, text.splitlines())) == (5, 3)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_function_has_more_lines_than_branches(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    source = text.splitlines()
    for function in functions(ast.parse(text)):
        length = lines(function, source)
        assert length < 8 or branches(function) < length, function.name
