"""LoRAs from elsewhere, the VAE's savings, compilation and two processes, in the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from diffusers import ContextParallelConfig
from peft import get_peft_model_state_dict
from torch import Tensor

from reasondiff.backends.wan.framewise import AttentionRecord
from reasondiff.errors import UnsupportedError
from reasondiff.pipeline import ReasonDiffPipeline
from tests import gloo, tiny
from tests.tiny.pipelines import IMAGE, STORY, add_lora, alignformer, close, latents, pipeline

pytestmark = pytest.mark.filterwarnings("ignore:Already found a `peft_config`")  # peft's remark on a second adapter


# -- LoRAs ----------------------------------------------------------------------------------------------------------

ORIGINAL = {"attn1.": "self_attn.", "attn2.": "cross_attn.", "to_q.": "q.", "to_v.": "v."}


def wans_own_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """As community LoRAs are published: after the layers of Wan's own code, not those of diffusers."""
    renamed = {}
    for name, weight in weights.items():
        for ours, theirs in ORIGINAL.items():
            name = name.replace(ours, theirs)
        renamed[f"diffusion_model.{name}"] = weight
    return renamed


@pytest.fixture(scope="module")
def community() -> dict[str, Tensor]:
    pipe = pipeline()
    add_lora(pipe, "style", seed=7)
    return get_peft_model_state_dict(pipe.transformer, adapter_name="style")


def test_a_community_lora_beside_our_own(community: dict[str, Tensor]) -> None:
    pipe = pipeline(alignformer())
    add_lora(pipe)
    alone = latents(pipe)
    pipe.load_lora_weights(wans_own_names(community), adapter_name="style")
    pipe.set_adapters(["reasondiff", "style"], [1.0, 0.5])
    both = latents(pipe)
    assert not close(both, alone)
    expected = pipeline(alignformer())
    add_lora(expected)
    add_lora(expected, "style", seed=7)
    expected.set_adapters(["reasondiff", "style"], [1.0, 0.5])
    assert close(both, latents(expected))
    pipe.set_adapters("reasondiff")
    assert close(latents(pipe), alone)


def test_a_distilled_lora_of_four_steps_needs_no_guidance(community: dict[str, Tensor]) -> None:
    pipe = pipeline(alignformer())
    pipe.load_lora_weights(wans_own_names(community), adapter_name="four-steps")
    calls: list[int] = []
    pipe.transformer.register_forward_pre_hook(lambda *_: calls.append(1))
    pipe.scheduler = tiny.scheduler("euler")
    made = latents(pipe, num_inference_steps=4, guidance_scale=1.0, negative_prompt="never read")
    assert len(calls) == 4
    assert torch.equal(made, latents(pipe, num_inference_steps=4, guidance_scale=1.0))


# -- the VAE --------------------------------------------------------------------------------------------------------


def test_a_sliced_vae_gives_the_same_videos() -> None:
    pipe = pipeline()
    options = {"narrative": STORY, "num_videos_per_prompt": 2, "num_inference_steps": 1}
    whole = pipe(IMAGE, **options).frames
    pipe.vae.enable_slicing()
    assert np.array_equal(pipe(IMAGE, **options).frames, whole)


@pytest.mark.parametrize("former", [True, False], ids=["held anchor", "grey video"])
def test_a_tiled_vae_gives_the_same_video_where_one_tile_is_enough_and_much_the_same_else(former: bool) -> None:
    pipe = pipeline(alignformer() if former else None)
    options = {"narrative": STORY, "num_inference_steps": 1}
    whole = pipe(IMAGE, **options).frames
    pipe.vae.enable_tiling()
    assert np.array_equal(pipe(IMAGE, **options).frames, whole)
    sides = {f"tile_sample_{kind}_{side}": size for side in ("height", "width") for kind, size in TILES.items()}
    pipe.vae.enable_tiling(**sides)
    tiled = pipe(IMAGE, **options).frames
    assert tiled.shape == whole.shape
    assert np.isfinite(tiled).all()
    assert 0 < np.abs(tiled - whole).mean() <= 0.2


