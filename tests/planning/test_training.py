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

from reasondiff.backends.wan.float8 import store_in_float8
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


def test_a_card_gets_what_changes_the_least() -> None:
    ways = {size: fitting(PAPER, size) for size in CARDS}
    found = {
        size: (way.cards, way.micro_batch, way.frozen, way.keep_attention, way.eight_bit)
        for size, way in ways.items()
        if way is not None
    }
    assert found == {
        24: (4, 1, "bf16", False, False),
        48: (1, 1, "bf16", False, False),
        80: (1, 2, "bf16", True, False),
        141: (1, 4, "bf16", True, False),
    }
    for size, way in ways.items():
        assert way is not None and way.fits(size)
        assert not replace(way, micro_batch=2 * way.micro_batch).fits(size)


def test_a_card_too_small_for_bf16_keeps_the_base_in_float8_before_a_second_card_is_asked_for() -> None:
    small = fitting(PAPER, 32)
    assert small is not None and (small.cards, small.frozen, small.eight_bit) == (1, "float8", False)
    assert fitting(PAPER, 6) is None


def test_without_checkpointing_a_step_takes_less_time_and_more_memory() -> None:
    kept = replace(PAPER, checkpointing=False)
    assert 0.65 < kept.seconds(H200) / PAPER.seconds(H200) < 0.8
    assert kept.memory > 3 * PAPER.memory
    in_fp32 = PAPER.frozen_parameters - WAN.parameters["vae"]  # the VAE always is
    assert replace(PAPER, frozen="fp32").memory - PAPER.memory == pytest.approx(2 * in_fp32)


def test_kept_attention_is_not_computed_again() -> None:
    kept = replace(PAPER, keep_attention=True)
    assert PAPER.work.attention / kept.work.attention == pytest.approx(4.5 / 3.5, rel=1e-3)
    # three attentions of 40 blocks: 5120 numbers in bf16 for each of 9216 tokens, and 40 heads' sums in fp32
    assert kept.memory - PAPER.memory == pytest.approx(8 * 9216 * 40 * 3 * (2 * 5120 + 4 * 40))


def test_moments_in_8_bits_take_a_quarter() -> None:
    saved = PAPER.memory - replace(PAPER, eight_bit=True).memory
    assert saved == pytest.approx(PAPER.trained_parameters * (8 - 2.03125))


def test_shared_weights_take_a_share_and_what_is_gathered() -> None:
    two, four = (replace(PAPER, cards=cards, micro_batch=1) for cards in (2, 4))
    shared = 2 * WAN.parameters["transformer"] + 16 * PAPER.trained_parameters
    assert two.memory - four.memory == pytest.approx(shared / 4)
    assert four.seconds(H200) == pytest.approx(replace(PAPER, micro_batch=1).seconds(H200) / 4)
    whole_block = 2 * WAN.transformers[0].block_parameters
    assert four.weights > shared / 4 + 2 * whole_block


@pytest.mark.parametrize("image", [False, True])
def test_float8_takes_the_bytes_that_are_counted(image: bool) -> None:
    options = {"added_kv_proj_dim": 128, "image_dim": 32} if image else {}
    model = WanTransformer3DModel(**config(2, 1, 512) | options).to(torch.bfloat16)
    shape = Transformer.from_config(config(2, 1, 512) | options)
    assert sum(parameter.numel() for parameter in model.parameters()) == shape.parameters
    store_in_float8(model)
    counted = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    saved = 2 * (shape.block_linear - 4 * shape.block_outputs)
    assert counted == 2 * shape.parameters - saved


def test_a_block_in_float8_keeps_the_weights_that_it_was_computed_with() -> None:
    def keeps(layers: int) -> int:
        model = transformer(layers, 1, 512, rank=0)
        store_in_float8(model)
        return kept(model)

    shape, tokens = Transformer.from_config(config(1, 1, 512)), 5 * 8 * 8
    measured = (keeps(3) - keeps(1)) / 2
    assert measured == pytest.approx(tokens * shape.kept_for_backward(trained=False) + 2 * shape.block_linear, rel=0.05)


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
        (lambda: plan_training(WAN, TrainingJob(), cards=3), "8 clips do not divide among 3 cards"),
        (lambda: plan_training(WAN, TrainingJob(), cards=2, frozen="float8"), "in 8 bits is not shared out"),
        (lambda: plan_training(WAN, TrainingJob(), cards=2, eight_bit=True), "in 8 bits is not shared out"),
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
