"""``benchmarks.trained_ablations``: every variant is trained equally long, from the same base."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import trained_ablations as ablations
from reasondiff.evaluation.ablations import TRAINED_VARIANTS
from reasondiff.recipes import resolve


@pytest.mark.parametrize("share", [1.0, 0.1, 0.00001])
def test_all_variants_take_the_same_number_of_steps(share: float) -> None:
    steps: Counter[str] = Counter()
    for command in ablations.commands(Path("out"), share, 60):
        if command[0] == "train":
            options = dict(zip(command[1::2], command[2::2], strict=True))
            assert resolve(options["--recipe"]).name == options["--recipe"]
            steps[Path(options["--model"]).name] += int(options["--steps"])
    assert set(steps) == {"reasondiff", *(variant.name for variant in TRAINED_VARIANTS)}
    assert len(set(steps.values())) == 1
    if share == 1:
        assert steps["no-aux-loss"] == resolve("storyworld-tiny/no-aux-loss").optimization.steps


def test_a_variant_begins_with_the_base_and_nothing_that_was_trained_on_it(tmp_path: Path) -> None:
    ablations.copy_base(tmp_path / "variant")
    (tmp_path / "variant" / "scheduler" / "mine").write_text("")
    ablations.copy_base(tmp_path / "variant")  # what is there stays
    names = {path.name for path in (tmp_path / "variant").iterdir()}
    assert names == set(ablations.BASE) and (tmp_path / "variant" / "scheduler" / "mine").exists()
