"""The paper's trained ablations at equal steps: ``python -m benchmarks.trained_ablations -o outputs/ablations``.

Trains ReasonDiff and each variant without one of its parts, all from the same base and equally long, evaluates them on
the same unseen cases, measures their videos and writes the report. Each line that is printed is a command of its own;
given again after a stop, each goes on where it was. ``--share 0.1`` takes a tenth of the recipes' steps, ``--dry-run``
prints the commands.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.vae import MODEL
from reasondiff.recipes.storyworld_tiny import STAGE1, STAGE2

STAGES = {
    "reasondiff": ("stage1", "stage2"),
    "no-aux-loss": ("no-aux-loss",),
    "no-enhanced-latents": ("no-enhanced-latents",),
    "no-multi-prompt": ("no-multi-prompt", "no-multi-prompt-2"),
}
"""The recipes of each variant, in their order."""

BASE = ("vae", "transformer", "text_encoder", "tokenizer", "scheduler", "narrator", "model_index.json")
"""What all of them begin with: the bundled model without what ReasonDiff's stages have trained."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/ablations"))
    parser.add_argument("--share", type=float, default=1.0, help="of the recipes' steps")
    parser.add_argument("--cases", type=int, default=60, help="that are evaluated")
    parser.add_argument("--set", action="append", default=[], help="of every recipe, as 'reasondiff train' takes it")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    for variant in STAGES:
        if not options.dry_run:
            copy_base(options.output / variant)
    for command in commands(options.output, options.share, options.cases, options.set):
        print(f"reasondiff {shlex.join(command)}", flush=True)
        if not options.dry_run:
            subprocess.run([sys.executable, "-m", "reasondiff", *command], check=True)


def steps_of(share: float) -> tuple[int, int]:
    """Of the first and of the second stage."""
    first, second = (max(1, round(share * recipe.optimization.steps)) for recipe in (STAGE1, STAGE2))
    return first, second


def copy_base(folder: Path) -> None:
    """What a variant begins with, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in BASE:
        if (folder / name).exists():
            continue
        if (MODEL / name).is_dir():
            shutil.copytree(MODEL / name, folder / name)
        else:
            shutil.copyfile(MODEL / name, folder / name)


def commands(output: Path, share: float, cases: int, changes: Sequence[str] = ()) -> Iterator[list[str]]:
    """The command lines after ``reasondiff``: trainings, then one evaluation, its measures and its report."""
    first, second = steps_of(share)
    kept = [word for change in changes for word in ("--set", change)]
    for variant, recipes in STAGES.items():
        steps = (first, second) if len(recipes) == 2 else (first + second,)
        for recipe, count in zip(recipes, steps, strict=True):
            yield [
                "train", "--recipe", f"storyworld-tiny/{recipe}", "--model", str(output / variant),
                "--runs", str(output / "runs" / variant), "--cache", str(output / "cache"),
                "--steps", str(count), *kept,
            ]  # fmt: skip
    trained = [word for name in STAGES if name != "reasondiff" for word in ("--method", f"{name}:{output / name}")]
    run, ours = str(output / "evaluation"), str(output / "reasondiff")
    yield ["evaluate", "--model", ours, "--cases", str(cases), "-o", run, "--method", "reasondiff", *trained]
    yield ["score", run, "--metric", "storyworld"]
    yield ["report", run]


if __name__ == "__main__":
    main()
