"""A preset changes how a model is kept and run, not what it makes, beyond its own precision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import BitsAndBytesConfig, PipelineQuantizationConfig
from torch import Tensor

from reasondiff.errors import CheckpointError, InputError, UnsupportedError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.pipeline.loading import apply_preset, kept_whole, load_preset
from reasondiff.planning.presets import Preset, preset
from tests import tiny
from tests.tiny.pipelines import DEFAULTS, add_lora, alignformer, latents, on_hub, pipeline


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    pipeline(alignformer()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exact(model: Path) -> Tensor:
    return latents(pipeline(alignformer()))


def distance(one: Tensor, other: Tensor) -> float:
    return ((one.float() - other).norm() / other.norm()).item()


def test_quality_is_bf16_with_an_exact_vae(model: Path, exact: Tensor) -> None:
    pipe = load_preset(str(model), preset("quality"), "cpu")
    pipe.set_progress_bar_config(disable=True)
    dtypes = {name: getattr(pipe, name).dtype for name in ("transformer", "text_encoder", "alignformer", "vae")}
    assert dtypes == {name: torch.bfloat16 for name in dtypes} | {"vae": torch.float32}
    assert distance(latents(pipe), exact) <= 0.05


def test_low_vram_stores_8_bits_streams_blocks_and_lets_models_rest(model: Path, exact: Tensor, tmp_path: Path) -> None:
    trained = pipeline(alignformer())
    add_lora(trained)
    trained.save_adapter(tmp_path / "tales")
    expected = latents(trained)
    pipe = load_preset(str(model), preset("low-vram"), "cpu", adapter=str(tmp_path / "tales"))
    pipe.set_progress_bar_config(disable=True)
    block = pipe.transformer.blocks[0]
    assert block.ffn.net[2].weight.dtype == block.attn1.to_q.base_layer.weight.dtype == torch.float8_e4m3fn
    assert block.attn1.to_q.lora_A["tales"].weight.dtype == pipe.transformer.proj_out.weight.dtype == torch.bfloat16
    layer = pipe.text_encoder.encoder.block[0].layer
    assert layer[1].DenseReluDense.wi_0.weight.dtype == layer[0].SelfAttention.q.weight.dtype == torch.float8_e4m3fn
    assert layer[1].DenseReluDense.wo.weight.dtype == torch.bfloat16
    assert pipe.vae.use_tiling
    assert len(pipe.offload_hooks) == 4
    rests = []
    pipe.offload_hooks.append(lambda: rests.append(len(rests)))
    made = latents(pipe)
    assert len(rests) == 6  # before each of five stages, and at the end
    assert 0 < distance(made, expected) <= 0.2
    assert torch.equal(latents(pipe), made)


def test_compiled_with_a_step_cache(exact: Tensor) -> None:
    pipe = pipeline(alignformer())
    both = Preset(name="both", purpose="", compiled=True, step_cache=0.0, offload="models")
    torch._dynamo.reset()
    apply_preset(pipe, both, "cpu", {"backend": "eager"})
    assert distance(latents(pipe), exact) <= 1e-5
    assert pipe.transformer.is_cache_enabled
    torch._dynamo.reset()


def test_a_text_encoder_alone_can_rest_between_stories(exact: Tensor) -> None:
    pipe = pipeline(alignformer())
    apply_preset(pipe, Preset(name="own", purpose=""), "cpu")
    assert len(pipe.offload_hooks) == 1
    assert distance(latents(pipe), exact) <= 1e-5


@pytest.mark.parametrize("kind", ["two experts", "first and last frame"])
def test_the_other_image_to_video_models_load_from_their_folders(kind: str, tmp_path: Path) -> None:
    if kind == "two experts":
        second = tiny.transformer(image_tokens=False, seed=1)
        parts = tiny.pipeline(image_tokens=False).components | {"transformer_2": second, "boundary_ratio": 0.9}
        own = ReasonDiffPipeline(**parts, reasondiff=DEFAULTS)
    else:
        paired = tiny.transformer(pos_embed_seq_len=2 * tiny.IMAGE_TOKENS)
        own = pipeline(transformer=paired)
    own.set_progress_bar_config(disable=True)
    own.save_pretrained(tmp_path)
    pipe = ReasonDiffPipeline.from_pretrained(tmp_path)
    pipe.set_progress_bar_config(disable=True)
    assert distance(latents(pipe, num_inference_steps=4), latents(own, num_inference_steps=4)) <= 1e-5


def change_config(folder: Path, file: str, **entries: object) -> None:
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(content | entries))


def test_other_wan_models_are_refused_by_their_configs_before_any_weight_is_read(tmp_path: Path) -> None:
    for name, file, entry, message in (
        ("t2v", "transformer/config.json", {"in_channels": 16}, "reads 16 channels, not the 12 of image-to-video; use"),
        ("ti2v-5b", "model_index.json", {"expand_timesteps": True}, "Wan2.2-TI2V-5B has no mask to place an image"),
    ):
        commit = {"main": "a" * 40}
        folder = tiny.checkpoint(on_hub(tmp_path / name, "owner/model", "a" * 40, commit))
        change_config(folder, file, **entry)
        with pytest.raises(CheckpointError, match=message):
            ReasonDiffPipeline.from_pretrained(folder)
        for weights in folder.rglob("*.safetensors"):  # as if only the configs had been fetched yet
            weights.unlink()
        with pytest.raises(CheckpointError, match=message):
            ReasonDiffPipeline.from_pretrained("owner/model", cache_dir=str(tmp_path / name), local_files_only=True)


def test_no_code_that_comes_with_a_checkpoint_runs(tmp_path: Path) -> None:
    folder = tiny.checkpoint(tmp_path / "model")
    change_config(folder, "model_index.json", transformer=["own_transformer", "Own"])
    (folder / "transformer" / "own_transformer.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: ...")
    for options in ({}, {"trust_remote_code": True}):
        with pytest.raises(CheckpointError, match="cannot be loaded"):
            ReasonDiffPipeline.from_pretrained(folder, **options)
    assert not (tmp_path / "ran").exists()


def test_a_revision_of_a_folder_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match=r"A revision is for models on the hub, and '.*' is a folder; leave it out"):
        ReasonDiffPipeline.from_pretrained(model, revision="v1")


def test_a_quantisation_that_is_not_here_is_one_sentence(model: Path) -> None:
    config = PipelineQuantizationConfig(quant_mapping={"transformer": BitsAndBytesConfig(load_in_8bit=True)})
    with pytest.raises(CheckpointError, match="cannot be loaded") as caught:
        ReasonDiffPipeline.from_pretrained(model, quantization_config=config)
    assert "\n" not in str(caught.value)


def test_8_bit_products_spare_the_first_and_the_last_block() -> None:
    model = tiny.transformer(num_layers=12)
    kept = kept_whole(model.config)
    whole = {
        n for n, m in model.named_modules() if any(f"{key}." in f"{n}.weight" for key in kept)
    }  # as diffusers does
    linear = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    assert {n.split(".")[1] for n in linear - whole} == {str(number) for number in range(1, 11)}
    assert all(n.startswith("blocks.") for n in linear - whole)


def test_8_bit_products_are_refused_where_there_are_none(model: Path) -> None:
    with pytest.raises(UnsupportedError, match="'fast' multiplies in 8 bits, which 'cpu' cannot do here"):
        load_preset(str(model), preset("fast"), "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["quality", "balanced", "fast", "low-vram"])
def test_every_preset_on_a_gpu(model: Path, exact: Tensor, name: str) -> None:
    if name == "fast":
        pytest.importorskip("torchao")
    pipe = load_preset(str(model), preset(name), "cuda")
    pipe.set_progress_bar_config(disable=True)
    assert distance(latents(pipe).cpu(), exact) <= 0.2
    assert torch.equal(latents(pipe), latents(pipe))


@pytest.mark.gpu
@pytest.mark.parametrize("how", ["model", "sequential", "streamed blocks", "streamed leaves"])
def test_offload_on_a_gpu_changes_nothing(how: str) -> None:
    pipe = pipeline(alignformer()).to("cuda")
    resident = latents(pipe).cpu()
    pipe = pipeline(alignformer())
    if how == "model":
        pipe.enable_model_cpu_offload()
    elif how == "sequential":
        pipe.enable_sequential_cpu_offload()
    else:
        kind = {"offload_type": "leaf_level"} if "leaves" in how else {"num_blocks_per_group": 1}
        pipe.enable_group_offload(torch.device("cuda"), use_stream=True, **kind)
    assert distance(latents(pipe).cpu(), resident) <= 1e-5


@pytest.mark.gpu
@pytest.mark.parametrize("backend", ["_native_cudnn", "_native_flash", "flash", "_flash_3", "sage"])
def test_kernels_on_a_gpu(backend: str) -> None:
    homes = {"flash": "flash_attn", "_flash_3": "flash_attn_interface", "sage": "sageattention"}
    pytest.importorskip(homes.get(backend, "torch"))
    # These kernels want heads of 64 or 128 numbers.
    wide = tiny.transformer(attention_head_dim=64, added_kv_proj_dim=128)
    pipe = pipeline(transformer=wide).to("cuda", torch.bfloat16)
    expected = latents(pipe).cpu().float()
    pipe.transformer.set_attention_backend(backend)
    assert distance(latents(pipe).cpu(), expected) <= 0.05


@pytest.mark.gpu
def test_bitsandbytes_on_a_gpu(model: Path, exact: Tensor) -> None:
    pytest.importorskip("bitsandbytes")
    config = PipelineQuantizationConfig(quant_mapping={"transformer": BitsAndBytesConfig(load_in_8bit=True)})
    pipe = ReasonDiffPipeline.from_pretrained(model, quantization_config=config, dtype=torch.bfloat16).to("cuda")
    assert distance(latents(pipe).cpu(), exact) <= 0.2
