"""Files named and laid out as their authors publish them end, through the hub's cache, in networks that run.

The tensors are small and the last ones chosen so that the result is known by hand; the names are those of the
published files, written out here, and not what our transformers would write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from reasondiff.errors import CheckpointError
from reasondiff.evaluation.metrics.clip_score import TextScore
from reasondiff.evaluation.metrics.image_consistency import ImageConsistency
from reasondiff.evaluation.networks.base import load_whole
from reasondiff.evaluation.networks.shelf import Networks
from tests.evaluation.stubs import grey, sample

WIDTH, WIDER, LAYERS, PATCH = 8, 16, 2, 56
SHAPES = {"hidden_size": WIDTH, "intermediate_size": WIDER, "num_attention_heads": 2, "num_hidden_layers": LAYERS}
LETTERS = "abcdefghijklmnopqrstuvwxyz."
WORDS = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    torch.manual_seed(0)
    return tmp_path


def snapshot(hub: Path, repository: str) -> Path:
    """Where the hub's cache has the files of a repository."""
    kept, commit = hub / f"models--{repository.replace('/', '--')}", "0" * 40
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(commit)
    place = kept / "snapshots" / commit
    place.mkdir(parents=True)
    return place


def linear(name: str, out: int, of: int) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", torch.randn(out, of)
    yield f"{name}.bias", torch.randn(out)


def norm(name: str) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", torch.ones(WIDTH)
    yield f"{name}.bias", torch.zeros(WIDTH)


def constant(name: str) -> Iterator[tuple[str, Tensor]]:
    """A last norm that says 0, 1, 2, ... whatever came before it."""
    yield f"{name}.weight", torch.zeros(WIDTH)
    yield f"{name}.bias", torch.arange(float(WIDTH))


def clip_layers(tower: str) -> Iterator[tuple[str, Tensor]]:
    for number in range(LAYERS):
        layer = f"{tower}.encoder.layers.{number}"
        for name in ("layer_norm1", "layer_norm2"):
            yield from norm(f"{layer}.{name}")
        yield from linear(f"{layer}.mlp.fc1", WIDER, WIDTH)
        yield from linear(f"{layer}.mlp.fc2", WIDTH, WIDER)
        for name in ("k_proj", "out_proj", "q_proj", "v_proj"):
            yield from linear(f"{layer}.self_attn.{name}", WIDTH, WIDTH)


