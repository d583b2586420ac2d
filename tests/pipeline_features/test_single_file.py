"""A transformer from one file equals the folder's; what cannot work is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from reasondiff.errors import CheckpointError, UnsupportedError
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny
from tests.pipeline_features.scene import close, latents, pipeline


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
    monkeypatch.setattr("reasondiff.pipeline.single_file.find_spec", lambda name: None)
    for name, error, message in (
        ("weights.ckpt", CheckpointError, "is neither .safetensors nor .gguf; nothing else is read"),
        ("weights.gguf", UnsupportedError, "is a GGUF file; install the 'gguf' package"),
        ("none.safetensors", CheckpointError, "There is no"),
    ):
        with pytest.raises(error, match=message):
            loaded(base, tmp_path / name)
