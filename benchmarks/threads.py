"""How CPU threads should wait for each other, on an idle and on a busy machine: ``python -m benchmarks.threads``.

Denoises with the bundled model in processes of their own, which take turns: with one thread, with two whose OpenMP
runtime waits as it does by itself (by spinning), and with two that sleep, as ``import reasondiff`` asks. Then all of it
again beside a process that keeps one core busy. Prints, of each, the median wall and processor seconds of the runs, and
how many times the wall seconds of two sleeping threads they are. What else runs on the machine counts as well, so its
load at the start is printed too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

CONTESTANTS = {"1 thread": (1, "reasondiff"), "2, spinning": (2, "torch"), "2, sleeping": (2, "reasondiff")}
"""Threads, and what is imported first: OpenMP reads how to wait when torch is, so whoever is second cannot say."""

_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

_CHILD = """
import importlib, json, sys, time
importlib.import_module(sys.argv[1])
import torch
from reasondiff import Narrative, ReasonDiffPipeline
from reasondiff.checkpoints import find_model
from PIL import Image
pipe = ReasonDiffPipeline.from_pretrained(find_model("storyworld-tiny"))
pipe.set_progress_bar_config(disable=True)
story = Narrative.from_ends([(16, "A vase stands."), (33, "A cat breaks the vase.")], 20, 33)
def run(steps):
    pipe(image=Image.new("RGB", (64, 64), "grey"), narrative=story, num_inference_steps=steps, output_type="latent")
run(1)
wall, processor = time.perf_counter(), time.process_time()
run(int(sys.argv[2]))
print(json.dumps([time.perf_counter() - wall, time.process_time() - processor]))
"""


def measured(threads: int, first: str, steps: int) -> tuple[float, float]:
    """Wall and processor seconds of ``steps`` denoising steps and what is around them, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in _WAITING}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, first, str(steps)],
        env=environment | {"OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    wall, processor = json.loads(done.stdout.splitlines()[-1])
    return wall, processor


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes beside, each of which keeps a core busy."""
    beside = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in beside:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start; {options.rounds} rounds of {options.steps} steps")
    for where, processes in (("alone", 0), ("beside a busy process", 1)):
        with busy(processes):
            rounds = [
                {name: measured(*how, options.steps) for name, how in CONTESTANTS.items()}
                for _ in range(options.rounds)
            ]
        seconds = {name: [median(each[name][part] for each in rounds) for part in (0, 1)] for name in CONTESTANTS}
        for name, (wall, processor) in seconds.items():
            ratio = wall / seconds["2, sleeping"][0]
            print(f"{where:>22} {name:>12}: {wall:6.2f} s wall, {processor:6.2f} s of CPU, {ratio:.2f}x", flush=True)


if __name__ == "__main__":
    main()
