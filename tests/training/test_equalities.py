"""A global batch is one, whoever computes it: Algorithm 1 on a tiny Wan, in fp32, ten steps.

Two processes and accumulated micro-batches end with the weights of one process and one batch, up to the order of sums.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.tensor import DTensor

from reasondiff.checkpoints import LORA_FILE
from reasondiff.data.clips import AnchorLatents, ClipLatents, FrameCaptions
from reasondiff.narrative import Narrative
from reasondiff.timeline import Timeline
from reasondiff.training.checkpoint import load_checkpoint
from reasondiff.training.distributed import accelerator_on
from reasondiff.training.optimization import Optimization
from reasondiff.training.stages.flow import FlowOptions
from reasondiff.training.stages.reason import ReasonStage
from reasondiff.training.trainer import fit
from tests import gloo, tiny
from tests.tiny.pipelines import add_lora, alignformer, pipeline

STEPS = Optimization(steps=10, lr=1e-3, warmup_steps=1, precision="fp32", ema_decay=0.9)


class Clips:
    """Four clips of latents that anybody can draw."""

    timeline = Timeline(9)

    def __len__(self) -> int:
        return 4

    def latents(self, index: int) -> ClipLatents:
        clean = tiny.randn(tiny.LATENT_CHANNELS, 3, 8, 8, seed=index)
        return ClipLatents(clean, first_frame_condition=torch.zeros_like(clean))

    def anchor(self, index: int, rng: object) -> AnchorLatents:
        frame = rng.randrange(9)  # type: ignore[attr-defined]
        one = self.latents(index).clean[:, [self.timeline.latent_of(frame)]]
        return AnchorLatents(frame, torch.cat([one, one], dim=1))

    def caption(self, index: int, rng: object) -> str:
        return "A cat plays."

    def frame_captions(self, index: int, rng: object) -> FrameCaptions:
        return FrameCaptions(("A vase stands.",) * 4 + ("A cat breaks it.",) * 5, style="A film.")

    def narrative(self, index: int, frame: int, rng: object) -> Narrative:
        return Narrative.from_descriptions(self.frame_captions(index, rng).texts, frame)


def stage(batch: int, beta: float = 0.2) -> ReasonStage:
    pipe = pipeline(alignformer(), image_tokens=False)
    add_lora(pipe)
    pipe.text_encoder.requires_grad_(False)
    adapters = {name: p for name, p in pipe.transformer.named_parameters() if ".lora_" in name}
    pipe.transformer.requires_grad_(False)
    for parameter in adapters.values():
        parameter.requires_grad_(True)
    options = FlowOptions(batch=batch, drop_text=0.0)
    made = ReasonStage(pipe, Clips(), options, adapters=adapters, beta=beta, per_frame=0.5, validation=lambda *_: {})
    return made


def trained(made: ReasonStage) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in made.trainable().items()}


def farthest(weights: dict[str, Tensor], expected: dict[str, Tensor], start: dict[str, Tensor]) -> float:
    """The largest relative L2 distance of a tensor; those that no gradient reached stayed what they were."""
    assert weights.keys() == expected.keys()
    moved = [name for name in expected if not torch.equal(expected[name], start[name])]
    assert len(moved) > len(expected) // 2
    return max(float((weights[name] - expected[name]).norm() / expected[name].norm()) for name in moved)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights before, and after ten steps of one process with four clips each."""
    made = stage(batch=4)
    start = trained(made)
    fit(made, STEPS, tmp_path_factory.mktemp("run"))
    return start, trained(made)


@pytest.mark.parametrize("batch", [1, 2])
def test_accumulated_micro_batches_equal_one_batch(
    batch: int, one: tuple[dict[str, Tensor], dict[str, Tensor]], tmp_path: Path
) -> None:
    made = stage(batch=batch)
    steps = Optimization(**{**vars(STEPS), "gradient_accumulation_steps": 4 // batch})
    fit(made, steps, tmp_path)
    assert farthest(trained(made), one[1], one[0]) <= 1e-5


def work(rank: int, port: int, folder: str, shard_weights: bool) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2", OMP_NUM_THREADS="1",
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo",
    )  # fmt: skip
    torch.set_num_threads(1)
    steps = replace(STEPS, shard_weights=shard_weights)
    with accelerator_on("cpu") as accelerator:
        made = stage(batch=2)
        if shard_weights:  # stopped in the middle, and gone on with from whole weights and moments
            whole = sum(parameter.numel() for parameter in made.transformer.parameters())
            fit(made, steps, Path(folder), accelerator=accelerator, stop_after_minutes=0)
            assert shares(made) and load_checkpoint(Path(folder)).step == 1  # type: ignore[union-attr]
            own = sum(parameter.to_local().numel() for parameter in made.transformer.parameters())
            assert own < 0.6 * whole  # half, and what does not divide
            made = stage(batch=2)
        fit(made, steps, Path(folder), accelerator=accelerator)
        assert not shares(made)
        if rank == 0:
            made.export(Path(folder) / "model")
    save_file(trained(made), f"{folder}/weights-{rank}.safetensors")
    if shard_weights:
        os._exit(0)  # what was sharded keeps the group, whose threads may abort an interpreter that ends


def shares(made: ReasonStage) -> bool:
    return any(isinstance(parameter, DTensor) for parameter in made.trainable().values())


@pytest.mark.parametrize("shard_weights", [False, True])
def test_two_processes_equal_one(
    one: tuple[dict[str, Tensor], dict[str, Tensor]], tmp_path: Path, shard_weights: bool
) -> None:
    gloo.start(work, gloo.free_port(), str(tmp_path), shard_weights)
    for rank in range(2):
        assert farthest(load_file(tmp_path / f"weights-{rank}.safetensors"), one[1], one[0]) <= 1e-5
    assert (tmp_path / "model" / LORA_FILE).is_file()
