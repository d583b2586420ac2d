"""Watching, choosing, accelerating and adapting from the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from reasondiff.checkpoints import file_hash, find_model
from reasondiff.errors import InputError
from reasondiff.jobs.loading import device_of, preset_of
from reasondiff.jobs.request import VideoRequest
from reasondiff.media import read_record, read_video
from reasondiff.planning import Job, architecture
from reasondiff.planning.fitting import FreeMemory, fitting, preset_for
from reasondiff.planning.presets import preset
from tests import tiny
from tests.tiny.pipelines import add_lora, alignformer, pipeline

ARGUMENTS = ("--image", "vase.png", "--prompt", "A cat plays.", "--narrative", "story.json", "--size", "32")
NARRATOR = Path(find_model("storyworld-tiny")) / "narrator"


@pytest.fixture(scope="module")
def tales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pipe = pipeline(alignformer())
    add_lora(pipe)
    folder = tmp_path_factory.mktemp("adapters") / "tales"
    pipe.save_adapter(folder)
    return folder


def test_several_seeds_of_one_story_on_one_sheet(reasondiff: Callable, here: Path, model: Path) -> None:
    image = Path("vase.png").read_bytes()
    ran = reasondiff("generate", *ARGUMENTS, "--model", model, "-o", "vase.mp4", "--seeds", 2, "--seed", 7)
    assert ran.code == 0, ran
    assert "vase-sheet.png: seeds 7 to 8, side by side." in ran.out
    assert Path("vase-sheet.png").exists() and Path("vase.png").read_bytes() == image
    alone = reasondiff("generate", *ARGUMENTS, "--model", model, "-o", "alone.mp4", "--seed", 8)
    assert alone.code == 0
    assert np.array_equal(read_video("vase-8.mp4").frames, read_video("alone.mp4").frames)
    assert not np.array_equal(read_video("vase-7.mp4").frames, read_video("alone.mp4").frames)
    assert not Path("vase.mp4").exists()


def test_a_preset_an_adapter_and_a_preview_and_their_replay(
    reasondiff: Callable, here: Path, model: Path, tales: Path
) -> None:
    ran = reasondiff(
        "generate", *ARGUMENTS, "--model", model, "-o", "out.mp4", "--preset", "low-vram", "--adapter", tales,
        "--preview", "look.png", "--resume",
    )  # fmt: skip
    assert ran.code == 0, ran
    record = read_record("out.mp4")
    assert (record.options["preset"], record.options["adapter"]) == ("low-vram", str(tales))
    assert "adapter/pytorch_lora_weights.safetensors" in record.weights
    with Image.open("look.png") as image:
        assert image.size[0] > image.size[1]
    assert not Path("out.steps").exists()
    again = reasondiff("replay", "out.mp4", "-o", "again.mp4")
    assert (again.code, again.out.split(":")[0]) == (0, "Equal"), again
    elsewhere = shutil.copytree(tales, here / "elsewhere")
    again = reasondiff("replay", "out.mp4", "-o", "again.mp4", "--adapter", elsewhere)
    assert (again.code, again.out.split(":")[0]) == (0, "Equal"), again


def test_a_lora_alone_and_its_replay(reasondiff: Callable, refused: Callable, here: Path, model: Path) -> None:
    pipe = pipeline()
    add_lora(pipe, "style", seed=7)
    pipe.write_lora(here, "style")
    Path("pytorch_lora_weights.safetensors").rename("style.safetensors")
    given = ("generate", *ARGUMENTS, "--model", model)
    for number, how in enumerate(
        [(), ("--lora", "style.safetensors"), ("--lora", "style.safetensors", "--lora-scale", "0.5")]
    ):
        ran = reasondiff(*given, "-o", f"{number}.mp4", *how)
        assert ran.code == 0, ran
    hashes = [read_record(f"{number}.mp4").frames_sha256 for number in range(3)]
    assert len(set(hashes)) == 3
    assert (
        read_record("2.mp4").options["lora_scale"] == 0.5 and "lora/style.safetensors" in read_record("2.mp4").weights
    )
    again = reasondiff("replay", "2.mp4", "-o", "again.mp4")
    assert (again.code, again.out.split(":")[0]) == (0, "Equal"), again
    preset = reasondiff(*given, "-o", "3.mp4", "--lora", "style.safetensors", "--preset", "balanced")
    assert preset.code == 0, preset
    assert "No layer" not in preset.err and refused(*given, "-o", "4.mp4", "--lora-scale", "0.5").startswith(
        "There is no LoRA"
    )
    assert "is a LoRA alone" in refused(*given, "-o", "4.mp4", "--adapter", "style.safetensors")
    Path("style.safetensors").unlink()
    assert "put it there, or name it with --lora" in refused("replay", "2.mp4", "-o", "again.mp4")


@pytest.mark.slow
@pytest.mark.parametrize("told", [ARGUMENTS[4:6], ("--narrator", f"transformers:{NARRATOR}")])
def test_a_killed_command_goes_on_when_it_is_given_again(
    reasondiff: Callable, here: Path, model: Path, told: tuple[str, ...]
) -> None:
    given = [*ARGUMENTS[:4], *told, *ARGUMENTS[6:], "--model", str(model)]
    arguments = ["generate", *given, "-o", "out.mp4", "--steps", "50", "--resume"]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-c", "from reasondiff.cli import main; main()", *arguments]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        while not Path("out.steps").exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    assert Path("out.steps").exists()
    assert not Path("out.mp4").exists()
    assert reasondiff(*arguments).code == 0
    whole = reasondiff(*["whole.mp4" if each == "out.mp4" else each for each in arguments])
    assert whole.code == 0
    assert np.array_equal(read_video("out.mp4").frames, read_video("whole.mp4").frames)
    assert not Path("out.steps").exists()


def test_calibrating_and_skipping(reasondiff: Callable, here: Path, model: Path) -> None:
    ran = reasondiff("calibrate", *ARGUMENTS, "--model", model, "-o", "ratios.json", "--steps", 4)
    assert ran.code == 0, ran
    measured = json.loads(Path("ratios.json").read_text())["ratios"]
    assert len(measured) == 4 and measured[0] == 1.0
    ran = reasondiff("generate", *ARGUMENTS, "--model", model, "-o", "out.mp4", "--mag-ratios", "ratios.json")
    assert ran.code == 0, ran
    assert read_record("out.mp4").options["mag_ratios"] == " ".join(map(repr, measured))
    again = reasondiff("replay", "out.mp4", "-o", "again.mp4")
    assert (again.code, again.out.split(":")[0]) == (0, "Equal"), again


def test_attention_to_a_word(reasondiff: Callable, here: Path, model: Path, tales: Path) -> None:
    said = []
    for how in ((), ("--adapter", tales), ("--adapter", tales, "--preset", "balanced")):
        arguments = (*ARGUMENTS, "--model", model, "-o", "heat.mp4", "--word", "breaks", "--block", 1, *how)
        ran = reasondiff("attention", *arguments)
        assert ran.code == 0, ran
        assert "block 1; at most" in ran.out
        said.append(ran.out)
        assert read_video("heat.mp4").frames.shape[0] == 9
        assert Path("heat-sheet.png").exists() and not Path("heat.png").exists()
    assert said[0] != said[1]


def test_a_transformer_in_a_single_file_and_its_replay(reasondiff: Callable, here: Path, model: Path) -> None:
    save_file(dict(tiny.transformer(seed=5).state_dict()), "own.safetensors")
    arguments = ("generate", *ARGUMENTS, "--model", model, "-o", "out.mp4", "--transformer", "own.safetensors")
    assert reasondiff(*arguments).code == 0
    record = read_record("out.mp4")
    assert record.options["transformer"] == "own.safetensors"
    assert record.weights["--transformer own.safetensors"] == file_hash(Path("own.safetensors"))
    again = reasondiff("replay", "out.mp4", "-o", "again.mp4")
    assert (again.code, again.out.split(":")[0]) == (0, "Equal"), again
    Path("own.safetensors").unlink()
    gone = reasondiff("replay", "out.mp4", "-o", "again.mp4")
    assert gone.code == 2 and "The video's transformer 'own.safetensors' is not here; put it there." in gone.err


BAD: dict[str, tuple[list[Any], str]] = {
    "seeds": (["generate", "-o", "x.mp4", "--seeds", 0], "0 seeds make no video; give 1 or more."),
    "preset": (["generate", "-o", "x.mp4", "--preset", "best"], "There is no preset 'best'; choose one of quality,"),
    "fast": (["generate", "-o", "x.mp4", "--preset", "fast"], "'fast' multiplies in 8 bits, which 'cpu' cannot do"),
    "adapter": (["generate", "-o", "x.mp4", "--adapter", "none"], "There is no 'none'; give a folder, or a hub id"),
    "preview": (["generate", "-o", "x.mp4", "--preview", "x.jpg"], "'x.jpg' does not end in '.png'"),
    "ratios": (["generate", "-o", "x.mp4", "--mag-ratios", "x.json"], "There is no 'x.json'; write one with"),
    "word": (["attention", "-o", "x.mp4", "--word", "dog"], "No description contains 'dog'; they are: A vase stands"),
    "block": (["attention", "-o", "x.mp4", "--word", "cat", "--block", 9], "There is no block 9; give one of 0..1."),
    "ratio file": (["calibrate", "-o", "x.txt"], "'x.txt' does not end in '.json'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(refused: Callable, here: Path, model: Path, case: str) -> None:
    (verb, *arguments), message = BAD[case]
    sentence = refused(verb, *ARGUMENTS, "--model", model, *arguments)
    assert message in sentence
    assert not Path("x.mp4").exists()


def test_a_run_is_held_against_the_gpu_that_is_here(model: Path) -> None:
    wan, small, free = "wan2.1-i2v-14b-480p", {"num_frames": 17, "width": 256, "height": 256}, FreeMemory(30e9)
    with pytest.raises(
        InputError, match=r"'balanced' needs about .* and 30\.0 GB are free; choose --preset low-vram\.$"
    ):
        preset_for(wan, "balanced", {}, free)
    assert preset_for(wan, None, {}, free).name == "low-vram"
    more = FreeMemory(36e9)
    assert preset_for(wan, None, {}, more).name != preset_for(wan, None, small, more).name == "balanced"
    assert preset_for(str(model), None, {}, more) is None  # so small that it runs as it is
    assert preset_for(wan, None, {}, None) is None  # without a GPU it runs as it is, too
    assert preset_for(wan, "balanced", {}, None).name == "balanced"


def test_the_gpu_is_asked_for_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("is_available", True), ("mem_get_info", (30e9, 32e9)), ("get_device_capability", (8, 0)), ("device_count", 2),
    ):  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)
    asked = VideoRequest(image=Path("a.png"), model="wan2.1-i2v-14b-480p")
    assert (device_of(asked), preset_of(asked).name) == ("cuda", "low-vram")
    monkeypatch.setattr(torch.cuda, "mem_get_info", {"cuda": (36e9, 40e9), "cuda:1": (36e9, 40e9)}.__getitem__)
    assert preset_of(asked).name != preset_of(replace(asked, size="256", num_frames=17, device="cuda:1")).name
    assert device_of(replace(asked, device="cpu")) == "cpu" and preset_of(replace(asked, device="cpu")) is None
    with pytest.raises(InputError, match="There is no device 'cuda:2' here"):
        device_of(replace(asked, device="cuda:2"))


def test_too_little_gpu_memory_names_the_preset_that_fits() -> None:
    model, job = architecture("wan2.1-i2v-14b-480p"), Job()
    assert fitting(model, None, job, FreeMemory(150e9, float8_products=True)).name == "quality"
    small = fitting(model, None, job, FreeMemory(20e9)).name
    with pytest.raises(InputError) as caught:
        fitting(model, preset("quality"), job, FreeMemory(20e9))
    assert "The preset 'quality' needs about" in str(caught.value)
    assert str(caught.value).endswith(f"and 20.0 GB are free; choose --preset {small}.")
    with pytest.raises(InputError, match=r"2\.0 GB are free; give fewer frames or a smaller size\.$"):
        fitting(model, None, job, FreeMemory(2e9, float8_products=True))
