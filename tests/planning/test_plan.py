"""A plan follows from configs alone, and says what a run needs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reasondiff.backends.defaults import Defaults
from reasondiff.checkpoints import HUB
from reasondiff.errors import CheckpointError, InputError
from reasondiff.pipeline.sections import plan_sections
from reasondiff.planning import GPUS, Architecture, Job, Plan, Stage, architecture, fitting_preset, job_of, plan
from reasondiff.planning.presets import PRESETS, preset
from tests import tiny

WAN = architecture("wan2.1-i2v-14b-480p")
GPU = {gpu.name: gpu for gpu in GPUS}


def planned(name: str = "balanced", **job: float) -> Plan:
    return plan(WAN, preset(name), replace(Job(), **job))


def stage(of: Plan, name: str) -> Stage:
    return next(each for each in of.stages if each.name == name)


def test_the_published_model_has_the_published_numbers_of_parameters() -> None:
    known = {"transformer": 16.395, "text_encoder": 5.681, "image_encoder": 0.631, "vae": 0.127}  # billions
    assert {name: round(WAN.parameters[name] / 1e9, 3) for name in known} == known
    assert WAN.disk["text_encoder"] == pytest.approx(21.16 * 2**30, rel=1e-3)  # as loaders of the checkpoint report
    assert WAN.image_tokens == 257
    assert architecture("wan2.1-flf2v-14b-720p").image_tokens == 514
    assert architecture("wan2.2-i2v-a14b").image_tokens == 0


@pytest.mark.parametrize("name", [*HUB, *map(str.upper, HUB)])
@pytest.mark.parametrize("preset_name", PRESETS)
def test_every_named_model_has_a_plan_under_every_preset(name: str, preset_name: str) -> None:
    of = plan(architecture(name), preset(preset_name), Job())
    assert of.memory > 0 and of.seconds(GPU["H200"])


def test_a_plan_loads_neither_torch_nor_anything_that_reaches_a_network() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from reasondiff.planning import Job, architecture, plan\n"
        "from reasondiff.planning.presets import preset\n"
        "plan(architecture('wan2.1-i2v-14b-480p'), preset('fast'), Job())\n"
        "assert not {'torch', 'diffusers', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_job_without_options_is_the_papers() -> None:
    job, defaults = Job(), Defaults()
    assert (job.num_frames, job.num_inference_steps, job.guidance_scale, job.width * job.height) == (
        defaults.num_frames,
        defaults.num_inference_steps,
        defaults.guidance_scale,
        defaults.area,
    )
    own = job_of({"num_frames": 33, "area": 64 * 64, "guidance_scale": 3.0}, num_frames=None, height=32)
    assert own == Job(num_frames=33, width=64, height=32, guidance_scale=3.0)


def test_denoising_scales_with_steps_branches_and_the_cache() -> None:
    whole = stage(planned("quality"), "denoise").work.flops
    assert stage(planned("quality", num_inference_steps=25), "denoise").work.flops == pytest.approx(whole / 2, rel=1e-3)
    assert stage(planned("quality", guidance_scale=1.0), "denoise").work.flops == pytest.approx(whole / 2, rel=1e-3)
    stopped = stage(planned("quality", guidance_stop=0.5), "denoise").work.flops
    assert stopped == pytest.approx(whole * 3 / 4, rel=1e-3)
    assert stage(planned("fast"), "denoise").work.flops == pytest.approx(whole * (1 + 1 / 40) / 2, rel=1e-3)
    assert whole / 100 == pytest.approx(1671e12, rel=1e-3)  # per call, as benchmarks.flops counts


def test_presets_need_less_and_less_memory() -> None:
    peaks = {name: planned(name).memory / 1e9 for name in PRESETS}
    assert list(peaks.values()) == sorted(peaks.values(), reverse=True)
    assert peaks["quality"] < 80  # one H100
    assert peaks["balanced"] < 48
    assert peaks["fast"] < 25
    assert peaks["low-vram"] < 14


def test_keys_and_values_are_60_megabytes_per_description_at_most() -> None:
    def kept(segments: int) -> float:
        return stage(planned(segments=segments), "denoise").kept

    assert kept(5) - kept(4) == 72 * 2 * 40 * 5120 * 2 <= 60e6
    assert stage(planned("low-vram"), "denoise").kept == 0  # streamed blocks compute theirs in every call


def test_the_preset_that_fits_is_the_first_that_does() -> None:
    for name in PRESETS:
        fits = fitting_preset(WAN, Job(), planned(name).memory)
        assert fits is not None and fits.name == name
    assert fitting_preset(WAN, Job(), 30e9, float8_products=False) == preset("low-vram")
    assert fitting_preset(WAN, Job(), 2e9) is None


def test_a_gpu_without_8_bit_products_or_memory_says_so() -> None:
    assert planned("fast").problem(GPU["A100 80GB"]) == "no 8-bit products"
    assert planned("quality").problem(GPU["RTX 4090"]) == "too little memory"
    assert planned("quality").seconds(GPU["RTX 4090"]) is None
    assert planned("balanced").problem(GPU["H200"]) is None


def test_a_local_folder_is_read_by_its_configs(tmp_path: Path) -> None:
    folder = tiny.checkpoint(tmp_path / "model")
    read = architecture(str(folder))
    pipe = tiny.pipeline()
    for part in ("transformer", "vae", "text_encoder", "image_encoder"):
        assert read.parameters[part] == sum(p.numel() for p in getattr(pipe, part).parameters()), part
        assert read.disk[part] == sum(file.stat().st_size for file in (folder / part).glob("*.safetensors"))
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()
    without = architecture(str(folder))
    assert without.parameters == read.parameters and set(without.disk.values()) == {0}
    assert plan(without, preset("balanced"), Job(num_frames=9, width=64, height=64, words=8)).memory < 1.1e9


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "vae" / "config.json").write_text("{"), "is damaged"),
        (lambda folder: (folder / "vae" / "config.json").unlink(), "There is no"),
        (lambda folder: (folder / "model_index.json").unlink(), "There is no"),
        (lambda folder: (folder / "vae" / "config.json").write_text("[]"), "not an object"),
        (lambda folder: (folder / "vae" / "config.json").write_text('{"dim_mult": 3}'), "are not Wan's or LTX-Video's"),
    ],
)
def test_a_damaged_folder_is_one_sentence(tmp_path: Path, damage: object, message: str) -> None:
    folder = tiny.checkpoint(tmp_path / "model")
    damage(folder)  # type: ignore[operator]
    with pytest.raises(CheckpointError, match=message):
        architecture(str(folder))


def test_another_kind_of_model_has_no_plan(tmp_path: Path) -> None:
    folder = tiny.checkpoint(tmp_path / "model")
    config = json.loads((folder / "transformer" / "config.json").read_text())
    (folder / "transformer" / "config.json").write_text(json.dumps(config | {"in_channels": 16}))
    with pytest.raises(
        CheckpointError, match="reads 16 channels, not the 12 of image-to-video; use an I2V or VACE model"
    ):
        architecture(str(folder))
    with pytest.raises(InputError, match="A revision is for models on the hub"):
        architecture(str(folder), revision="v1")


def test_a_folder_without_a_transformer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({}))
    with pytest.raises(CheckpointError, match="are not Wan's or LTX-Video's"):
        architecture(str(tmp_path))


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"num_frames": 80}, "80 frames do not fit"),
        ({"width": 833}, "833 pixels does not divide into 16; give 832"),
        ({"height": 0}, "0 pixels does not divide into 16; give 16"),
        ({"num_inference_steps": 0}, "0 steps"),
        ({"segments": 0}, "0 descriptions"),
        ({"words": 513}, "513 tokens"),
    ],
)
def test_a_job_that_fits_no_model_is_refused(job: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        planned(**job)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InputError, match="no preset 'best'; choose one of quality, balanced, fast, low-vram"):
        preset("best")
    with pytest.raises(CheckpointError, match=r"no plan for 'a/b/c'; give one of .*, a folder, or a hub id"):
        architecture("a/b/c")


def test_two_experts_share_the_steps_and_offload_keeps_one_of_them() -> None:
    both: Architecture = architecture("wan2.2-i2v-a14b")
    one = replace(both, transformers=both.transformers[:1])
    job = Job()
    assert plan(both, preset("quality"), job).flops == plan(one, preset("quality"), job).flops
    assert plan(both, preset("balanced"), job).memory == plan(one, preset("balanced"), job).memory
    assert plan(both, preset("quality"), job).memory > plan(one, preset("quality"), job).memory + 28e9
    assert torch.bfloat16.itemsize * both.parameters["transformer"] == pytest.approx(28.6e9, rel=0.01)


def test_as_many_sections_as_are_made_from_an_image_at_an_end() -> None:
    for frames, length in ((161, 81), (65, 33), (97, 33), (81, 81), (49, 33)):
        made = plan_sections(frames, min(length, frames), 4, 0)
        assert Job(num_frames=frames, section_frames=length).sections(4) == len(made)
    long = plan(WAN, preset("balanced"), job_of({}, num_frames=161))
    assert (long.sections, long.memory) == (3, planned().memory)
    assert long.seconds(GPU["H200"]) == pytest.approx(3 * (planned().seconds(GPU["H200"]) or 0.0))
    assert job_of({}, num_frames=33).section_frames is None
    with pytest.raises(InputError, match="Sections of 9 frames have no room to overlap; give 13 or more"):
        plan(WAN, preset("balanced"), Job(num_frames=81, section_frames=9))
