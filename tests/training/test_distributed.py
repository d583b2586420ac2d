"""Several processes, one run: the weights are those of one process with all of their draws."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reasondiff.training.checkpoint import load_checkpoint
from reasondiff.training.distributed import accelerator_on, main_process_says
from reasondiff.training.trainer import fit
from tests import gloo
from tests.training.test_trainer import PLAN, Line

RUN = replace(PLAN, steps=7)


def work(rank: int, port: int, folder: str) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2", OMP_NUM_THREADS="1",
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo",
    )  # fmt: skip
    torch.set_num_threads(1)
    with accelerator_on("cpu") as accelerator:
        assert (accelerator.process_index, accelerator.num_processes) == (rank, 2)
        assert accelerator.is_main_process == (rank == 0)
        assert main_process_says(rank == 0, accelerator)
        stage = Line(batch=4)
        options = {"validate_every": 3, "accelerator": accelerator}
        assert fit(stage, RUN, Path(folder), stop_after_minutes=0, **options) == 1
        assert fit(stage, RUN, Path(folder), **options) == 7
        assert len(gloo.threads()) > 1 or not Path("/proc/self/task").exists()
    assert not gloo.threads()  # one that goes on would abort the process at its end
    assert stage.validated == (3 if rank == 0 else 0)
    torch.save([[key.step, key.sample] for key in stage.dataset.drawn], f"{folder}/drawn-{rank}")
    torch.save(stage.net.weight.detach(), f"{folder}/weight-{rank}")


def test_two_processes_stopped_and_resumed_are_one_with_the_batch_of_both(tmp_path: Path) -> None:
    gloo.start(work, gloo.free_port(), str(tmp_path))
    joint = Line(batch=8)
    fit(joint, RUN, tmp_path / "joint")
    drawn = [sample for rank in range(2) for sample in torch.load(tmp_path / f"drawn-{rank}", weights_only=True)]
    assert sorted(drawn) == [[step, sample] for step in range(7) for sample in range(8)]
    for rank in range(2):
        weight = torch.load(tmp_path / f"weight-{rank}", weights_only=True)
        torch.testing.assert_close(weight, joint.net.weight.detach())
    saved = load_checkpoint(tmp_path)
    assert saved is not None and saved.step == 7
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == [3, 6, 7, 7]  # two validations, the last losses, the last validation


def test_alone_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with accelerator_on("cpu") as accelerator:
        assert accelerator.is_main_process and accelerator.num_processes == 1
        assert accelerator.device.type == "cpu" and not main_process_says(False, accelerator)
