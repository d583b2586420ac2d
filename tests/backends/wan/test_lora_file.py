"""A LoRA's file changes every layer that it names, or an error names what would be left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from reasondiff.backends.wan.lora_file import as_comfyui_reads, as_diffusers_reads
from reasondiff.errors import CheckpointError, InputError
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny
from tests.backends.wan.test_single_file import wans_own_name
from tests.tiny.pipelines import add_lora, pipeline

LAYERS = (
    "attn1.to_q",
    "attn1.to_out.0",
    "attn2.to_v",
    "attn2.add_k_proj",
    "attn2.add_v_proj",
    "ffn.net.0.proj",
    "ffn.net.2",
)
RANK = 2


def weights() -> dict[str, tuple[Tensor, Tensor]]:
    """A and B of every layer."""
    torch.manual_seed(4)
    modules = dict(pipeline().transformer.named_modules())
    made = {}
    for name in (f"blocks.{block}.{layer}" for block in (0, 1) for layer in LAYERS):
        module = modules[name]
        made[name] = torch.randn(RANK, module.in_features), torch.randn(module.out_features, RANK)
    return made


def own(name: str) -> str:
    return wans_own_name(f"{name}.weight").removesuffix(".weight")


def written(prefix: str = "", name_of: Callable[[str], str] = str, down: str = "lora_A", up: str = "lora_B") -> dict:
    content = {}
    for name, (first, second) in weights().items():
        content[f"{prefix}{name_of(name)}.{down}.weight"] = first
        content[f"{prefix}{name_of(name)}.{up}.weight"] = second
    return content


def with_alpha(content: dict[str, Tensor]) -> dict[str, Tensor]:
    """B is stored at half its size, and alpha makes up for it."""
    halved = {name: weight / 2 if ".lora_up." in name else weight for name, weight in content.items()}
    layers = {name.rpartition(".lora_")[0] for name in content}
    return halved | {f"{layer}.alpha": torch.tensor(2.0 * RANK) for layer in layers}


def musubi(name: str) -> str:
    return f"lora_unet_{own(name).replace('.', '_')}"


KNOWN = {
    "diffusers": written("transformer."),
    "ComfyUI": written("diffusion_model.", own),
    "ComfyUI, down and up": with_alpha(written("diffusion_model.", own, "lora_down", "lora_up")),
    "musubi": with_alpha(written("", musubi, "lora_down", "lora_up")),
    "bare": written(),
    "bare, Wan's names": written("", own),
    "PEFT": written("base_model.model."),
    "PEFT, a name inside": written("base_model.model.", down="lora_A.default", up="lora_B.default"),
    "PEFT, Wan's names": written("base_model.model.", own),
    "a checkpoint's prefix": written("model.diffusion_model.", own),
    "diffusers, down and up": with_alpha(written("transformer.", down="lora_down", up="lora_up")),
}


def changes(pipe: ReasonDiffPipeline) -> dict[str, Tensor]:
    """What the LoRA adds to each layer's weight."""
    modules = pipe.transformer.named_modules()
    return {name: module.get_delta_weight("style") for name, module in modules if hasattr(module, "lora_A")}


@pytest.mark.parametrize("form", KNOWN)
def test_every_known_form_is_exact(form: str, tmp_path: Path) -> None:
    save_file(KNOWN[form], tmp_path / "style.safetensors")
    pipe = pipeline()
    pipe.load_lora_weights(str(tmp_path / "style.safetensors"), adapter_name="style")
    found = changes(pipe)
    assert set(found) == set(weights())
    for name, (first, second) in weights().items():
        assert torch.allclose(found[name], second @ first, atol=1e-5), name


def test_pefts_own_scale_is_read_from_beside_the_file(tmp_path: Path) -> None:
    save_file(KNOWN["PEFT"], tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": RANK, "lora_alpha": 3 * RANK}))
    pipe = pipeline()
    pipe.load_lora_weights(str(tmp_path / "adapter_model.safetensors"), adapter_name="style")
    first, second = weights()["blocks.0.attn1.to_q"]
    assert torch.allclose(changes(pipe)["blocks.0.attn1.to_q"], 3 * second @ first, atol=1e-4)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 2, "alpha_pattern": {"to_q": 1}}))
    with pytest.raises(CheckpointError, match="another scale for each layer"):
        pipeline().load_lora_weights(str(tmp_path / "adapter_model.safetensors"))


def more(name: str, weight: Tensor | None = None, form: str = "ComfyUI") -> dict[str, Tensor]:
    return KNOWN[form] | {name: torch.ones(2, 2) if weight is None else weight}


def without(name: str, form: str = "diffusers") -> dict[str, Tensor]:
    return {key: weight for key, weight in KNOWN[form].items() if key != name}


PEFTS = "base_model.model.blocks.0.attn1.to_q.lora_A.weight"
OWN = "transformer.blocks.0.attn1.to_q.lora_A.weight"

