"""An adapter is a folder that makes any copy of its base model tell the same stories."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file

from reasondiff.backends.identity import fingerprint
from reasondiff.backends.wan.components import LORA_FILE
from reasondiff.errors import CheckpointError, InputError, ReasonDiffError, UnsupportedError
from reasondiff.pipeline import ReasonDiffPipeline
from tests import tiny
from tests.tiny.pipelines import DEFAULTS, add_lora, alignformer, close, latents, on_hub, pipeline

pytestmark = pytest.mark.filterwarnings("ignore:Already found a `peft_config`")  # peft's remark on a second adapter


def trained(seed: int = 0, interval: float = 0.2) -> ReasonDiffPipeline:
    """The base model with an adapter of its own."""
    pipe = ReasonDiffPipeline(
        **tiny.pipeline().components, alignformer=alignformer(seed), reasondiff=DEFAULTS | {"interval": interval}
    )
    pipe.set_progress_bar_config(disable=True)
    add_lora(pipe, seed=seed)
    return pipe


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("adapters")
    trained(0).save_adapter(place / "one", base_model="owner/base", recipe={"steps": 3}, scores={"oracle": 0.5})
    trained(1, interval=0.1).save_adapter(place / "two", base_model="owner/base")
    return place / "one", place / "two"


def test_the_folder_holds_what_its_file_says(folders: tuple[Path, Path]) -> None:
    one, _ = folders
    info = json.loads((one / "adapter.json").read_text())
    assert sorted(path.name for path in one.iterdir()) == [
        "README.md", "adapter.json", "alignformer", "pytorch_lora_weights.safetensors",
    ]  # fmt: skip
    assert (info["base_model"], info["interval"], info["recipe"]) == ("owner/base", 0.2, {"steps": 3})
    assert info["scores"] == {"oracle": 0.5}
    assert sorted(info["hashes"]) == [
        "alignformer/diffusion_pytorch_model.safetensors",
        "pytorch_lora_weights.safetensors",
    ]
    card = (one / "README.md").read_text()
    assert card.startswith("---\nbase_model: owner/base\n")
    assert "| oracle | 0.5 |" in card


def test_loading_gives_the_videos_it_was_saved_with(folders: tuple[Path, Path]) -> None:
    pipe = pipeline()
    info = pipe.load_adapter(folders[0])
    assert info.scores == {"oracle": 0.5}
    assert (pipe.adapters, pipe.active_adapter) == (("one",), "one")
    assert close(latents(pipe), latents(trained(0)))


def test_adapters_are_switched_and_other_loras_stay(folders: tuple[Path, Path]) -> None:
    pipe = pipeline()
    add_lora(pipe, "community", seed=5)
    pipe.set_adapters("community", 0.5)
    base = latents(pipe)
    pipe.load_adapter(folders[0])
    first = latents(pipe)
    assert pipe.defaults.interval == 0.2
    pipe.load_adapter(folders[1], "other")
    second = latents(pipe)
    assert pipe.defaults.interval == 0.1
    assert not close(first, second) and not close(first, base)
    pipe.use_adapter("one")
    assert torch.equal(latents(pipe), first)
    assert torch.equal(latents(pipe, use_adapter=False), base)  # this adapter is off for one video
    pipe.use_adapter("one", scale=0.5)
    assert not close(latents(pipe), first)
    pipe.use_adapter(None)
    assert (pipe.active_adapter, pipe.defaults.interval) == (None, 0.2)
    assert torch.equal(latents(pipe), base)
    pipe.use_adapter("other")
    assert torch.equal(latents(pipe), second)


def test_a_models_own_adapter_is_one_of_them(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pipe = trained(3)
    own = latents(pipe)
    pipe.load_adapter(folders[0])
    assert pipe.adapters == ("reasondiff", "one")
    pipe.save_adapter(tmp_path / "copy", base_model="owner/base")
    copied, original = (load_file(folder / LORA_FILE) for folder in (tmp_path / "copy", folders[0]))
    assert copied.keys() == original.keys()
    assert all(torch.equal(copied[name], original[name]) for name in original)
    pipe.use_adapter("reasondiff")
    assert torch.equal(latents(pipe), own)


def test_a_merged_lora_gives_the_same_video_and_can_be_taken_out_again(folders: tuple[Path, Path]) -> None:
    pipe = pipeline()
    pipe.load_adapter(folders[0])
    separate = latents(pipe)
    pipe.fuse_lora(adapter_names=["one"])
    assert close(latents(pipe), separate)
    with pytest.raises(UnsupportedError, match="LoRA 'one' is merged into the transformer; call unfuse_lora"):
        pipe.use_adapter(None)
    pipe.unfuse_lora()
    pipe.use_adapter(None)
    assert close(latents(pipe), latents(pipeline()))


def test_a_model_with_its_adapter_is_saved_whole(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pipe = pipeline()
    pipe.load_adapter(folders[0])
    expected = latents(pipe)
    pipe.save_pretrained(tmp_path)
    loaded = ReasonDiffPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert close(latents(loaded), expected)
    assert close(latents(pipe), expected)
    assert pipe.active_adapter == "one"


def test_saving_a_model_leaves_its_adapter_as_it_was(tmp_path: Path) -> None:
    pipe = trained(0)
    pipe.use_adapter("reasondiff", scale=0.5)
    half = latents(pipe)
    with pytest.raises(UnsupportedError, match="not at scale 1"):
        pipe.save_pretrained(tmp_path / "half")
    assert not (tmp_path / "half").exists() and close(latents(pipe), half)
    pipe.use_adapter(None)
    base = latents(pipe)
    pipe.save_pretrained(tmp_path / "base")
    assert not (tmp_path / "base" / LORA_FILE).exists()
    again = ReasonDiffPipeline.from_pretrained(tmp_path / "base")
    again.set_progress_bar_config(disable=True)
    assert close(latents(again), base) and close(latents(pipe), base)
    pipe.use_adapter("reasondiff", scale=0.5)
    assert close(latents(pipe), half)


def test_an_interrupted_saving_leaves_the_adapter_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = trained(0)
    before = latents(pipe)

    def full(*args: Any, **options: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(type(pipe.vae), "save_pretrained", full)
    with pytest.raises(OSError, match="No space"):
        pipe.save_pretrained(tmp_path)
    assert close(latents(pipe), before)


def test_from_pretrained_takes_the_parts_by_name(folders: tuple[Path, Path], tmp_path: Path) -> None:
    tiny.checkpoint(tmp_path)
    lora = folders[0] / "pytorch_lora_weights.safetensors"
    for parts in ({"alignformer": folders[0], "lora": folders[0]}, {"alignformer": alignformer(0), "lora": lora}):
        pipe = ReasonDiffPipeline.from_pretrained(tmp_path, **parts)
        pipe.set_progress_bar_config(disable=True)
        pipe.defaults = pipeline().defaults
        assert close(latents(pipe), latents(trained(0)))


# -- the base model -------------------------------------------------------------------------------------------------


def test_a_fingerprint_survives_what_does_not_change_the_base() -> None:
    pipe = pipeline()
    mark = fingerprint(pipe.transformer)
    assert mark != fingerprint(pipeline(seed=1).transformer)
    add_lora(pipe)
    assert fingerprint(pipe.transformer) == mark
    pipe.fuse_lora(adapter_names=["reasondiff"])
    assert fingerprint(pipe.transformer) == mark
    pipe.transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16)
    assert fingerprint(pipe.transformer) == mark
    assert fingerprint(pipeline().transformer.to(torch.bfloat16)) == mark
    assert fingerprint(pipeline().transformer.to("meta")) == ""


def test_another_base_is_refused_unless_asked_for(folders: tuple[Path, Path]) -> None:
    other = pipeline(seed=1)
    with pytest.raises(CheckpointError, match="was trained on 'owner/base' and this is another model; load that one"):
        other.load_adapter(folders[0])
    assert other.adapters == ()
    other.load_adapter(folders[0], any_base=True)
    assert other.active_adapter == "one"


def change(**entries: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / "adapter.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | entries))

    return edit


def flip(name: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[-1] ^= 1
        (folder / name).write_bytes(content)

    return edit


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda folder: (folder / "adapter.json").unlink(), "is no adapter; give a folder with"),
    "cut file": (lambda folder: (folder / "adapter.json").write_text("{"), "is damaged; download the adapter again."),
    "a list": (lambda folder: (folder / "adapter.json").write_text("[]"), "is not what save_adapter writes"),
    "too new": (change(version=2), "has format 2; install a newer reasondiff."),
    "no interval": (change(interval="often"), "is not what save_adapter writes"),
    "another LoRA": (flip("pytorch_lora_weights.safetensors"), "'pytorch_lora_weights.safetensors' is not the file"),
    "another AlignFormer": (flip("alignformer/diffusion_pytorch_model.safetensors"), "is not the file that its"),
    "a missing LoRA": (lambda folder: (folder / "pytorch_lora_weights.safetensors").unlink(), "is not the file"),
    "no config": (lambda folder: (folder / "alignformer" / "config.json").unlink(), "cannot be loaded"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_adapter_is_refused_and_changes_nothing(tmp_path: Path, damage: str) -> None:
    trained(0).save_adapter(tmp_path / "adapter")
    edit, message = DAMAGE[damage]
    edit(tmp_path / "adapter")
    pipe = pipeline()
    with pytest.raises(CheckpointError) as caught:
        pipe.load_adapter(tmp_path / "adapter")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert (pipe.adapters, pipe.active_adapter, pipe.alignformer) == ((), None, None)


def test_bad_names_and_orders_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pipe = pipeline()
    attempts: list[tuple[type[ReasonDiffError], str, Callable[[], object]]] = [
        (InputError, "There is no adapter to save", lambda: pipe.save_adapter(tmp_path / "x")),
        (InputError, "There is no adapter 'x'; loaded are none", lambda: pipe.use_adapter("x")),
        (InputError, "cannot be called 'a.b'", lambda: pipe.load_adapter(folders[0], "a.b")),
        (CheckpointError, "There is no '/no/where'; give a folder", lambda: pipe.load_adapter("/no/where")),
        (CheckpointError, "There is no 'x'", lambda: ReasonDiffPipeline.from_pretrained(tmp_path, alignformer="x")),
    ]
    tiny.checkpoint(tmp_path)
    for error, message, attempt in attempts:
        with pytest.raises(error, match=message):
            attempt()
    pipe.load_adapter(folders[0])
    with pytest.raises(InputError, match="There is an adapter 'one' already; give this one another name"):
        pipe.load_adapter(folders[0])


# -- the hub --------------------------------------------------------------------------------------------------------


def test_a_pinned_hub_model_is_read_from_the_cache_with_its_lora(tmp_path: Path) -> None:
    model = trained(0)
    commits = {"main": "a" * 40, "v1": "b" * 40}
    for former, commit in ((alignformer(1), "a" * 40), (alignformer(0), "b" * 40)):
        model.register_modules(alignformer=former)
        model.save_pretrained(on_hub(tmp_path, "owner/model", commit, commits))
    offline = {"cache_dir": str(tmp_path), "local_files_only": True}
    for revision, seed in (("v1", 0), ("main", 1)):
        pipe = ReasonDiffPipeline.from_pretrained("owner/model", revision=revision, **offline)
        pipe.set_progress_bar_config(disable=True)
        model.register_modules(alignformer=alignformer(seed))
        assert close(latents(pipe), latents(model))
    with pytest.raises(CheckpointError, match=r"'owner/model' cannot be loaded \("):
        ReasonDiffPipeline.from_pretrained("owner/model", revision="v9", **offline)
    next(tmp_path.glob(f"models--owner--model/snapshots/*/{LORA_FILE}")).unlink()
    with pytest.raises(CheckpointError, match=f"lacks '{LORA_FILE}', which its AlignFormer was trained with; download"):
        for revision in commits:
            ReasonDiffPipeline.from_pretrained("owner/model", revision=revision, **offline)


def test_an_adapter_is_fetched_from_the_hub_at_a_revision(monkeypatch: pytest.MonkeyPatch, folders: tuple) -> None:
    asked = []

    def snapshot(repo: str, **options: Any) -> str:
        asked.append((repo, options["revision"]))
        return str(folders[0])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    pipe = pipeline()
    pipe.load_adapter("owner/tales@v2")
    pipe.load_adapter("owner/tales", "newest")
    assert asked == [("owner/tales", "v2"), ("owner/tales", None)]
    assert pipe.adapters == ("tales", "newest")


def test_publishing_uploads_the_folder_with_its_card(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    class Api:
        def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool) -> Any:
            sent["private"] = private
            return huggingface_hub.RepoUrl(f"https://huggingface.co/{repo_id}")

        def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> str:
            sent["repo"] = repo_id
            sent["files"] = {path.name: path.read_bytes() for path in folder_path.rglob("*") if path.is_file()}
            return "https://huggingface.co/owner/tales/commit/1"

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    address = trained(0).push_to_hub("owner/tales", private=True, base_model="owner/base", scores={"oracle": 0.25})
    assert address.endswith("/commit/1")
    assert (sent["repo"], sent["private"]) == ("owner/tales", True)
    assert {"adapter.json", "README.md", "config.json", "pytorch_lora_weights.safetensors"} <= set(sent["files"])
    assert b'pipe.load_adapter("owner/tales")' in sent["files"]["README.md"]


def test_a_folder_of_ones_own_is_no_base_model_to_publish(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder; give base_model='owner/name'"):
        trained(0).push_to_hub("owner/tales", base_model=str(tmp_path))


def test_the_interval_of_the_model_is_its_own(folders: tuple[Path, Path]) -> None:
    pipe = pipeline()
    pipe.load_adapter(folders[1])
    assert pipe.settings(tiny.image(64, 64)).interval == 0.1
    assert replace(pipe.defaults, interval=0.2) == pipeline().defaults
