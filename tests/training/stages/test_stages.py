"""Every stage runs, learns, resumes and exports what the next one reads; the real recipes at the real sizes."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, ModelMixin
from PIL import Image
from safetensors.torch import load_file

from reasondiff.alignformer import AlignFormer
from reasondiff.checkpoints import LORA_FILE
from reasondiff.data.latents import encode_clips
from reasondiff.data.loader import draw_batch
from reasondiff.data.texts import jitter_boundaries
from reasondiff.errors import InputError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.recipes import recipe
from reasondiff.recipes.base import Recipe
from reasondiff.recipes.wan import ClipRecipe
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.training.stages.flow import motion_mask
from reasondiff.training.stages.reason import motion_of
from reasondiff.training.storyworld.clips import DrawnClips
from reasondiff.training.storyworld.vae import VaeStage
from reasondiff.training.storyworld.vae_dataset import Phase
from reasondiff.training.storyworld.validation import judged_previews
from reasondiff.training.trainer import fit


def small(name: str) -> Recipe:
    """A recipe for five steps on a handful of clips, without the validation at its end."""
    plan = recipe(name)
    plan = replace(plan, optimization=replace(plan.optimization, steps=5, warmup_steps=1))
    if isinstance(plan, ClipRecipe):
        return replace(plan, clips=4, flow=replace(plan.flow, batch=2))
    return replace(plan, phases=(Phase(until=1.0, frames=(5,), batch=1, crop=32),))


def small_stage(plan: Recipe, model: Path, cache: Path) -> Any:
    """The stage of a small recipe, which also measures on few clips."""
    stage: Any = plan.build(model, cache, "cpu")
    if isinstance(stage, VaeStage):
        stage.validation_clips, stage.scale_clips = 1, 2
    return stage


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder after five steps of every stage."""
    folder = tmp_path_factory.mktemp("model")
    for stage_name in ("vae", "base", "stage1", "stage2"):
        plan = small(f"storyworld-tiny/{stage_name}")
        stage = small_stage(plan, folder, folder.parent / "cache")
        stage.validate = lambda _: {}
        assert fit(stage, plan.optimization, folder.parent / "runs" / stage_name, log_every=1) == 5
        stage.export(folder)
    return folder


@pytest.mark.parametrize("name", ["base", "stage1", "stage2"])
def test_a_stage_that_was_stopped_ends_as_one_that_was_not(name: str, model: Path, tmp_path: Path) -> None:
    plan = small(f"storyworld-tiny/{name}")
    ends = []
    taken: list[int] = []
    for run, stops in (("straight", [4]), ("stopped", [2, 4])):
        for steps in stops:
            stage = small_stage(plan, model, model.parent / "cache")
            stage.validate = lambda _: {}
            # The rate falls towards the end of a run, so that of the whole one is asked for from the start.
            optimization = replace(plan.optimization, steps=steps, decay_fraction=0.0)
            assert fit(stage, optimization, tmp_path / run, on_step=lambda step, _: taken.append(step)) == steps
        ends.append({key: p.detach().clone() for key, p in stage.trainable().items()})
    assert taken == 2 * [1, 2, 3, 4], "the stopped one took none twice"
    straight, stopped = ends
    assert all(torch.equal(straight[key], stopped[key]) for key in straight)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["vae", "refine", "base", "stage1", "stage2"])
