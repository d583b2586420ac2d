"""Names mean one thing, and a damaged folder is named before anything is loaded."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reasondiff.checkpoints import HUB, check_folder, find_model, model_hashes, weight_hashes
from reasondiff.errors import CheckpointError
from tests import tiny

BUNDLED = Path(__file__).parents[1] / "models" / "storyworld-tiny"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("model") / "tiny")


def test_names(whole: Path) -> None:
    assert find_model("wan2.1-i2v-14b-480p") == "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers"
    assert find_model("WAN2.2-I2V-A14B") == HUB["wan2.2-i2v-a14b"]
    assert find_model("someone/some-model.v2") == "someone/some-model.v2"
    assert find_model(str(whole)) == str(whole)


@pytest.mark.parametrize("name", ["", "nonsense", "a/b/c", "/none/such", "../up", "https://x.y/z"])
def test_what_is_no_model(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"There is no model .*storyworld-tiny, wan2"):
        find_model(name)


def test_a_mistyped_folder_is_not_taken_for_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    with pytest.raises(CheckpointError, match="There is no model 'models/storywrold'"):
        find_model("models/storywrold")


def test_hashes_are_sha256_of_the_weight_files(whole: Path) -> None:
    hashes = weight_hashes(whole)
    assert {name.split("/")[0] for name in hashes} == {"transformer", "vae", "text_encoder", "image_encoder"}
    for name, value in hashes.items():
        assert value == hashlib.sha256((whole / name).read_bytes()).hexdigest()


def test_the_hubs_cache_names_its_hashes(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "blobs" / ("ab" * 32)).write_bytes(b"weights")
    (tmp_path / "snapshot" / "a.safetensors").symlink_to(tmp_path / "blobs" / ("ab" * 32))
    assert weight_hashes(tmp_path / "snapshot") == {"a.safetensors": "ab" * 32}


def test_settings_are_hashed_by_what_they_say() -> None:
    hashes = model_hashes(BUNDLED)
    assert weight_hashes(BUNDLED).items() < hashes.items()
    assert {
        "model_index.json", "scheduler/scheduler_config.json", "transformer/config.json", "tokenizer/tokenizer.json",
        "narrator/narrator.json", "narrator/chat_template.jinja",
    } <= set(hashes)  # fmt: skip
    assert not [name for name in hashes if name.endswith(".md")]


@pytest.mark.parametrize(
    ("file", "entry", "decides"),
    [
        ("model_index.json", {"reasondiff": {"num_inference_steps": 50}}, True),
        ("model_index.json", {"_class_name": "ReasonDiffPipeline"}, True),
        ("model_index.json", {"_diffusers_version": "9.9", "_name_or_path": "/somewhere"}, False),
        ("scheduler/scheduler_config.json", {"flow_shift": 5.0}, True),
        ("text_encoder/config.json", {"transformers_version": "9.9"}, False),
        ("text_encoder/config.json", {"layer_norm_epsilon": 1e-3}, True),
    ],
)
def test_a_changed_setting_changes_its_hash_and_no_other(
    whole: Path, tmp_path: Path, file: str, entry: dict[str, object], decides: bool
) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(whole, folder)
    before = model_hashes(folder)
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(dict(reversed(content.items())), indent=7))
    assert model_hashes(folder) == before  # the same, laid out otherwise
    (folder / file).write_text(json.dumps(content | entry))
    after = model_hashes(folder)
    assert [name for name in after if after[name] != before[name]] == [file] * decides


def cut(file: str, keep: float) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: int(len(content) * keep)])

    return damage


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (shutil.rmtree if (folder / file).is_dir() else Path.unlink)(folder / file)


WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (remove("model_index.json"), "model_index.json"),
        (cut("model_index.json", 0.5), "model_index.json"),
        (remove("vae"), "'vae'"),
        (remove(WEIGHTS), "transformer"),
        (cut(WEIGHTS, 0.9), WEIGHTS),
        (cut(WEIGHTS, 0.01), WEIGHTS),
        (cut(WEIGHTS, 0), WEIGHTS),
        (cut("text_encoder/config.json", 0.5), "text_encoder/config.json"),
    ],
)
def test_damage_is_named(whole: Path, tmp_path: Path, damage: Callable[[Path], None], named: str) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(whole, folder)
    check_folder(folder)
    damage(folder)
    with pytest.raises(CheckpointError) as raised:
        find_model(str(folder))
    assert named in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (remove("pytorch_lora_weights.safetensors"), "'pytorch_lora_weights.safetensors'"),
        (cut("pytorch_lora_weights.safetensors", 0.9), "pytorch_lora_weights.safetensors"),
        (remove("narrator/narrator.json"), "'narrator.json'"),
        (cut("narrator/narrator.json", 0.9), "narrator.json"),
        (remove("narrator/chat_template.jinja"), "'chat_template.jinja'"),
    ],
)
def test_damage_to_the_bundled_model_is_named(tmp_path: Path, damage: Callable[[Path], None], named: str) -> None:
    folder = tmp_path / "bundled"
    shutil.copytree(BUNDLED, folder)
    check_folder(folder)
    damage(folder)
    with pytest.raises(CheckpointError) as raised:
        find_model(str(folder))
    assert named in str(raised.value) and "again." in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_shard_is_named(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(whole, folder)
    index = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "diffusion_pytorch_model.safetensors", "b": "part-2.safetensors"}}')
    with pytest.raises(CheckpointError, match="part-2"):
        check_folder(folder)
