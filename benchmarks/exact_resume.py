"""Whether a run that is killed again and again ends as one that was not:

    python -m benchmarks.exact_resume                 # 100 kills of one process, 100 of two
    python -m benchmarks.exact_resume --kills 10 --base-model storyworld-tiny

Trains ``storyworld-tiny/quick`` by ``reasondiff train``, a checkpoint after every step, on a base of one narrow layer
unless another is given, so that many kills take minutes. The same command is given again
and again, and its processes are killed at random: by SIGKILL or SIGTERM, while they start, in a step, or while a
checkpoint is written. Then it may end, and its last checkpoint (weights, EMA, the optimizer's moments), the adapter and
the log's losses are compared with those of a run that nobody touched: bit by bit.

Every session is a process of its own, forked from one that has imported torch and the like and nothing else: hundreds
of imports would take longer than all the steps.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

from reasondiff.backends.wan.building import new_transformer
from reasondiff.checkpoints import weight_hashes
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.recipes.components import TransformerConfig
from reasondiff.recipes.config import to_json
from reasondiff.training.log import Row, read_log

RECIPE = "storyworld-tiny/quick"
TIMES = ("time", "samples_per_second", "memory_gb")
"""What the log says about the machine and its clock."""
IMPORTED = (
    "peft",
    "diffusers.pipelines.wan.pipeline_wan_i2v",
    "reasondiff.cli",
    "reasondiff.cli.terminal.training_bar",
    "reasondiff.recipes.resume",
    "reasondiff.recipes.storyworld_tiny",
    "reasondiff.training.publishing",
)
"""What sessions find imported."""


@dataclass
class Killed:
    """What was done to a run.

    Args:
        folder: with the run and the model that it makes.
        processes: that share it.
        steps: of the whole run.
        base_model: that it trains.
        signals: the kills by their signal's name.
        sessions: how often the command was given.
    """

    folder: Path
    processes: int
    steps: int
    base_model: str
    signals: dict[str, int] = field(default_factory=dict)
    sessions: int = 0

    @property
    def run(self) -> Path:
        return self.folder / "runs" / RECIPE

    @property
    def step(self) -> int:
        """Of the newest checkpoint."""
        names = (folder.name for folder in self.run.glob("checkpoints/[0-9]*"))
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def start(self) -> list[ForkServerProcess]:
        """The command, once for every process that shares the run."""
        command = (
            "train", "--recipe", RECIPE, "--steps", str(self.steps), "--model", str(self.folder / "model"),
            "--runs", str(self.folder / "runs"), "--cache", str(self.folder.parent / "cache"), "--device", "cpu",
            "--checkpoint-minutes", "0", "--precision", "fp32", "--track", "none", "--threads", "1", "--batch", "1",
            "--set", "optimization.ema_decay=0.99", "--set", f"base_model={self.base_model}",
            "--set", "alignformer.dim=32",
        )  # fmt: skip
        self.sessions += 1
        port = str(_free_port())
        context = get_context("forkserver")
        processes = [
            context.Process(
                target=_command, args=(command, self._group(rank, port), self.folder / f"errors-{rank}.txt")
            )
            for rank in range(self.processes)
        ]
        for process in processes:
            process.start()
        return processes

    def _group(self, rank: int, port: str) -> dict[str, str]:
        if self.processes == 1:
            return {}
        return {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(self.processes),
            "LOCAL_WORLD_SIZE": str(self.processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
            "GLOO_SOCKET_IFNAME": "lo",
        }  # fmt: skip

    def kill_once(self, rng: random.Random) -> bool:
        """Start, and kill after up to two more steps; False if the run came to its end before that."""
        number = signal.SIGKILL if rng.random() < 0.7 else signal.SIGTERM
        wanted, delay = self.step + rng.randint(0, 2), rng.uniform(0.0, 0.2)
        processes = self.start()
        while self.step < wanted and all(process.is_alive() for process in processes):
            time.sleep(0.002)
        time.sleep(delay)
        running = [process for process in processes if process.is_alive()]
        for process in running:
            assert process.pid is not None, "it was started"
            os.kill(process.pid, number)
        for process in processes:
            _ended(process)
        if running:
            self.signals[number.name] = self.signals.get(number.name, 0) + 1
        return bool(running)

    def finish(self) -> None:
        """Start, and wait for the end."""
        processes = self.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            codes = [process.exitcode for process in processes]
            raise SystemExit(f"The run ended with {codes}: {(self.folder / 'errors-0.txt').read_text()[-2000:]}")

    def result(self) -> tuple[dict[str, str], dict[str, str], list[Row]]:
        """What two runs must have in common: the last checkpoint's and the model's files, and the log's numbers."""
        last = self.run / "checkpoints" / f"{self.steps:06d}"
        rows = [{name: value for name, value in row.items() if name not in TIMES} for row in read_log(self.run)]
        return weight_hashes(last), weight_hashes(self.folder / "model"), rows


