"""What a training step takes on two cores, with the bundled models and cached latents:

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m benchmarks.training

Runs the base's and the first stage's recipe for some steps on a few clips, compiled, and prints the median seconds of
their steps, once for 16 clips per step, as the recipes have, and once for 10. Nothing is kept. Needs a C++ compiler.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from accelerate import Accelerator

from reasondiff.recipes import recipe
from reasondiff.recipes.wan import ClipRecipe
from reasondiff.training.distributed import accelerator_on
from reasondiff.training.trainer import fit

MODEL = str(Path(__file__).parents[1] / "models" / "storyworld-tiny")


def main() -> int:
    with accelerator_on() as accelerator, tempfile.TemporaryDirectory() as folder:
        for name in ("storyworld-tiny/base", "storyworld-tiny/stage1"):
            for clips in (16, 10):
                seconds = measured(name, clips // accelerator.num_processes, Path(folder), accelerator)
                if accelerator.is_main_process:
                    print(f"{name}, {clips} clips: {seconds:.2f} s per step", flush=True)
    return 0


def measured(
    name: str,
    batch: int,
    folder: Path,
    accelerator: Accelerator,
    *,
    clips: int = 32,
    steps: int = 60,
    compile: bool = True,
) -> float:
    """Median seconds of a step in the second half of ``steps``, with ``batch`` clips in this process."""
    plan = recipe(name)
    assert isinstance(plan, ClipRecipe), "only these have batches of clips"
    plan = replace(
        plan,
        optimization=replace(plan.optimization, steps=steps),
        flow=replace(plan.flow, batch=batch, compile=compile),
        clips=clips,
        from_weights=MODEL,
    )
    stage = plan.build(Path(MODEL), folder / "cache", "cpu")
    stage.validate = lambda _: {}  # type: ignore[method-assign]
    times: list[float] = []
    run = folder / f"{plan.name}-{batch}"
    fit(stage, plan.optimization, run, on_step=lambda *_: times.append(time.perf_counter()), accelerator=accelerator)
    late = times[len(times) // 2 :]
    return median(after - before for before, after in pairwise(late))


if __name__ == "__main__":
    sys.exit(main())