def test_a_stage_trains_on_a_gpu_and_goes_on(name: str, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    plan = small(f"storyworld-tiny/{name}")
    taken: list[int] = []
    for steps in (2, 4):
        stage = plan.build(folder, tmp_path / "cache", "cuda")
        stage.validate = lambda _: {}
        optimization = replace(plan.optimization, steps=steps)
        assert fit(stage, optimization, tmp_path / "run", on_step=lambda step, _: taken.append(step)) == steps
    assert taken == [1, 2, 3, 4]
    assert all(parameter.device.type == "cuda" for parameter in stage.trainable().values())
    stage.export(folder)
    ReasonDiffPipeline.from_pretrained(folder)


def test_every_stage_writes_what_a_pipeline_loads(model: Path) -> None:
    pipe = ReasonDiffPipeline.from_pretrained(model)
    assert isinstance(pipe.alignformer, AlignFormer)
    assert pipe.defaults.num_frames == 33
    assert "reasondiff" in pipe.transformer.peft_config
    assert not list(model.rglob("*.bin")) and not list(model.rglob("*.pt"))
    assert not [file for file in model.rglob("*.json") if str(model) in file.read_text(encoding="utf-8")]


@pytest.mark.usefixtures("all_templates_match")
def test_validations_measure_and_leave_a_picture(model: Path, tmp_path: Path) -> None:
    pipe = ReasonDiffPipeline.from_pretrained(model)
    for options in ({}, {"text_mode": "joined", "anchor": "first", "use_adapter": False}):
        report = judged_previews(pipe, tmp_path, count=2, num_inference_steps=1, **options)
        assert report.keys() == {"story_success"} and 0 <= report["story_success"] <= 1
        with Image.open(tmp_path / "generated.png") as sheet:
            assert sheet.width > sheet.height  # two clips, a row each
        (tmp_path / "generated.png").unlink()

    plan = small("storyworld-tiny/vae")
    stage = small_stage(plan, model, tmp_path)
    with torch.no_grad():
        report = stage.validate(tmp_path)
    assert {f"psnr_{kind}{frames}" for kind in ("", "moving_", "last_") for frames in (33, 81)} == report.keys()
    assert (tmp_path / "true-and-decoded.png").exists()


def test_refining_stays_near_the_latents_that_others_were_trained_on(model: Path, tmp_path: Path) -> None:
    plan = small("storyworld-tiny/refine")
    stage = small_stage(plan, model, tmp_path)
    inputs = draw_batch(stage.dataset, 0)
    with torch.no_grad():
        losses = stage.loss(inputs)
        assert losses["moved"] == 0
        stage.vae.quant_conv.bias += 0.1
        assert float(stage.loss(inputs)["moved"]) == pytest.approx(0.01, rel=1e-4)
        stage.vae.quant_conv.bias -= 0.1
    stage.validate = lambda _: {}
    fit(stage, replace(plan.optimization, lr=1e-3), tmp_path / "run")
    assert 0 < stage.loss(inputs)["moved"] < 0.1
    shutil.copytree(model / "vae", tmp_path / "model" / "vae")
    stage.export(tmp_path / "model")
    before, after = (json.loads((folder / "vae" / "config.json").read_text()) for folder in (model, tmp_path / "model"))
    assert after == before  # the scale of the latents as well


def test_phases_come_one_after_another_and_those_that_end_together_take_turns(model: Path, tmp_path: Path) -> None:
    plan = small("storyworld-tiny/vae")
    stage = small_stage(plan, model, tmp_path)
    parts = ((0.4, 1), (1.0, 5), (1.0, 9))
    stage.dataset.phases = [Phase(until=until, frames=(frames,), batch=1, crop=16) for until, frames in parts]
    drawn = [draw_batch(stage.dataset, step).clean.shape[2] for step in range(5)]
    assert drawn == [1, 1, 5, 9, 5]  # of five steps, two are before 0.4


def test_a_pixel_error_is_absolute_or_squared(model: Path, tmp_path: Path) -> None:
    plan = small("storyworld-tiny/vae")
    stage = small_stage(plan, model, tmp_path)
    inputs = draw_batch(stage.dataset, 0)
    stage.decode = lambda vae, latents: inputs.clean + 0.5
    for error, expected in ((1, 0.5), (2, 0.25)):
        stage.error = error
        pixels = float(stage.loss(inputs)["pixels"])
        assert pixels == pytest.approx(expected * float(inputs.weight.mean()), rel=1e-5)


def test_damaged_latents_are_encoded_anew(model: Path, tmp_path: Path) -> None:
    vae = AutoencoderKLWan.from_pretrained(model / "vae")
    first = encode_clips(vae, DrawnClips(TakeSet("train")), 2, tmp_path)
    (shard,) = tmp_path.iterdir()
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    again = encode_clips(vae, DrawnClips(TakeSet("train")), 2, tmp_path)
    assert torch.equal(again.clean, first.clean) and torch.equal(again.anchors, first.anchors)
    assert shard.read_bytes() == whole


def test_only_what_moves_weighs_more_in_the_loss(model: Path) -> None:
    latents = torch.zeros(1, 2, 5, 3, 3)
    latents[:, :, 0] = 9.0  # the first latent frame has a code of its own
    latents[:, :, 2, 1, 1] = 1.0
    assert motion_mask(latents).nonzero().tolist() == [[0, 0, 2, 1, 1]]
    plan = small("storyworld-tiny/base")
    stage = small_stage(plan, model, model.parent / "cache")
    inputs = draw_batch(stage.dataset, 0)
    still = replace(inputs, clean=inputs.clean[:, :, 1:2].repeat(1, 1, 9, 1, 1), noise=torch.zeros_like(inputs.noise))
    predicted = torch.randn_like(inputs.clean)
    torch.testing.assert_close(
        stage.denoising_loss(predicted, still), torch.nn.functional.mse_loss(predicted, still.velocity)
    )


def test_another_base_removes_what_was_trained_on_the_one_before(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    plan = small("storyworld-tiny/base")
    small_stage(plan, folder, model.parent / "cache").export(folder)
    pipe = ReasonDiffPipeline.from_pretrained(folder)
    assert pipe.alignformer is None and not getattr(pipe.transformer, "peft_config", {})


@pytest.mark.parametrize("name", ["vae", "base", "stage1"])
def test_an_export_that_is_interrupted_leaves_what_was_there(
    name: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stage = _in_a_copy(name, model, tmp_path)

    def interrupted(self: ModelMixin, place: Path, **options: object) -> None:
        Path(place, "config.json").write_text("{")
        raise KeyboardInterrupt

    monkeypatch.setattr(ModelMixin, "save_pretrained", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stage.export(folder)
    assert _files(folder) == _files(model)


@pytest.mark.parametrize("name", ["base", "stage1"])
def test_a_part_that_cannot_be_written_leaves_the_others_as_they_were(
    name: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stage = _in_a_copy(name, model, tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    last = {
        "base": (type(stage.pipe.scheduler), "save_pretrained"),
        "stage1": (ReasonDiffPipeline, "save_lora_weights"),
    }
    monkeypatch.setattr(*last[name], full)
    with pytest.raises(OSError, match="No space left"):
        stage.export(folder)
    assert _files(folder) == _files(model)


def test_a_base_can_begin_with_the_weights_of_the_folder(model: Path) -> None:
    plan = small("storyworld-tiny/base")
    plan = replace(plan, from_weights=str(model))
    stage = small_stage(plan, model, model.parent / "cache")
    saved = ReasonDiffPipeline.from_pretrained(model)
    saved.unload_lora_weights()
    for name in ("transformer", "text_encoder"):
        theirs = getattr(saved, name).state_dict()
        prefix = f"{name}."
        ours = {key.removeprefix(prefix): p for key, p in stage.trainable().items() if key.startswith(prefix)}
        assert ours and all(p.dtype == torch.float32 for p in ours.values())
        assert all(torch.equal(p.to(theirs[key]), theirs[key]) for key, p in ours.items())


def test_every_encoded_anchor_is_drawn(model: Path) -> None:
    plan = small("storyworld-tiny/stage1")
    stage = small_stage(plan, model, model.parent / "cache")
    clips, each = stage.dataset.source.encoded.anchors.shape[:2]
    wanted = {bytes(anchor[:, 1].float().numpy()) for anchor in stage.dataset.source.encoded.anchors.flatten(0, 1)}
    drawn: set[bytes] = set()
    for step in range(60):
        drawn |= {bytes(anchor[:, 1].numpy()) for anchor in draw_batch(stage.dataset, step).anchors}
    assert len(wanted) > 2 * clips and each == 4
    assert len(wanted & drawn) >= len(wanted) - clips  # one given as the first frame has another latent


def test_stage1_can_begin_with_what_was_trained_on_another_base(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    base = small("storyworld-tiny/base")
    base.build(folder, model.parent / "cache", "cpu").export(folder)  # its AlignFormer and LoRA are gone
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "alignformer_lora": False}))
    plan = small("storyworld-tiny/stage1")
    plan = replace(plan, from_weights=str(model))
    stage = small_stage(plan, folder, model.parent / "cache")
    lora = load_file(model / LORA_FILE)
    ours = {name.replace(".reasondiff.", "."): p for name, p in stage.trainable().items() if ".lora_" in name}
    assert lora.keys() == ours.keys() and all(torch.equal(p.to(lora[n].dtype), lora[n]) for n, p in ours.items())
    theirs = AlignFormer.from_pretrained(model / "alignformer").state_dict()
    assert all(torch.equal(p.to(theirs[n].dtype), theirs[n]) for n, p in stage.alignformer.state_dict().items())
    stage.export(folder)
    assert load_file(folder / LORA_FILE).keys() == lora.keys()
    assert json.loads((folder / "model_index.json").read_text())["alignformer_lora"] is True
    wider = replace(plan, lora=replace(plan.lora, r=64))
    with pytest.raises(InputError, match="has rank 32, not the recipe's 64; begin without --from-weights"):
        wider.build(folder, model.parent / "cache", "cpu")


def test_stage1_hard_goes_on_with_stage1_and_reads_the_anchor_in_the_patch_embedding_too(
    model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    plan = replace(small("storyworld-tiny/stage1-hard"), from_weights=str(model))
    stage = small_stage(plan, folder, tmp_path / "cache")
    before = load_file(model / LORA_FILE)
    ours = {name.replace(".reasondiff.", "."): p for name, p in stage.trainable().items() if ".lora_" in name}
    assert all(torch.equal(ours[name].to(p.dtype), p) for name, p in before.items())
    added = set(ours) - set(before)
    assert added == {f"transformer.patch_embedding.lora_{half}.weight" for half in "AB"}
    assert not ours["transformer.patch_embedding.lora_B.weight"].any(), "it changes nothing yet"
    assert [shard.name for shard in (tmp_path / "cache").rglob("*.safetensors")] == [
        "train-hard-0.5-000000.safetensors"
    ]
    with torch.no_grad():
        ours["transformer.patch_embedding.lora_B.weight"].fill_(0.01)
    stage.export(folder)
    again = ReasonDiffPipeline.from_pretrained(folder)
    read = dict(again.transformer.named_parameters())["patch_embedding.lora_B.reasondiff.weight"]
    assert float(read.detach().mean()) == pytest.approx(0.01, rel=0.01)


def test_the_latent_frame_of_the_anchor_can_weigh_more(model: Path) -> None:
    plan = small("storyworld-tiny/stage1")
    stage = small_stage(plan, model, model.parent / "cache")
    still = draw_batch(stage.dataset, 0)
    still = replace(still, clean=still.clean[:, :, 1:2].repeat(1, 1, 9, 1, 1))
    assert still.anchor_latent_frame is not None
    wrong = still.velocity.clone()
    for clip, latent_frame in enumerate(still.anchor_latent_frame.tolist()):
        wrong[clip, :, latent_frame] += 1.0
    assert float(stage.denoising_loss(wrong, still)) == pytest.approx(1 / 9)
    stage.options = replace(stage.options, anchor_weight=3.0)
    assert float(stage.denoising_loss(wrong, still)) == pytest.approx(3 / 11)
    assert float(stage.denoising_loss(still.velocity, still)) == 0


def test_some_clips_of_the_base_are_made_from_their_text_alone(model: Path) -> None:
    plan = small("storyworld-tiny/base")
    stage = small_stage(plan, model, model.parent / "cache")
    shown = []
    for step in range(30):
        inputs = draw_batch(stage.dataset, step)
        assert inputs.first_frame_condition is not None
        for mask, first in zip(inputs.mask, inputs.first_frame_condition, strict=True):
            shown.append(bool(mask.any()))
            assert torch.equal(first, stage.dataset.empty_condition[0]) != shown[-1]
    assert 0.05 < shown.count(False) / len(shown) < 0.4


def test_losses_are_logged_at_every_step(model: Path) -> None:
    for stage_name in ("vae", "base", "stage1", "stage2"):
        rows = [
            json.loads(line) for line in (model.parent / "runs" / stage_name / "log.jsonl").read_text().splitlines()
        ]
        steps = [row["step"] for row in rows if "loss" in row]
        assert steps == [1, 2, 3, 4, 5]


def test_stage2_trains_the_alignformer_only_and_adds_the_auxiliary_loss(model: Path) -> None:
    plan = small("storyworld-tiny/stage2")
    stage = small_stage(plan, model, model.parent / "cache")
    assert all(name.startswith("alignformer.") for name in stage.trainable())
    losses = stage.loss(draw_batch(stage.dataset, 0))
    torch.testing.assert_close(losses["loss"], losses["denoising"] + 0.2 * losses["auxiliary"])
    losses["denoising"].backward()  # through the frozen transformer and its LoRA to c*
    assert all(p.grad is not None for p in stage.trainable().values())
    assert all(p.grad is None for p in stage.transformer.parameters())


def test_stage1_trains_lora_and_alignformer_but_no_weight_of_the_base(model: Path) -> None:
    plan = small("storyworld-tiny/stage1")
    stage = small_stage(plan, model, model.parent / "cache")
    names = {name for name in stage.trainable() if name.startswith("transformer.")}
    assert names and all(".lora_" in name for name in names)
    blocks = {name.split(".lora_")[0].removeprefix("transformer.") for name in names}
    assert {b.split(".", 2)[2] for b in blocks} == {
        *(f"{attention}.{part}" for attention in ("attn1", "attn2") for part in ("to_q", "to_k", "to_v", "to_out.0")),
        "ffn.net.0.proj",
        "ffn.net.2",
    }


def test_without_enhanced_latents_the_lora_alone_is_trained_and_the_anchor_is_repeated(model: Path) -> None:
    stage = small_stage(small("storyworld-tiny/no-enhanced-latents"), model, model.parent / "cache")
    assert stage.trainable() and all(name.startswith("transformer.") for name in stage.trainable())
    inputs = draw_batch(stage.dataset, 0)
    text_embeds = stage.texts.context(inputs.plans, trained=False)[1]
    enhanced = stage.enhance(inputs, text_embeds)
    assert inputs.anchors is not None and inputs.anchor_latent_frame is not None
    repeated = inputs.anchors[:, :, 1:].expand_as(enhanced).clone()
    repeated[:, :, 0] = inputs.anchors[:, :, 0]
    torch.testing.assert_close(enhanced, repeated)
    stage.loss(inputs)["loss"].backward()
    assert all(p.grad is None for p in stage.alignformer.parameters())


def test_an_anchor_at_the_first_frame_is_one_latent_as_in_generation(model: Path) -> None:
    plan = small("storyworld-tiny/stage1")
    stage = small_stage(plan, model, model.parent / "cache")
    seen = set()
    for step in range(20):
        inputs = draw_batch(stage.dataset, step)
        for row, first, later in zip(inputs.anchor_latent_frame.tolist(), *inputs.anchors.unbind(2), strict=True):
            assert torch.equal(first, later) == (row == 0)
            seen.add(row == 0)
    assert seen == {True, False}


def test_the_auxiliary_loss_leaves_the_given_row_out(model: Path) -> None:
    plan = small("storyworld-tiny/stage2")
    stage = small_stage(plan, model, model.parent / "cache")
    inputs = draw_batch(stage.dataset, 0)
    clean = inputs.clean.clone()
    clean[range(len(clean)), :, inputs.anchor_latent_frame] += 100.0
    before, after = stage.loss(inputs)["auxiliary"], stage.loss(replace(inputs, clean=clean))["auxiliary"]
    torch.testing.assert_close(before, after)


def test_told_times_are_up_to_two_frames_off_and_nothing_else_is() -> None:
    takes, shifts = TakeSet("train"), set()
    for index in range(200):
        rng = random.Random(index)
        take, frame = takes[index], rng.randrange(33)
        true = captions.narrative(take, frame, rng)
        told = jitter_boundaries(true, rng)
        assert [clip.description for clip in told.clips] == [clip.description for clip in true.clips]
        assert told.clip_at(frame).description == true.clip_at(frame).description
        assert all(len(new) >= min(3, len(old)) for new, old in zip(told.clips, true.clips, strict=True))
        assert (told.anchors, told.num_frames, told.style) == (true.anchors, true.num_frames, true.style)
        shifts |= {new.end - old.end for new, old in zip(told.clips, true.clips, strict=True)}
    assert shifts == {-2, -1, 0, 1, 2}


def test_a_step_draws_the_same_whenever_it_is_reached(model: Path) -> None:
    plan = small("storyworld-tiny/stage1")
    stage = small_stage(plan, model, model.parent / "cache")
    one, again, other = (draw_batch(stage.dataset, step) for step in (3, 3, 4))
    assert one.plans == again.plans and torch.equal(one.noise, again.noise) and torch.equal(one.mask, again.mask)
    assert not torch.equal(one.noise, other.noise)


def _in_a_copy(name: str, model: Path, tmp_path: Path) -> tuple[Path, Any]:
    """A copy of ``model``, and the stage ``name`` that reads it."""
    folder = shutil.copytree(model, tmp_path / "model")
    plan = small(f"storyworld-tiny/{name}")
    return folder, small_stage(plan, folder, model.parent / "cache")


def _files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["stage1", "stage2"])
def test_a_step_tells_its_error_by_timestep_and_by_distance_from_the_anchor(name: str, model: Path) -> None:
    stage = small_stage(small(f"storyworld-tiny/{name}"), model, model.parent / "cache")
    inputs = draw_batch(stage.dataset, 0)
    with torch.no_grad():
        losses = stage.loss(inputs)
    assert losses["loss_by_timestep"].shape == (10, 2) and losses["auxiliary_by_distance"].shape == (9, 2)
    bins = [int(10 * float(sigma)) for sigma in inputs.sigma]
    assert losses["loss_by_timestep"][:, 1].tolist() == [bins.count(number) for number in range(10)]
    sums, counts = losses["auxiliary_by_distance"].unbind(1)
    anchors = inputs.anchor_latent_frame.tolist()
    assert counts.tolist() == [sum(abs(frame - i) == far for i in anchors for frame in range(9)) for far in range(9)]
    assert float(sums[1:].sum() / counts[1:].sum()) == pytest.approx(float(losses["auxiliary"]), rel=1e-5)


def test_c_star_that_stands_still_is_remarked_once_a_part_of_the_run_is_done(model: Path) -> None:
    stage = small_stage(small("storyworld-tiny/stage1"), model, model.parent / "cache")
    inputs = draw_batch(stage.dataset, 0)
    with torch.no_grad():
        untrained = stage.loss(inputs)["motion"]  # of an AlignFormer from nothing: the anchor, repeated
    assert float(untrained) == pytest.approx(0.0, abs=1e-6)
    assert motion_of(inputs.clean, inputs.clean) == pytest.approx(1.0)
    assert float(motion_of(0.5 * inputs.clean, inputs.clean)) == pytest.approx(0.25, rel=1e-5)
    told = stage.remark({"motion": 0.01}, 0.5)
    assert told is not None and told.startswith("c* has collapsed to the anchor: over a clip it moves 1.0% of what")
    assert stage.remark({"motion": 0.01}, 0.1) is None and stage.remark({"motion": 0.5}, 0.5) is None