ODD = {
    "another model's": ({"transformer.single_blocks.0.attn.to_q.lora_A.weight": torch.ones(2, 2)}, "single_blocks.0"),
    "a layer too many": (written("transformer.") | {"transformer.blocks.7.attn1.to_q.lora_A.weight": torch.ones(2, 24)},
                         "blocks.7.attn1"),
    "the second transformer's": (written("transformer_2."), "transformer_2.blocks"),
    "a text encoder's": (more("text_encoder.layers.0.q_proj.lora_A.weight", form="diffusers"), "text_encoder.layers.0"),
    "DoRA": (more("diffusion_model.blocks.0.self_attn.q.dora_scale"), "another kind of adapter"),
    "LoHa": (more("diffusion_model.blocks.0.self_attn.q.hada_w1_a"), "another kind of adapter"),
    "a norm's difference": (more("diffusion_model.blocks.0.norm3.diff", torch.ones(24)), "norm3.diff"),
    "a bias without a pair": (more("diffusion_model.time_projection.1.diff_b", torch.ones(144)), "time_projection.1"),
    "a whole weight's difference": (more("diffusion_model.patch_embedding.diff"), "patch_embedding.diff"),
    "half a pair": (without("transformer.blocks.0.attn1.to_q.lora_B.weight"), "lacks the lora_B of 'blocks.0.attn1"),
    "an alpha alone": (more("blocks.0.attn1.to_k.alpha", torch.tensor(2.0), "bare"), "to_k.alpha"),
    "a model's weights": ({"blocks.0.attn1.to_q.weight": torch.ones(2, 2)}, "to_q.weight"),
    "nothing": ({}, "no weight"),
    "no numbers": (KNOWN["PEFT"] | {PEFTS: torch.full((2, 24), float("nan"))}, "holds values that are no numbers"),
    "no numbers, diffusers": (KNOWN["diffusers"] | {OWN: torch.full((2, 24), float("inf"))}, "are no numbers"),
    "an alpha that is none": (KNOWN["bare"] | {"blocks.0.attn1.to_q.alpha": torch.tensor(float("nan"))}, "no numbers"),
    "an alpha of two": (KNOWN["bare"] | {"blocks.0.attn1.to_q.alpha": torch.ones(2)}, "to_q.alpha"),
    "a layer twice": (KNOWN["PEFT"] | {OWN: torch.ones(2, 24)}, "twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_what_would_be_left_out_is_named(case: str, tmp_path: Path) -> None:
    content, message = ODD[case]
    save_file(content, tmp_path / "style.safetensors")
    pipe = pipeline()
    with pytest.raises(CheckpointError, match=message) as caught:
        pipe.read_lora(tmp_path / "style.safetensors", "style")
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert not changes(pipe)


def test_differences_of_nothing_are_passed_over(tmp_path: Path) -> None:
    save_file(more("diffusion_model.blocks.0.norm3.diff", torch.zeros(24)), tmp_path / "style.safetensors")
    pipe = pipeline()
    pipe.load_lora_weights(str(tmp_path / "style.safetensors"), adapter_name="style")
    assert set(changes(pipe)) == set(weights())


def test_a_lora_given_for_an_adapter_is_told_apart(tmp_path: Path) -> None:
    save_file(KNOWN["ComfyUI"], tmp_path / "pytorch_lora_weights.safetensors")
    save_file({"vae.weight": torch.ones(1)}, tmp_path / "other.safetensors")
    (tmp_path / "empty").mkdir()
    for place, message in (
        (tmp_path / "pytorch_lora_weights.safetensors", r"is a LoRA alone, .* --lora, .* pipe\.load_lora"),
        (tmp_path, "is a LoRA alone"),
        (tmp_path / "other.safetensors", "is a file, and an adapter is a folder with an adapter.json"),
        (tmp_path / "empty", "is no adapter; give a folder with an adapter.json"),
    ):
        with pytest.raises(CheckpointError, match=message):
            pipeline().load_adapter(place)


@pytest.mark.parametrize("kind", ["file", "folder of diffusers'", "folder of PEFT's", "folder of one file"])
def test_a_lora_alone_works_beside_the_adapter_at_its_scale(kind: str, tmp_path: Path) -> None:
    names = {"folder of diffusers'": "pytorch_lora_weights", "folder of PEFT's": "adapter_model"}
    file = tmp_path / "my style" / f"{names.get(kind, 'warm')}.safetensors"
    file.parent.mkdir()
    save_file(KNOWN["PEFT"], file)
    pipe = pipeline()
    add_lora(pipe)
    before = deltas(pipe, "reasondiff")
    name = pipe.load_lora(file if kind == "file" else file.parent, scale=0.5)
    assert name == {"folder of diffusers'": "my-style"}.get(kind, file.stem)
    for layer, (first, second) in weights().items():
        assert torch.allclose(deltas(pipe, name)[layer], second @ first / 2, atol=1e-5), layer
    assert all(torch.equal(delta, before[layer]) for layer, delta in deltas(pipe, "reasondiff").items())
    assert all(name in layer.active_adapters for layer in pipe.lora_layers if name in layer.lora_A)
    assert all("reasondiff" in layer.active_adapters for layer in pipe.lora_layers)


def deltas(pipe: ReasonDiffPipeline, lora: str) -> dict[str, Tensor]:
    """What one LoRA adds to each layer's weight."""
    modules = pipe.transformer.named_modules()
    return {name: each.get_delta_weight(lora) for name, each in modules if lora in getattr(each, "lora_A", ())}


def test_a_place_without_one_lora_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("one", "two"):
        save_file(KNOWN["PEFT"], tmp_path / f"{name}.safetensors")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter.json").write_text("{}")
    for place, message in (
        (tmp_path / "empty", "holds no .safetensors file; give the LoRA's file"),
        (tmp_path, "holds 2 .safetensors files"),
        (tmp_path / "adapter", "is a whole adapter and no LoRA alone; give it as the adapter"),
        (tmp_path / "none.safetensors", "There is no"),
    ):
        with pytest.raises(CheckpointError, match=message):
            pipeline().load_lora(place)
    pipe = pipeline()
    pipe.load_lora(tmp_path / "one.safetensors")
    with pytest.raises(InputError, match="an adapter 'one' already"):
        pipe.load_lora(tmp_path / "one.safetensors")


def test_comfyuis_names_are_read_back_as_the_same_lora(tmp_path: Path) -> None:
    """With an alpha that is not the rank, and layers of every kind."""
    pipe = tiny.pipeline()
    layers = ("to_q", "to_k", "to_v", "to_out.0", "add_k_proj", "add_v_proj", "ffn.net.0.proj", "ffn.net.2")
    ends = ("time_proj", "text_embedder.linear_1", "text_embedder.linear_2", "time_embedder.linear_1", "proj_out")
    config = LoraConfig(r=2, lora_alpha=6, target_modules=[*layers, *ends], init_lora_weights=False)
    pipe.transformer.add_adapter(config)
    weights = get_peft_model_state_dict(pipe.transformer)
    metadata = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    pipe.save_lora_weights(tmp_path, weights, transformer_lora_adapter_metadata=metadata)
    renamed = as_comfyui_reads(tmp_path / "pytorch_lora_weights.safetensors")
    assert {"diffusion_model.blocks.0.self_attn.q.lora_A.weight", "diffusion_model.blocks.1.ffn.2.lora_B.weight",
            "diffusion_model.blocks.0.cross_attn.k_img.lora_A.weight", "diffusion_model.head.head.lora_A.weight",
            "diffusion_model.time_projection.1.lora_A.weight"} <= renamed.keys()  # fmt: skip
    assert {float(value) for name, value in renamed.items() if name.endswith(".alpha")} == {6.0}
    save_file(renamed, tmp_path / "comfyui.safetensors")
    back = as_diffusers_reads(tmp_path / "comfyui.safetensors")
    assert back is not None and len(back) == len(weights)
    for name, weight in weights.items():
        factor = 3.0 if ".lora_B." in name else 1.0  # alpha / rank, multiplied in
        assert torch.equal(back[f"transformer.{name}"], weight * factor), name


def test_a_lora_in_another_form_is_not_renamed_for_comfyui(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"diffusion_model.blocks.0.self_attn.q.lora_A.weight": torch.zeros(2, 4)}, file)
    with pytest.raises(CheckpointError, match=r"has the key 'diffusion_model.blocks.0.self_attn.q.lora_A.weight'"):
        as_comfyui_reads(file)


def test_a_lora_in_float8_is_read(tmp_path: Path) -> None:
    for form in ("PEFT", "diffusers"):
        save_file({key: each.to(torch.float8_e4m3fn) for key, each in KNOWN[form].items()}, tmp_path / "a.safetensors")
        pipe = pipeline()
        pipe.load_lora(tmp_path / "a.safetensors", "style")
        first, second = weights()["blocks.0.attn1.to_q"]
        rounded = second.to(torch.float8_e4m3fn).float() @ first.to(torch.float8_e4m3fn).float()
        assert torch.allclose(changes(pipe)["blocks.0.attn1.to_q"], rounded, atol=0.05)


def test_a_lora_that_changes_nothing_is_said_and_not_kept(tmp_path: Path) -> None:
    save_file(
        KNOWN["PEFT"] | {key: each * 0 for key, each in KNOWN["PEFT"].items() if "lora_B" in key},
        tmp_path / "0.safetensors",
    )
    pipe = pipeline()
    add_lora(pipe)
    before = pipe.adapter_state
    with pytest.raises(CheckpointError, match="changes nothing: all its products are 0"):
        pipe.load_lora(tmp_path / "0.safetensors", "style")
    assert pipe.adapter_state == before and not deltas(pipe, "style")