def clip_tensors() -> dict[str, Tensor]:
    patches = (224 // PATCH) ** 2 + 1
    return {
        "logit_scale": torch.tensor(4.6),
        "text_model.embeddings.position_ids": torch.arange(77)[None],
        "text_model.embeddings.position_embedding.weight": torch.randn(77, WIDTH),
        "text_model.embeddings.token_embedding.weight": torch.randn(len(WORDS), WIDTH),
        **dict(clip_layers("text_model")),
        **dict(constant("text_model.final_layer_norm")),
        "text_projection.weight": 2 * torch.eye(WIDTH),
        "vision_model.embeddings.class_embedding": torch.randn(WIDTH),
        "vision_model.embeddings.patch_embedding.weight": torch.randn(WIDTH, 3, PATCH, PATCH),
        "vision_model.embeddings.position_embedding.weight": torch.randn(patches, WIDTH),
        "vision_model.embeddings.position_ids": torch.arange(patches)[None],
        **dict(norm("vision_model.pre_layrnorm")),  # spelt like this
        **dict(clip_layers("vision_model")),
        **dict(constant("vision_model.post_layernorm")),
        "visual_projection.weight": 3 * torch.eye(WIDTH),
    }


def clip_files(place: Path, tensors: Mapping[str, Tensor]) -> None:
    text = {**SHAPES, "projection_dim": WIDTH, "vocab_size": len(WORDS), "eos_token_id": 2}
    vision = {**SHAPES, "projection_dim": WIDTH, "patch_size": PATCH}
    config = {
        "architectures": ["CLIPModel"], "initializer_factor": 1.0, "logit_scale_init_value": 2.6592,
        "model_type": "clip", "projection_dim": WIDTH,
        "text_config": {**text, "model_type": "clip_text_model", "max_position_embeddings": 77},
        "text_config_dict": text,
        "vision_config": {**vision, "model_type": "clip_vision_model", "image_size": 224},
        "vision_config_dict": vision,
    }  # fmt: skip
    pixels = {
        "crop_size": 224, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 224,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    }  # fmt: skip
    words = {
        "unk_token": "<|endoftext|>", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer", "do_lower_case": True,
    }  # fmt: skip
    (place / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(WORDS)}))
    (place / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\n")
    for name, data in (("config", config), ("preprocessor_config", pixels), ("tokenizer_config", words)):
        (place / f"{name}.json").write_text(json.dumps(data))
    save_file(dict(tensors), place / "model.safetensors", {"format": "pt"})


def test_clip_by_its_published_names(hub: Path) -> None:
    place = snapshot(hub, "openai/clip-vit-large-patch14")
    clip_files(place, clip_tensors())
    network = Networks().clip
    assert network.origin.name == "clip-vit-large-patch14" and len(network.origin.sha256) == 64
    says = np.arange(8.0)
    seen = network.encode_images(grey(0, 90, 200, height=20, width=30))
    np.testing.assert_allclose(seen, np.tile(3 * says, (3, 1)), rtol=1e-5)
    np.testing.assert_allclose(network.encode_texts(["a cat.", "cat " * 100]), np.tile(2 * says, (2, 1)), rtol=1e-5)
    assert TextScore(network).measure(sample(grey(1, 2), captions=["a cat.", "a cat."])) == pytest.approx(1)
    told = network._tokenizer("a cat.")["input_ids"]
    assert told == [WORDS.index(word) for word in ("<|startoftext|>", "a</w>", "cat</w>", ".</w>", "<|endoftext|>")]


def test_clip_without_one_tensor_is_refused(hub: Path) -> None:
    """transformers would draw it, and every score would be a number of no meaning."""
    place = snapshot(hub, "openai/clip-vit-large-patch14")
    clip_files(place, {name: value for name, value in clip_tensors().items() if name != "visual_projection.weight"})
    with pytest.raises(CheckpointError, match=r"lack 1 tensors, such as 'visual_projection\.weight'; fetch them again"):
        Networks().clip.encode_texts(["a cat."])


def dino_tensors() -> dict[str, Tensor]:
    found = {
        "embeddings.cls_token": torch.randn(1, 1, WIDTH),
        "embeddings.position_embeddings": torch.randn(1, (224 // PATCH) ** 2 + 1, WIDTH),
        **{
            f"embeddings.patch_embeddings.projection.{name}": value
            for name, value in (("weight", torch.randn(WIDTH, 3, PATCH, PATCH)), ("bias", torch.randn(WIDTH)))
        },
        **dict(constant("layernorm")),
    }
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        for name in ("query", "key", "value"):
            found |= dict(linear(f"{layer}.attention.attention.{name}", WIDTH, WIDTH))
        found |= dict(linear(f"{layer}.attention.output.dense", WIDTH, WIDTH))
        found |= dict(linear(f"{layer}.intermediate.dense", WIDER, WIDTH))
        found |= dict(linear(f"{layer}.output.dense", WIDTH, WIDER))
        found |= dict(norm(f"{layer}.layernorm_before")) | dict(norm(f"{layer}.layernorm_after"))
    return found


def dino_files(place: Path, tensors: Mapping[str, Tensor]) -> None:
    """As on the hub, whose main branch has this file and no safetensors."""
    config = {
        **SHAPES, "architectures": ["ViTModel"], "attention_probs_dropout_prob": 0.0, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0, "image_size": 224, "layer_norm_eps": 1e-12, "model_type": "vit",
        "num_channels": 3, "patch_size": PATCH, "qkv_bias": True,
    }  # fmt: skip
    (place / "config.json").write_text(json.dumps(config))
    torch.save(dict(tensors), place / "pytorch_model.bin")


def test_dino_by_its_published_names(hub: Path) -> None:
    place = snapshot(hub, "facebook/dino-vitb16")
    dino_files(place, dino_tensors())
    network = Networks().dino
    seen = network.encode_images(grey(0, 90, height=20, width=30))
    np.testing.assert_allclose(seen, np.tile(np.arange(8.0), (2, 1)), rtol=1e-5)
    assert network.origin.name == "dino-vitb16" and len(network.origin.sha256) == 64
    assert ImageConsistency(network).measure(sample(grey(0, 90, 7))) == pytest.approx(1)


def test_dino_without_one_tensor_is_refused(hub: Path) -> None:
    place = snapshot(hub, "facebook/dino-vitb16")
    dino_files(place, {name: value for name, value in dino_tensors().items() if name != "embeddings.cls_token"})
    with pytest.raises(CheckpointError, match=r"lack 1 tensors, such as 'embeddings\.cls_token'; fetch them again"):
        Networks().dino.encode_images(grey(0))


def test_weights_of_another_network_are_one_sentence() -> None:
    with pytest.raises(
        CheckpointError, match=r"^'a\.pth' has the weights of another network \(.*; fetch them again\.$"
    ):
        load_whole(torch.nn.Linear(2, 2), {"weight": torch.ones(3, 3)}, Path("a.pth"))
    net = load_whole(torch.nn.Linear(2, 2).train(), {"weight": torch.ones(2, 2), "bias": torch.ones(2)}, Path("a.pth"))
    assert not net.training and torch.equal(net(torch.ones(1, 2)), torch.full((1, 2), 3.0))
