"""A weight that is no number is found when a model is loaded, and a step that makes one ends the run."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from reasondiff.errors import CheckpointError, UnsupportedError
from reasondiff.finite import is_finite
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from tests import tiny
from tests.tiny.pipelines import alignformer, latents, pipeline

NO_NUMBERS = (math.nan, math.inf, -math.inf)
KEY = "blocks.1.ffn.net.2.weight"


def spoil(file: Path, key: str, value: float) -> None:
    weights = load_file(file)
    weights[key].view(-1)[-1] = value
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_one_value_among_many_tells(dtype: torch.dtype) -> None:
    weight = torch.zeros(7, 333, dtype=dtype)
    assert is_finite(weight) and is_finite(torch.nn.Parameter(weight)) and is_finite(weight[:0])
    assert is_finite(torch.full_like(weight, torch.finfo(dtype).max))
    for value in NO_NUMBERS:
        for place in (0, 1000, -1):
            odd = weight.clone()
            odd.view(-1)[place] = value
            assert not is_finite(odd)
    assert is_finite(torch.ones(3, dtype=torch.uint8)) and is_finite(torch.empty(3, device="meta"))


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("transformer", KEY),
        ("vae", "quant_conv.bias"),
        ("text_encoder", "encoder.block.0.layer.0.SelfAttention.q.weight"),
        ("alignformer", "proj_out.bias"),
    ],
)
def test_a_folder_names_the_file_and_the_key(part: str, key: str, tmp_path: Path) -> None:
    pipeline(alignformer()).save_pretrained(tmp_path)
    (file,) = (tmp_path / part).glob("*.safetensors")
    spoil(file, key, math.nan)
    with pytest.raises(CheckpointError) as caught:
        ReasonDiffPipeline.from_pretrained(tmp_path)
    assert str(caught.value).startswith(f"{str(file)!r} holds values that are no numbers, in {key!r}; download")


def test_an_alignformer_of_another_folder_too(tmp_path: Path) -> None:
    alignformer().save_pretrained(tmp_path / "former")
    (file,) = (tmp_path / "former").glob("*.safetensors")
    spoil(file, "proj_out.bias", math.inf)
    with pytest.raises(CheckpointError, match=r"\.safetensors' holds values that are no numbers, in 'proj_out\.bias'"):
        ReasonDiffPipeline.from_pretrained(tiny.checkpoint(tmp_path / "base"), alignformer=tmp_path / "former")


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_a_single_file_names_itself_and_the_key(value: float, tmp_path: Path) -> None:
    base, file = tiny.checkpoint(tmp_path / "base", image_tokens=False), tmp_path / "one.safetensors"
    save_file(dict(tiny.transformer(image_tokens=False).state_dict()), file)
    spoil(file, KEY, value)
    with pytest.raises(CheckpointError) as caught:
        ReasonDiffPipeline.from_pretrained(base, transformer=file)
    assert str(caught.value) == f"In {str(file)!r} {KEY!r} holds values that are no numbers; download the file again."


def test_what_is_too_large_for_half_precision_says_so(tmp_path: Path) -> None:
    base, file = tiny.checkpoint(tmp_path / "base", image_tokens=False), tmp_path / "one.safetensors"
    save_file(dict(tiny.transformer(image_tokens=False).state_dict()), file)
    spoil(file, KEY, 1e5)
    with pytest.raises(CheckpointError, match=r"too large for torch\.float16; load it in bfloat16\."):
        ReasonDiffPipeline.from_pretrained(base, transformer=file, dtype=torch.float16)
    ReasonDiffPipeline.from_pretrained(base, transformer=file, dtype=torch.bfloat16)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "F32"])
def test_the_scales_of_gguf_blocks_are_looked_at(kind: str, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    base = tiny.checkpoint(tmp_path / "base", image_tokens=False)
    packed = gguf.GGMLQuantizationType[kind]
    for value in (0.5, math.nan):
        writer = gguf.GGUFWriter(tmp_path / "wan.gguf", "wan")
        for name, weight in tiny.transformer(image_tokens=False).state_dict().items():
            spoiled = weight.clone()
            if name == KEY:
                spoiled.view(-1)[:] = value
            if name == KEY and weight.shape[-1] % 32 == 0:
                writer.add_tensor(name, gguf.quants.quantize(spoiled.numpy(), packed), raw_dtype=packed)
            else:
                writer.add_tensor(name, spoiled.numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        if math.isnan(value):
            with pytest.raises(CheckpointError, match=f"{KEY!r} holds values that are no numbers"):
                ReasonDiffPipeline.from_pretrained(base, transformer=tmp_path / "wan.gguf")
        else:
            ReasonDiffPipeline.from_pretrained(base, transformer=tmp_path / "wan.gguf")


def test_a_step_that_makes_no_number_ends_the_run_and_keeps_what_was_right(tmp_path: Path) -> None:
    pipe, kept = pipeline(), DenoisingCheckpoint(tmp_path / "kept.safetensors")

    def spoil_the_next(pipe: ReasonDiffPipeline, step: int, timestep: object, tensors: dict) -> dict:
        if step == 1:
            with torch.no_grad():
                pipe.transformer.proj_out.bias[0] = math.nan
        return {}

    with pytest.raises(UnsupportedError, match="Step 3 of the denoising gave values that are no numbers; load"):
        latents(pipe, num_inference_steps=4, progress=kept, callback_on_step_end=spoil_the_next)
    (left,) = tmp_path.iterdir()
    assert all(is_finite(tensor) for tensor in load_file(left).values())
