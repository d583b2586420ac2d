"""A transformer from one file, as other programs keep them, equals the folder's; what cannot work is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file
from torch import Tensor

from reasondiff.errors import CheckpointError, UnsupportedError
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny
from tests.tiny.pipelines import close, latents, pipeline


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("base"), image_tokens=False)


def weights(seed: int = 3) -> dict[str, Tensor]:
    return dict(tiny.transformer(image_tokens=False, seed=seed).state_dict())


def loaded(base: Path, file: Path) -> ReasonDiffPipeline:
    pipe = ReasonDiffPipeline.from_pretrained(base, transformer=file, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    pipe.defaults = pipeline().defaults
    return pipe


def test_plain_and_scaled_8_bit_files(base: Path, tmp_path: Path) -> None:
    exact = weights()
    save_file(exact, tmp_path / "plain.safetensors")
    scaled: dict[str, Tensor] = {"scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn)}
    rounded = dict(exact)
    for name, weight in exact.items():
        scaled[name] = weight
        if "ffn" in name and name.endswith(".weight"):
            scale = weight.abs().max() / 448
            scaled[name] = (weight / scale).to(torch.float8_e4m3fn)
            scaled[name.removesuffix(".weight") + ".scale_weight"] = scale
            rounded[name] = scaled[name].float() * scale
    save_file(scaled, tmp_path / "scaled.safetensors")
    for file, wanted in (("plain", exact), ("scaled", rounded)):
        transformer = tiny.transformer(image_tokens=False)
        transformer.load_state_dict(wanted)
        expected = pipeline(image_tokens=False, transformer=transformer)
        assert close(latents(loaded(base, tmp_path / f"{file}.safetensors")), latents(expected))


OWN_NAMES = (
    ("norm2", "norm 3"), ("norm3", "norm2"), ("norm 3", "norm3"), ("attn1.", "self_attn."), ("attn2.", "cross_attn."),
    (".to_out.0.", ".o."), (".to_q.", ".q."), (".to_k.", ".k."), (".to_v.", ".v."), (".add_k_proj.", ".k_img."),
    (".add_v_proj.", ".v_img."), (".norm_added_k.", ".norm_k_img."), ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"), ("proj_out", "head.head"),
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("condition_embedder.image_embedder.norm1", "img_emb.proj.0"),
    ("condition_embedder.image_embedder.ff.net.0.proj", "img_emb.proj.1"),
    ("condition_embedder.image_embedder.ff.net.2", "img_emb.proj.3"),
    ("condition_embedder.image_embedder.norm2", "img_emb.proj.4"),
)  # fmt: skip


def wans_own_name(name: str) -> str:
    """After the layers of Wan's own code, as everybody's single files are; not those of diffusers."""
    for ours, theirs in OWN_NAMES:
        name = name.replace(ours, theirs)
    if name == "scale_shift_table":
        return "head.modulation"
    return name.replace("scale_shift_table", "modulation")


def wide(seed: int = 3) -> WanTransformer3DModel:
    """Like ``tiny.transformer``, with rows of 32 and 64 numbers, which GGUF packs in blocks of 32."""
    return tiny.transformer(attention_head_dim=16, added_kv_proj_dim=32, ffn_dim=64, freq_dim=32, seed=seed)


@pytest.fixture(scope="module")
def wide_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide")
    tiny.pipeline(transformer=wide(seed=0)).save_pretrained(folder)
    return folder


def test_a_file_with_wans_own_names_and_image_layers(wide_base: Path, tmp_path: Path) -> None:
    for prefix in ("", "model.diffusion_model."):
        content = {prefix + wans_own_name(name): weight for name, weight in wide().state_dict().items()}
        assert f"{prefix}blocks.1.cross_attn.k_img.weight" in content
        save_file(content, tmp_path / "own.safetensors")
        made = latents(loaded(wide_base, tmp_path / "own.safetensors"))
        assert close(made, latents(pipeline(transformer=wide())))


def test_a_gguf_file_equals_the_weights_it_rounds_to(wide_base: Path, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(tmp_path / "wan.gguf", "wan")
    rounded, packed = {}, gguf.GGMLQuantizationType.Q8_0
    for name, weight in wide().state_dict().items():
        rounded[name] = weight
        if ("ffn" in name or "attn" in name) and weight.ndim == 2:
            blocks = gguf.quants.quantize(weight.numpy(), packed)
            writer.add_tensor(wans_own_name(name), blocks, raw_dtype=packed)
            rounded[name] = torch.from_numpy(gguf.quants.dequantize(blocks, packed)).half().float()  # as diffusers
        else:
            writer.add_tensor(wans_own_name(name), weight.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    pipe = loaded(wide_base, tmp_path / "wan.gguf")
    assert pipe.transformer.blocks[0].ffn.net[2].weight.dtype == torch.uint8  # packed in memory as well
    expected = wide()
    expected.load_state_dict(rounded)
    assert not close(latents(pipeline(transformer=expected)), latents(pipeline(transformer=wide())))
    assert close(latents(pipe), latents(pipeline(transformer=expected)))


def missing(content: dict[str, Tensor]) -> None:
    del content["blocks.1.ffn.net.2.weight"]


def text_to_video(content: dict[str, Tensor]) -> None:
    content["patch_embedding.weight"] = content["patch_embedding.weight"][:, :4].contiguous()


@pytest.mark.parametrize("harm", [missing, text_to_video])
def test_files_that_are_not_this_models_are_refused(
    base: Path, tmp_path: Path, harm: Callable[[dict[str, Tensor]], None]
) -> None:
    content = weights()
    harm(content)
    save_file(content, tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError) as caught:
        loaded(base, tmp_path / "odd.safetensors")
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_other_files_are_refused(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.ckpt").write_bytes(b"")
    (tmp_path / "weights.gguf").write_bytes(b"")
    monkeypatch.setattr("reasondiff.backends.wan.single_file.find_spec", lambda name: None)
    for name, error, message in (
        ("weights.ckpt", CheckpointError, "is neither .safetensors nor .gguf; nothing else is read"),
        ("weights.gguf", UnsupportedError, "is a GGUF file; install the 'gguf' package"),
        ("none.safetensors", CheckpointError, "There is no"),
    ):
        with pytest.raises(error, match=message):
            loaded(base, tmp_path / name)


# -- 8 bits ------------------------------------------------------------------------------------------------------------


def in_8_bits(
    name: str, weight: Tensor, spelling: str, per: str, dtype: torch.dtype
) -> tuple[dict[str, Tensor], Tensor]:
    """A weight stored in 8 bits with its scale under a usual name, and what it stands for."""
    top = 127.0 if dtype == torch.int8 else 448.0
    rows = weight.flatten(1).abs().amax(1) / top
    scale = {"tensor": rows.max(), "one": rows.max()[None], "row": rows, "column": rows[:, None]}[per]
    shaped = scale.reshape(-1, *[1] * (weight.ndim - 1)) if scale.numel() > 1 else scale.reshape(())
    stored = weight / shaped
    stored = stored.round().to(dtype) if dtype == torch.int8 else stored.to(dtype)
    module = name.removesuffix(".weight")
    return {name: stored, f"{module}.{spelling}": scale.contiguous()}, stored.float() * shaped


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int8])
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "any.prefix."])
@pytest.mark.parametrize(
    ("spelling", "per"),
    [("scale_weight", "tensor"), ("weight_scale", "one"), ("weight_scale", "row"), ("scale_weight", "column")],
)
def test_scales_of_every_spelling(
    base: Path, tmp_path: Path, spelling: str, per: str, prefix: str, dtype: torch.dtype
) -> None:
    content: dict[str, Tensor] = {}
    wanted = weights()
    for name, weight in weights().items():
        own = wans_own_name(name)
        content[own] = weight
        if ".attn" in name and name.endswith(".weight") and weight.ndim == 2:  # square ones, too: rows, not columns
            stored, wanted[name] = in_8_bits(own, weight, spelling, per, dtype)
            content |= stored
            content[own.replace("weight", "input_scale")] = torch.tensor(3.0)
    named = {prefix + name: weight for name, weight in content.items()}
    save_file(named | {f"{prefix}scaled_fp8": torch.zeros(2)}, tmp_path / "scaled.safetensors")
    transformer = loaded(base, tmp_path / "scaled.safetensors").transformer
    for name, weight in transformer.state_dict().items():
        assert torch.equal(weight, wanted[name]), name


def test_what_comfyui_says_of_a_plain_float8_weight_is_understood(base: Path, tmp_path: Path) -> None:
    name = "blocks.0.attn1.to_q.weight"
    stored, wanted = in_8_bits(name, weights()[name], "weight_scale", "tensor", torch.float8_e4m3fn)
    said = torch.tensor(list(b'{"format": "float8_e4m3fn", "full_precision_matrix_mult": true}'), dtype=torch.uint8)
    content = weights() | stored | {"blocks.0.attn1.to_q.comfy_quant": said}
    save_file(content, tmp_path / "a.safetensors")
    assert torch.equal(loaded(base, tmp_path / "a.safetensors").transformer.state_dict()[name], wanted)


QUERY = "blocks.0.attn1.to_q"
EIGHT = {f"{QUERY}.weight": torch.ones(12, 12).to(torch.float8_e4m3fn)}


def bytes_of(text: str) -> Tensor:
    return torch.tensor(list(text.encode()), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("added", "named"),
    [
        (EIGHT | {f"{QUERY}.weight_scale_inv": torch.ones(1, 1)}, "weight_scale_inv"),
        (EIGHT | {f"{QUERY}.weight_zero_point": torch.ones(1)}, "weight_zero_point"),
        (EIGHT | {f"{QUERY}.scale_weight": torch.ones(1), f"{QUERY}.weight_scale": torch.ones(1)}, "weight_scale"),
        (EIGHT | {f"{QUERY}.weight_scale": torch.ones(3, 4)}, "weight"),
        (EIGHT | {f"{QUERY}.weight_scale": torch.ones(1, 12)}, "weight"),
        (EIGHT | {f"{QUERY}.weight_scale": torch.zeros(1)}, "weight"),
        (EIGHT | {f"{QUERY}.scale_weight": torch.tensor(float("nan"))}, "weight"),
        (EIGHT | {f"{QUERY}.comfy_quant": bytes_of('{"format": "nvfp4"}')}, "comfy_quant"),
        (EIGHT | {f"{QUERY}.comfy_quant": bytes_of('{"format": "float8_e5m2", "turned": 1}')}, "comfy_quant"),
        (EIGHT | {f"{QUERY}.comfy_quant": bytes_of("no JSON")}, "comfy_quant"),
        ({f"{QUERY}.weight": torch.ones(12, 12, dtype=torch.int8)}, "weight"),
        ({f"{QUERY}.weight": torch.ones(12, 12, dtype=torch.uint8)}, "weight"),
        ({f"{QUERY}.weight_scale": torch.ones(1)}, "weight_scale"),
        ({f"{QUERY}.lora_A.weight": torch.ones(1, 12)}, "lora_A.weight"),
    ],
)
def test_a_weight_that_is_not_understood_is_refused_by_name(
    base: Path, tmp_path: Path, added: dict[str, Tensor], named: str
) -> None:
    save_file(weights() | added, tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError, match=rf"{QUERY}\.{named}'.*; get a(nother)? file") as caught:
        loaded(base, tmp_path / "odd.safetensors")
    assert "\n" not in str(caught.value)


def test_keys_that_nothing_takes_and_weights_that_lack_are_named(base: Path, tmp_path: Path) -> None:
    content = weights()
    save_file(content | {"vae.conv1.bias": torch.zeros(1)}, tmp_path / "more.safetensors")
    own = {wans_own_name(name): weight for name, weight in content.items()}
    own["blocks.0.self_attn.norm_x.weight"] = own.pop("blocks.0.self_attn.norm_q.weight")
    save_file(own, tmp_path / "other.safetensors")
    lacking = {name: weight for name, weight in content.items() if not name.startswith("blocks.1.")}
    save_file(lacking, tmp_path / "half.safetensors")
    turned = content | {"proj_out.weight": content["proj_out.weight"].T.contiguous()}
    save_file(turned, tmp_path / "turned.safetensors")
    number = len(content) - len(lacking)
    for file, message in (
        ("more", "holds 1 tensors that no weight of the model takes, such as 'vae.conv1.bias'"),
        ("other", "such as 'blocks.0.self_attn.norm_x.weight'"),
        ("half", f"lacks {number} weights, such as 'blocks.1."),
        ("turned", "'proj_out.weight' is of shape"),
    ):
        with pytest.raises(CheckpointError, match=message):
            loaded(base, tmp_path / f"{file}.safetensors")
