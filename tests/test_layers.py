"""Imports point down, siblings never import each other, and a few walls stand inside the rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import reasondiff

LAYERS = """
__main__
cli
recipes
training evaluation
data server
jobs
pipeline
backends
planning storyworld narrator alignformer
media
narrative
timeline claims files checkpoints cluster finite quiet flow secrets studio web
errors
"""
RANK = {part: rank for rank, line in enumerate(reversed(LAYERS.split("\n"))) for part in line.split()}
ROOT = Path(reasondiff.__file__).parent
PROJECT = ROOT.parents[1]
FILES = sorted(file for file in ROOT.rglob("*.py") if file != ROOT / "__init__.py")

WALLS = {
    "narrator.reading": ("reasondiff.narrator.providers",),
    "training.stages": ("reasondiff.storyworld", "reasondiff.training.storyworld"),
    "data": ("reasondiff.storyworld",),
    "pipeline.generate": ("reasondiff.backends.wan",),
    "pipeline.story": ("reasondiff.backends.wan",),
    "pipeline.any_model": ("reasondiff.backends.wan",),
    "backends.ltx": ("reasondiff.backends.wan",),
    "backends.wan": ("reasondiff.backends.ltx",),
}
"""What a room may not know, beside what stands above it."""

OWNERS = {
    "rich": ("cli",),
    "typer": ("cli",),
    "fastapi": ("server",),
    "sqlalchemy": ("server", "web", "evaluation.study"),
    "uvicorn": ("server", "cli.study"),
}
"""Who alone may import a library."""


def imports(file: Path) -> Iterator[str]:
    """The full names that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively; name the module in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(file: Path) -> Iterator[str]:
    """What a file takes from a module by its dotted name, such as ``diffusers.AutoencoderKLWan``."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def is_wan(name: str) -> bool:
    """Whether a full name is that of one of diffusers' parts for Wan."""
    return within(name, "diffusers") and "wan" in name.lower()


def modules_of(names: Iterator[str], modules: Mapping[str, Path]) -> Iterator[str]:
    """The project's own modules that imported names are, or are in."""
    for name in names:
        while name not in modules and "." in name:
            name = name.rpartition(".")[0]
        if name in modules:
            yield name


def room(file: Path) -> str:
    """A file's dotted place below the package."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def name_of(file: Path) -> str:
    return file.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_point_down(file: Path) -> None:
    part = room(file).split(".")[0]
    assert part in RANK, f"{part!r} has no layer; give it one above"
    others = {name.split(".")[1] for name in imports(file) if within(name, "reasondiff") and name != "reasondiff"}
    wrong = sorted(other for other in others & set(RANK) - {part} if RANK[other] >= RANK[part])
    assert not wrong, f"{part} may not import {', '.join(wrong)}"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_walls_inside_the_rooms_hold(file: Path) -> None:
    here, names = room(file), sorted(set(imports(file)))
    for place, unknown in WALLS.items():
        if within(here, place):
            wrong = [name for name in names if any(within(name, other) for other in unknown)]
            assert not wrong, f"{place} may not know {', '.join(wrong)}"
    for library, places in OWNERS.items():
        if not any(within(here, place) for place in places):
            wrong = [name for name in names if within(name, library)]
            assert not wrong, f"only {' and '.join(places)} may import {library}"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_only_backends_wan_knows_the_libraries_wan_classes(file: Path) -> None:
    if not within(room(file), "backends.wan"):
        wrong = [name for name in {*imports(file), *attributes(file)} if is_wan(name)]
        assert not wrong, f"only backends.wan may use {', '.join(sorted(wrong))}"
    if not within(room(file), "backends.ltx"):
        wrong = [
            name for name in {*imports(file), *attributes(file)} if within(name, "diffusers") and "ltx" in name.lower()
        ]
        assert not wrong, f"only backends.ltx may use {', '.join(sorted(wrong))}"


def test_no_files_import_each_other_not_even_for_their_types() -> None:
    modules = {f"reasondiff.{room(file)}": file for file in FILES}
    graph = {module: set(modules_of(imports(file), modules)) - {module} for module, file in modules.items()}
    assert sum(map(len, graph.values())) > len(graph)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle: {' -> '.join(error.args[1])}") from None


@pytest.mark.parametrize("file", sorted((PROJECT / "benchmarks").rglob("*.py")), ids=name_of)
def test_benchmarks_import_no_tests(file: Path) -> None:
    assert not [name for name in imports(file) if within(name, "tests")]


@pytest.mark.parametrize("file", sorted((PROJECT / "tests").rglob("*.py")), ids=name_of)
def test_only_a_benchmarks_own_test_imports_it(file: Path) -> None:
    if file.parent != PROJECT / "tests" / "benchmarks":
        assert not [name for name in imports(file) if within(name, "benchmarks")]
