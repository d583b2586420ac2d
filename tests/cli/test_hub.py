"""Models on the hub from the command line: by name, pinned, and offline from the hub's own cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest

from reasondiff.checkpoints import HUB, model_hashes
from reasondiff.media import read_record
from tests.cli.conftest import Ran
from tests.tiny.pipelines import on_hub, pipeline

ARGUMENTS = ("--image", "vase.png", "--narrative", "story.json", "--size", "32", "--steps", "1")
COMMITS = {"main": "a" * 40, "v1": "b" * 40}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions each of the paper's model and of another one, with other weights."""
    place = tmp_path_factory.mktemp("hub")
    for repo in (HUB["wan2.1-i2v-14b-480p"], "owner/model"):
        for seed, commit in enumerate(COMMITS.values()):
            pipeline(seed=seed).save_pretrained(on_hub(place, repo, commit, COMMITS))
    return place


@pytest.fixture(autouse=True)
def offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_HUB_OFFLINE=1 and HF_HUB_CACHE=... set it when the command starts."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_a_pinned_model_by_its_short_name_and_its_replay(
    reasondiff: Callable[..., Ran],
    refused: Callable[..., str],
    here: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wan = ("--model", "wan2.1-i2v-14b-480p")
    ran = reasondiff("generate", *ARGUMENTS, *wan, "--revision", "v1", "-o", "pinned.mp4")
    assert ran.code == 0, ran
    record = read_record("pinned.mp4")
    assert record is not None
    assert (record.model, record.options["revision"]) == ("wan2.1-i2v-14b-480p", "v1")
    assert record.weights == model_hashes(next(cache.glob(f"models--Wan-AI*/snapshots/{COMMITS['v1']}")))
    assert "'v1', which anybody may have pushed" in refused("replay", "pinned.mp4", "-o", "again.mp4")
    again = reasondiff("replay", "pinned.mp4", "-o", "again.mp4", "--revision", "v1")
    assert (again.code, again.out.split(":")[0]) == (0, "Equal"), again
    monkeypatch.setattr("reasondiff.planning.machine._free_disk", lambda folder: 100e9)
    newest = reasondiff("generate", *ARGUMENTS, *wan, "--device", "cpu", "-o", "newest.mp4")
    assert newest.code == 0
    assert "91 GB of weights are downloaded to" in newest.err  # all but some kilobytes of this small one
    assert read_record("newest.mp4").frames_sha256 != record.frames_sha256
    sentence = refused("generate", *ARGUMENTS, *wan, "--revision", "v9", "-o", "x.mp4")
    assert "'Wan-AI/Wan2.1-I2V-14B-480P-Diffusers' cannot be loaded (" in sentence


def test_a_model_that_this_machine_cannot_run_is_refused_before_the_download(
    refused: Callable[..., str], here: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    sentence = refused("generate", *ARGUMENTS, "--model", "wan2.1-i2v-14b-480p", "-o", "x.mp4")
    assert "no GPU that torch can use" in sentence and "give --device cpu to insist" in sentence


def test_a_plan_reads_only_the_configs(reasondiff: Callable[..., Ran], refused: Callable[..., str]) -> None:
    ran = reasondiff("plan", "--model", "owner/model", "--revision", "v1")
    assert ran.code == 0, ran
    assert "owner/model, preset balanced: 9 frames of 64x64, 2 steps, guidance 3" in ran.out
    named = reasondiff("plan", "--model", "wan2.1-i2v-14b-480p", "--revision", "v1")
    assert "16.39 B" not in named.out  # what lies there, not what is known of the name
    assert "'owner/none' cannot be loaded (" in refused("plan", "--model", "owner/none")


@pytest.mark.parametrize("verb", ["generate", "attention", "calibrate"])
def test_a_revision_of_a_folder_is_refused(refused: Callable[..., str], here: Path, model: Path, verb: str) -> None:
    output = ("-o", "x.json") if verb == "calibrate" else ("-o", "x.mp4")
    word = ("--word", "cat") if verb == "attention" else ()
    sentence = refused(verb, *ARGUMENTS, "--model", model, "--revision", "v1", *output, *word)
    assert "A revision is for models on the hub" in sentence
