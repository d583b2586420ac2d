"""A finished run's adapter says how it was made, is still an adapter, and goes to the hub as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import HfHubHTTPError
from PIL import Image

from reasondiff.backends.wan.adapter_file import AdapterInfo
from reasondiff.checkpoints import LORA_FILE, weight_hashes
from reasondiff.errors import CheckpointError, InputError
from reasondiff.training.publishing import complete_adapter, push_adapter
from reasondiff.training.trainer import fit
from tests import tiny
from tests.tiny.pipelines import IMAGE, add_lora, alignformer, pipeline
from tests.training.test_trainer import PLAN, Line

RECIPE = {"recipe": "wan-14b/stage1", "beta": 0.2, "optimization": {"lr": 1e-5}}


def adapter(folder: Path, base_model: str = "owner/base") -> Path:
    pipe = pipeline(alignformer())
    add_lora(pipe)
    pipe.save_adapter(folder, base_model=base_model)
    return folder


class Drawing(Line):
    def validate(self, folder: Path) -> dict[str, float]:
        Image.new("RGB", (8, 8)).save(folder / "generated.png")
        return {"story_success": 0.75}


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """An adapter beside the run that made it, completed."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "manifest.json").write_text('{"clips": 3}')
    fit(Drawing(), PLAN, tmp_path / "run", log_every=5)
    folder = adapter(tmp_path / "tales")
    recipe = {**RECIPE, "data": str(tmp_path / "set")}
    complete_adapter(folder, tmp_path / "run", recipe=recipe, command="reasondiff train --recipe wan-14b/stage1")
    return folder


def test_the_card_has_the_command_the_curve_the_sheet_the_data_and_the_hashes(finished: Path) -> None:
    info = AdapterInfo.read(finished)
    assert info.scores == {"story_success": 0.75} and info.recipe["optimization"] == {"lr": 1e-5}
    card = (finished / "README.md").read_text(encoding="utf-8")
    for shown in ("reasondiff train --recipe wan-14b/stage1", "(curve.png)", "(validation.png)", "(data.json)",
                  "| story_success | 0.75 |", "base_model: owner/base", '"beta": 0.2'):  # fmt: skip
        assert shown in card, shown
    for name, value in weight_hashes(finished).items():
        assert f"| {name} | `{value}` |" in card
    assert json.loads((finished / "data.json").read_text()) == {"clips": 3}
    with Image.open(finished / "curve.png") as curve:
        assert curve.size == (960, 420) and len(curve.convert("RGB").getcolors(2**20) or ()) > 3
    pipe = pipeline()
    pipe.load_adapter(str(finished))
    assert pipe.adapters == ("tales",)


def test_completing_again_changes_nothing(finished: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    recipe = {**RECIPE, "data": str(tmp_path / "set")}
    complete_adapter(finished, tmp_path / "run", recipe=recipe, command="reasondiff train --recipe wan-14b/stage1")
    assert {path.name: path.read_bytes() for path in finished.iterdir() if path.is_file()} == before


def test_a_changed_weight_is_neither_described_nor_published(finished: Path, tmp_path: Path) -> None:
    lora = finished / LORA_FILE
    lora.write_bytes(lora.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError, match=r"is not the file that its adapter.json names"):
        complete_adapter(finished, tmp_path / "run", recipe=RECIPE, command="")
    with pytest.raises(CheckpointError, match=r"is not the file that its adapter.json names"):
        push_adapter(finished, "owner/tales")


def test_what_is_published_is_the_folder_under_its_name_there(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    class Api:
        def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool) -> Any:
            assert exist_ok
            return huggingface_hub.RepoUrl(f"https://huggingface.co/{repo_id}")

        def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> str:
            sent["repo"] = repo_id
            sent["files"] = {path.name: path.read_bytes() for path in Path(folder_path).rglob("*") if path.is_file()}
            return f"https://huggingface.co/{repo_id}/commit/1"

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert push_adapter(finished, "owner/stories").endswith("owner/stories/commit/1")
    assert sent["repo"] == "owner/stories"
    assert {"adapter.json", "README.md", "curve.png", "validation.png", "data.json", LORA_FILE} <= sent["files"].keys()
    assert b'pipe.load_adapter("owner/stories")' in sent["files"]["README.md"]


def test_what_the_hub_refuses_is_one_sentence_and_the_adapter_stays(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Api:
        def create_repo(self, repo_id: str, **options: Any) -> Any:
            raise HfHubHTTPError.__bases__[0]("All connection attempts failed.")

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    with pytest.raises(InputError, match=r"published as 'owner/tales' \(All connection attempts failed\);"):
        push_adapter(finished, "owner/tales")
    AdapterInfo.read(finished)


def test_an_adapter_of_a_folder_is_not_published(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "tales", base_model=str(tmp_path))
    with pytest.raises(InputError, match="is a folder, which nobody else has; leave --push out"):
        push_adapter(folder, "owner/tales")


def test_stock_diffusers_loads_the_lora(finished: Path) -> None:
    """diffusers' own pipeline, with the file as it is, makes what ours makes with that LoRA."""
    stock, ours = tiny.pipeline(), pipeline()
    stock.set_progress_bar_config(disable=True)
    options = {"prompt": "a cat", "height": 64, "width": 64, "num_frames": 9, "num_inference_steps": 2}

    def drawn(pipe: Any) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return pipe(image=IMAGE, generator=generator, output_type="latent", **options).frames

    plain = drawn(stock)
    stock.load_lora_weights(str(finished), weight_name=LORA_FILE)
    changed = drawn(stock)
    assert not torch.allclose(plain, changed, atol=1e-4)
    ours.load_lora(str(finished / LORA_FILE))
    weights = {name: p for name, p in ours.transformer.named_parameters() if ".lora_" in name}
    theirs = [p for name, p in stock.transformer.named_parameters() if ".lora_" in name]
    assert len(theirs) == len(weights)
    for mine, other in zip(weights.values(), theirs, strict=True):
        assert torch.equal(mine, other)