TILES = {"min": 48, "stride": 32}


# -- compilation and offload ----------------------------------------------------------------------------------------

PRECISIONS = {torch.float32: 1e-5, torch.bfloat16: 1e-2}
"""How far apart two ways to run the same model may be, as relative L2."""


def apart(one: Tensor, other: Tensor) -> float:
    return ((one.float() - other.float()).norm() / other.float().norm()).item()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what torch's own compiler imports
@pytest.mark.parametrize(
    ("backend", "dtype"),
    [
        ("eager", torch.float32),
        ("aot_eager", torch.bfloat16),
        *(pytest.param("inductor", dtype, marks=pytest.mark.slow) for dtype in PRECISIONS),
    ],
)
def test_repeated_blocks_compiled_give_the_same_video(backend: str, dtype: torch.dtype) -> None:
    pipe = pipeline(alignformer())
    add_lora(pipe)
    pipe.to(dtype)
    expected = latents(pipe)
    torch._dynamo.reset()
    pipe.transformer.compile_repeated_blocks(fullgraph=True, backend=backend)
    assert apart(latents(pipe), expected) <= PRECISIONS[dtype]
    torch._dynamo.reset()


@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
@pytest.mark.parametrize("kind", ["block_level", "leaf_level"])
def test_offloaded_groups_give_the_same_video(kind: str, dtype: torch.dtype) -> None:
    pipe = pipeline(alignformer()).to(dtype)
    resident, cpu = latents(pipe), torch.device("cpu")
    blocks = {"num_blocks_per_group": 1} if kind == "block_level" else {}
    pipe.transformer.enable_group_offload(onload_device=cpu, offload_device=cpu, offload_type=kind, **blocks)
    assert apart(latents(pipe), resident) <= PRECISIONS[dtype]


# -- two processes --------------------------------------------------------------------------------------------------


def together(how: str) -> None:
    """In each process: alone, then with the other one; in both precisions."""
    for dtype, tolerance in PRECISIONS.items():
        compare(pipeline(alignformer()).to(dtype), how, tolerance)


def compare(pipe: ReasonDiffPipeline, how: str, tolerance: float) -> None:
    alone = latents(pipe)
    calls: list[int] = []
    handle = pipe.transformer.register_forward_pre_hook(lambda *_: calls.append(1))
    if how == "guidance":
        pipe.enable_cfg_parallel()
    else:
        pipe.transformer.enable_parallelism(config=ContextParallelConfig(ulysses_degree=2))
    made = latents(pipe)
    assert len(calls) == (2 if how == "guidance" else 4)  # of two steps and two branches
    assert apart(made, alone) <= tolerance
    if how == "guidance":
        assert len(latents(pipe, guidance_scale=1.0)) == 1
        with pytest.raises(UnsupportedError, match="not recorded over two processes"):
            latents(pipe, record=AttentionRecord({}))
    handle.remove()


@pytest.mark.parametrize("how", ["guidance", "tokens"])
def test_two_processes_make_the_video_of_one(how: str, tmp_path: Path) -> None:
    gloo.run(tmp_path, together, how)


def test_guidance_over_one_process_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"There is one process; start two with torchrun and call"):
        pipeline().enable_cfg_parallel()


@pytest.mark.gpu
def test_ring_attention_on_two_gpus(tmp_path: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    torch.multiprocessing.spawn(ring, args=(str(tmp_path / "rendezvous"),), nprocs=2)


def ring(rank: int, rendezvous: str) -> None:
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    wide = tiny.transformer(attention_head_dim=64, added_kv_proj_dim=128)
    pipe = pipeline(transformer=wide).to(f"cuda:{rank}", torch.bfloat16)
    alone = latents(pipe).float()
    pipe.transformer.enable_parallelism(config=ContextParallelConfig(ring_degree=2))
    assert apart(latents(pipe), alone) <= 1e-2
    dist.destroy_process_group()