def _command(arguments: Sequence[str], environment: Mapping[str, str], errors: Path) -> None:
    """``reasondiff`` with these arguments, in the process that calls this."""
    from reasondiff.cli import main

    os.environ.update(environment)
    sys.argv = ["reasondiff", *arguments]
    for name, stream in (("/dev/null", sys.stdout), (errors, sys.stderr)):
        with open(name, "ab") as file:
            os.dup2(file.fileno(), stream.fileno())
    main()


def _ended(process: ForkServerProcess, patience: float = 60.0) -> None:
    """Wait; one that a SIGTERM leaves waiting for the others of its group is killed in the end."""
    process.join(patience)
    if process.is_alive():
        process.kill()
        process.join()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def small_model(folder: Path) -> str:
    """The bundled model with a transformer of one narrow layer, untrained; returns its folder."""
    pipe = ReasonDiffPipeline.from_pretrained("storyworld-tiny", lora=None, alignformer=None)
    config = TransformerConfig(num_attention_heads=1, attention_head_dim=32, ffn_dim=64, num_layers=1)
    torch.manual_seed(0)
    pipe.register_modules(transformer=new_transformer(to_json(config)))
    pipe.save_pretrained(folder)
    return str(folder)


def measured(
    folder: Path, base_model: str, *, processes: int, kills: int, seed: int = 0
) -> tuple[Killed, bool, bool, bool]:
    """Kill a run so often, and compare it with one that was not touched.

    Returns:
        The killed run; whether its last checkpoint, its model and its log are equal to the other's.
    """
    steps = 2 * kills + 20  # a session takes one in the mean, and those of its last moment
    whole, killed = (
        Killed(folder / f"{name}-{processes}", processes, steps, base_model) for name in ("whole", "killed")
    )
    for run in (whole, killed):
        run.folder.mkdir(parents=True)
    whole.finish()
    rng = random.Random(seed)
    while sum(killed.signals.values()) < kills and killed.kill_once(rng):
        pass
    killed.finish()
    equal = [one == other for one, other in zip(whole.result(), killed.result(), strict=True)]
    return killed, equal[0], equal[1], equal[2]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exact_resume")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--base-model", help="a name or a folder")
    asked = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    get_context("forkserver").set_forkserver_preload(list(IMPORTED))
    print("| processes | SIGKILL | SIGTERM | steps | checkpoint | adapter | log |")
    print("|---|---|---|---|---|---|---|")
    failed = False
    with tempfile.TemporaryDirectory() as name:
        base_model = asked.base_model or small_model(Path(name) / "base")
        for processes in asked.processes:
            killed, *equal = measured(Path(name), base_model, processes=processes, kills=asked.kills)
            failed |= not all(equal)
            told = ("identical" if each else "DIFFERS" for each in equal)
            numbers = (processes, killed.signals.get("SIGKILL", 0), killed.signals.get("SIGTERM", 0), killed.steps)
            print(f"| {' | '.join(map(str, (*numbers, *told)))} |", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
