"""What a training step takes: closed forms against counted tensors of the real class, and what they imply."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from diffusers import WanTransformer3DModel
from peft import LoraConfig
from torch import Tensor

from reasondiff.errors import InputError
from reasondiff.planning import GPUS, architecture
from reasondiff.planning.training import CARDS, TrainingJob, fitting, plan_training
from reasondiff.planning.transformer import Transformer
from reasondiff.recipes.components import LoraOptions

WAN = architecture("wan2.1-i2v-14b-480p")
PAPER = plan_training(WAN, TrainingJob())
H200 = next(gpu for gpu in GPUS if gpu.name == "H200")


def test_the_papers_run_is_what_others_report() -> None:
    one = plan_training(WAN, TrainingJob(batch=1))
    assert one.work.flops == pytest.approx(1007e12, rel=0.02)  # 3 x linears and 4.5 x attention of one clip
    assert PAPER.seconds(H200) / 8 == pytest.approx(2.0, rel=0.15)  # 1.9 to 2.2 s by published runs' rates
    assert one.memory < 48e9 < PAPER.memory < 110e9


def test_a_card_gets_the_largest_micro_batch_that_fits() -> None:
    ways = {size: fitting(PAPER, size) for size in CARDS}
    assert ways[24] is None
    assert [ways[size].micro_batch for size in (48, 80, 141)] == [1, 4, 8]
    for size, way in ways.items():
        assert way is None or (way.fits(size) and 8 % way.micro_batch == 0)
        assert way is None or way.micro_batch == 8 or not replace(way, micro_batch=2 * way.micro_batch).fits(size)


def test_without_checkpointing_a_step_takes_less_time_and_more_memory() -> None:
    kept = replace(PAPER, checkpointing=False)
    assert 0.65 < kept.seconds(H200) / PAPER.seconds(H200) < 0.8
    assert kept.memory > 3 * PAPER.memory
    assert replace(PAPER, frozen="fp32").memory - PAPER.memory == pytest.approx(2 * PAPER.frozen_parameters)


def test_the_second_stage_trains_alignformer_alone() -> None:
    second = plan_training(WAN, TrainingJob(rank=0))
    assert second.trained_parameters == PAPER.alignformer.parameters
    assert second.activations < PAPER.activations and second.work.flops < PAPER.work.flops


def config(layers: int, heads: int, ffn: int) -> dict[str, object]:
    return {
        "patch_size": (1, 2, 2), "num_attention_heads": heads, "attention_head_dim": 128, "in_channels": 36,
        "out_channels": 16, "text_dim": 64, "freq_dim": 64, "ffn_dim": ffn, "num_layers": layers,
        "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads",
    }  # fmt: skip


def transformer(layers: int, heads: int, ffn: int, rank: int) -> WanTransformer3DModel:
    model = WanTransformer3DModel(**config(layers, heads, ffn)).to(torch.bfloat16)
    model.requires_grad_(False)
    if rank:
        options = LoraOptions()
        model.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=options.target_modules))
        for name, parameter in model.named_parameters():
            if ".lora_" in name:  # in fp32, as it is trained
                parameter.data = parameter.data.float()
    return model


def kept(model: WanTransformer3DModel) -> int:
    """Bytes that a forward pass keeps for the backward one, beside weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    found: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    noisy = torch.randn(1, 36, 5, 16, 16, dtype=torch.bfloat16, requires_grad=True)
    texts = torch.randn(1, 8, 64, dtype=torch.bfloat16)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        model(noisy, timestep=torch.tensor([500.0]), encoder_hidden_states=texts, return_dict=False)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize(("heads", "ffn"), [(2, 1024), (4, 512)])
def test_a_block_keeps_what_is_counted(rank: int, heads: int, ffn: int) -> None:
    tokens = 5 * 8 * 8
    measured = (kept(transformer(3, heads, ffn, rank)) - kept(transformer(1, heads, ffn, rank))) / 2 / tokens
    shape = Transformer.from_config(config(1, heads, ffn))
    assert measured == pytest.approx(shape.kept_for_backward(trained=rank > 0), rel=0.05)


def test_a_lora_has_the_parameters_of_peft() -> None:
    model = transformer(2, 2, 512, 4)
    trained = sum(p.numel() for name, p in model.named_parameters() if ".lora_" in name)
    assert Transformer.from_config(config(2, 2, 512)).lora_parameters(4) == trained


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: TrainingJob(batch=0), "A batch of 0 trains nothing"),
        (lambda: TrainingJob(rank=-1), "A LoRA of rank -1 is none"),
        (lambda: plan_training(WAN, TrainingJob(width=500)), "500 pixels does not divide into 16"),
        (lambda: plan_training(WAN, TrainingJob(num_frames=32)), "32 frames do not fit"),
        (lambda: plan_training(architecture("wan2.1-vace-14b"), TrainingJob()), "is VACE, which takes no AlignFormer"),
    ],
)
def test_what_cannot_be_trained_is_refused(make: Callable[[], object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        make()


def test_a_training_plan_imports_no_torch() -> None:
    code = (
        "import sys\n"
        "from reasondiff.planning import architecture\n"
        "from reasondiff.planning.training import CARDS, TrainingJob, fitting, plan_training\n"
        "planned = plan_training(architecture('wan2.1-i2v-14b-480p'), TrainingJob())\n"
        "assert any(fitting(planned, size) for size in CARDS)\n"
        "assert not {'torch', 'diffusers', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
