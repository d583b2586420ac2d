"""From a folder of videos to a trained adapter to a video, by the commands that a user gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from reasondiff.backends.wan.adapter_file import AdapterInfo
from reasondiff.checkpoints import LORA_FILE
from reasondiff.data.captions import read_captions
from tests import tiny
from tests.data.videos import video
from tests.narrator.providers.misbehaving_server import Say, Server

TINY = (
    "--set", "alignformer.in_channels=4", "--set", "alignformer.text_dim=32", "--set", "alignformer.dim=16",
    "--set", "lora.r=2", "--set", "frozen_weights=fp32",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Here lie three videos, one of them captioned, and a tiny Wan in the real layout."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        video(tmp_path / "videos" / f"{number}.mp4", count=60)
    (tmp_path / "videos" / "0.txt").write_text("A cat plays.\nA kitten plays.")
    tiny.checkpoint(tmp_path / "wan")
    tiny.image(32, 32).save(tmp_path / "vase.png")
    return tmp_path


def test_from_a_folder_of_videos_to_a_video(reasondiff: Callable, folder: Path, server: Server) -> None:
    server.answer = Say("The image depicts a grey wall.")
    asked = ("--narrator", "openai:m", "--narrator-url", server.url)
    for command in (
        ("data", "scan", "videos", "-o", "set"),
        ("data", "sample", "set", "--num-frames", 9, "--size", "32x32"),
        ("data", "caption", "set", *asked),
        ("data", "precompute", "set", "--model", "wan", "--precision", "fp32"),
    ):
        ran = reasondiff(*command)
        assert ran.code == 0, ran
    assert len(server.requests) == 6 and "2 openai:m" in reasondiff("data", "caption", "set", *asked).out
    assert "1 ready-made" in reasondiff("data", "caption", "set", *asked).out

    train = ("train", "--data", "set", "--set", "base_model=wan", "--batch", 1, "--precision", "fp32",
             "--set", "optimization.gradient_accumulation_steps=2")  # fmt: skip
    ran = reasondiff(*train, "--recipe", "wan-14b/stage1", "--steps", 2, *TINY)
    assert ran.code == 0 and "Finished" in ran.out, ran
    ran = reasondiff(*train, "--recipe", "wan-14b/stage2", "--set", "frozen_weights=fp32")
    assert ran.code == 0 and "Finished" in ran.out, ran
    first, second = (folder / "runs" / "wan-14b" / stage / "adapter" for stage in ("stage1", "stage2"))
    before, after = (load_file(each / LORA_FILE) for each in (first, second))
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    former = [load_file(next((each / "alignformer").glob("*.safetensors"))) for each in (first, second)]
    assert not torch.equal(former[0]["proj_out.weight"], former[1]["proj_out.weight"])  # stage 2 trains it alone
    info = AdapterInfo.read(second)
    assert info.interval == 0.2 and info.base_model == "wan"
    recipe = info.recipe
    assert (recipe["recipe"], recipe["beta"], recipe["width"], recipe["num_frames"]) == ("wan-14b/stage2", 0.2, 32, 9)
    assert recipe["optimization"]["steps"] == 2  # one epoch of three clips in batches of two
    assert (recipe["anchor_frames"], recipe["flow"]["timesteps"], recipe["flow"]["shift"]) == ("uniform", "uniform", 1)

    ran = reasondiff("generate", "--model", "wan", "--adapter", second, "--image", "vase.png", "--prompt", "A cat.",
                     "--narrative", _story(folder), "--num-frames", 9, "--steps", 1, "--size", "32x32",
                     "-o", "out.mp4")  # fmt: skip
    assert ran.code == 0 and (folder / "out.mp4").is_file(), ran


def test_one_command_does_it_all_and_goes_on_anywhere(reasondiff: Callable, folder: Path, server: Server) -> None:
    server.answer = [*[Say("A wall.")] * 4, *[Say(status=401)] * 2]
    values = ("base_model=wan", "frozen_weights=fp32", "width=32", "height=32", "num_frames=9",
              "optimization.gradient_accumulation_steps=1", "stage1.alignformer.in_channels=4",
              "stage1.alignformer.text_dim=32", "stage1.alignformer.dim=16", "stage1.lora.r=2")  # fmt: skip
    command = ["adapt", "videos", "-o", "mine", "--narrator", "openai:m", "--narrator-url", server.url]
    command += ["--steps", 1, "--batch", 1, "--precision", "fp32"]
    for value in values:
        command += ["--set", value]
    stopped = reasondiff(*command)
    assert stopped.code == 2 and not (folder / "mine").exists(), stopped
    server.answer = Say("A wall.")
    ran = reasondiff(*command)
    assert ran.code == 0 and "Use it: reasondiff generate --model wan --adapter mine" in ran.out, ran
    made = AdapterInfo.read(folder / "mine")
    assert made.recipe["recipe"] == "wan-14b/stage2" and made.recipe["data"] == "mine.work/set"
    asked = len(server.requests)
    again = reasondiff(*command)
    assert again.code == 0 and again.out.count("is finished.") == 2 and len(server.requests) == asked

    captions = folder / "mine.work" / "set" / "captions.jsonl"
    captions.write_text(captions.read_text().replace("A wall.", "A garden wall.", 1))
    other = reasondiff(*command)
    assert other.code == 0 and "is finished." not in other.out and "(0 encoded now)" in other.out, other
    assert AdapterInfo.read(folder / "mine").recipe["data_hash"] != made.recipe["data_hash"]


def _story(folder: Path) -> Path:
    file = folder / "story.json"
    clips = [
        {"start": 1, "end": 5, "description": "A vase."},
        {"start": 6, "end": 9, "description": "A cat breaks the vase."},
    ]
    file.write_text(json.dumps({"position": 3, "num_frames": 9, "clips": clips}))
    return file


def test_captions_are_estimated_and_corrected(reasondiff: Callable, folder: Path, server: Server) -> None:
    server.answer = Say("A wall.")
    reasondiff("data", "scan", "videos", "-o", "set")
    reasondiff("data", "sample", "set", "--num-frames", 9, "--size", "32x32")
    asked = ("data", "caption", "set", "--narrator", "openai:m", "--narrator-url", server.url)
    told = reasondiff(*asked, "--estimate", "--price", "2.5/10").out
    assert told.startswith("2 clips to caption: 6 requests with 6 images, about ") and "in money" in told
    assert not server.requests and not (folder / "set" / "captions.jsonl").exists()
    reasondiff(*asked)
    file = folder / "set" / "captions.jsonl"
    file.write_text(file.read_text().replace("A wall.", "A garden wall.", 1))
    assert "1 corrected by hand" in reasondiff(*asked).out
    assert "A garden wall." in [text for each in read_captions(folder / "set").values() for text in each.texts]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("data", "caption", "nowhere", "--narrator", "openai:m"), "has no clips; run reasondiff data sample"),
        (("data", "caption", "set", "--per", "minute"), "--per 'minute' is unknown; give one of latent, frame, clip."),
        (("data", "precompute", "set", "--model", "wan"), "has no clips; run reasondiff data sample"),
        (("data", "precompute", "set", "--model", "nowhere"), "There is no model 'nowhere'"),
        (("data", "precompute", "set", "--index", "xml"), "--index 'xml' is unknown; give one of jsonl, parquet."),
        (("train", "--recipe", "wan-14b/stage1", "--data", "set"), "is not encoded; run reasondiff data precompute"),
        (("train", "--recipe", "wan-14b/stage1"), "wan-14b/stage1 needs videos; give an encoded set with --data."),
        (
            ("train", "--recipe", "storyworld-tiny/narrator", "--data", "set"),
            "narrator draws its own clips; leave --data",
        ),
    ],
)
def test_what_is_missing_is_said(refused: Callable, folder: Path, arguments: tuple[str, ...], told: str) -> None:
    assert told in refused(*arguments)
