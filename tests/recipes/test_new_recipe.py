"""A new recipe is one class: what it forgets to say is missed at once, and nobody else has to know of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from reasondiff.errors import CheckpointError, InputError
from reasondiff.recipes.base import Needed, Recipe
from reasondiff.recipes.resume import check_resume, run_record
from reasondiff.training.optimization import Optimization
from reasondiff.training.trainer import Stage
from tests.training.test_trainer import Line


@dataclass(frozen=True, kw_only=True)
class LineRecipe(Recipe):
    """Fits a line on top of a model's slope."""

    batch: int = 8

    shortcuts = {"batch": "batch"}  # noqa: RUF012
    reads = (Needed("slope", "lines/slope"),)
    trained_on = ("slope",)
    continues_from = ("line",)
    exports = ("line",)

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        return Line(self.batch)


LINE = LineRecipe(name="lines/line", purpose="a line", optimization=Optimization(steps=3))


def test_what_it_does_not_say_is_missed_at_once() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Silent(Recipe):
        def build(self, model: Path, cache: Path, device: str) -> Stage:
            return Line()

    with pytest.raises(TypeError, match="abstract"):
        Silent(name="lines/silent", purpose="nothing", optimization=Optimization(steps=1))


def test_what_it_reads_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"slope'; train lines/slope first, or give another --model\."):
        LINE.check(tmp_path)
    (tmp_path / "slope").mkdir()
    LINE.check(tmp_path)


def test_what_it_was_trained_on_must_stay(tmp_path: Path) -> None:
    weights = tmp_path / "model" / "slope" / "x.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"one")
    run = tmp_path / "run"
    (run / "checkpoints" / "000001").mkdir(parents=True)
    (run / "recipe.json").write_text(json.dumps(run_record(LINE, tmp_path / "model")))
    check_resume(LINE, run, tmp_path / "model")
    weights.write_bytes(b"another")
    with pytest.raises(InputError, match=r"was begun on another slope/x\.safetensors"):
        check_resume(LINE, run, tmp_path / "model")
