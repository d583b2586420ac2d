"""What a laptop user waits for: ``python -m benchmarks.generate`` in the repository's root.

Runs ``reasondiff generate`` with the bundled model as a process of its own, twice, and prints for each run the wall
time from start to exit, the share of it that goes into imports (the command prints that itself), and the largest memory
of the process. Where the system can hold a process to some cores, as Linux can, it gets two. Ends with 1 if the second
run took more than 30 s or 2 GB.
"""

from __future__ import annotations

import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from subprocess import PIPE, Popen

from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES, sample_take

SECONDS, MEGABYTES, CORES = 30.0, 2000.0, 2


def main() -> int:
    take = sample_take(random.Random(0), pairs=[("vase", "cat")])
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "vase.png"
        draw_frame(take, NUM_FRAMES - 1).save(image)
        for run in (1, 2):
            seconds, megabytes, imports = measured(image, Path(folder) / f"{run}.mp4")
            print(f"run {run}: {seconds:5.1f} s, of which imports {imports} s; {megabytes:5.0f} MB")
    return int(seconds > SECONDS or megabytes > MEGABYTES)


def measured(image: Path, output: Path) -> tuple[float, float, str]:
    """Seconds, megabytes at most, and the seconds of imports as the command prints them."""
    command = [Path(sys.executable).with_name("reasondiff"), "generate", "--image", image, "-o", output]
    started = time.perf_counter()
    command += ["--prompt", "A cat plays in the room."]
    with Popen(command, stdout=PIPE, text=True, preexec_fn=on_few_cores) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"generate ended with {process.returncode}.")
    imports = re.search(r"imports ([\d.]+)", printed)
    return seconds, usage.ru_maxrss / 1000, imports.group(1) if imports else "?"


def on_few_cores() -> None:
    """Hold this process to the first ``CORES`` of those it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


if __name__ == "__main__":
    sys.exit(main())
