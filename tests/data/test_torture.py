"""Whatever people have on their disks: every file gets its row, and the good ones train."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch

from reasondiff.backends.wan.encoders import Encoders
from reasondiff.data.caption_set import clips_of
from reasondiff.data.captions import READY_MADE, ClipCaptions, read_captions
from reasondiff.data.clips import AnchorImage
from reasondiff.data.encoded import EncodedClip, read_encoded
from reasondiff.data.loader import draw_batch
from reasondiff.data.precompute import precompute
from reasondiff.data.records import write_lines
from reasondiff.data.sample import sample
from reasondiff.data.scan import scan
from reasondiff.data.sets import write_set
from reasondiff.data.shards import ShardReader
from reasondiff.data.videos import VideoClips, held_out, without_held_out
from reasondiff.errors import InputError
from reasondiff.media import read_video
from reasondiff.recipes.wan_videos import RELEASED_CODE, STAGE1, STAGE2, VideoReasonRecipe
from reasondiff.training.stages.flow import FlowOptions
from reasondiff.training.stages.reason import ReasonStage
from tests import tiny
from tests.data.sets import SAMPLING
from tests.data.videos import torture, video


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def tortured(tmp_path_factory: pytest.TempPathFactory, model: Path) -> tuple[Path, dict[str, str | None]]:
    """An encoded set made of everything that is bad, and why each file cannot be used."""
    folder = tmp_path_factory.mktemp("torture")
    expected = torture(folder / "videos")
    video(folder / "videos" / "four-k.mp4", count=12, fps=5, size=(3840, 2160))
    expected["four-k.mp4"] = None
    names = [*expected, "plain.mp4", "nowhere.mp4"]  # one twice, one that is not there
    rows = "".join(f"{name};A cat | dog, number {number}.\n" for number, name in enumerate(names))
    # As a spreadsheet writes it: a mark at the beginning, semicolons, and a bar inside the captions.
    (folder / "videos" / "metadata.csv").write_text("\ufefffile_name;text\n" + rows, encoding="utf-8")
    place = folder / "set"
    found = scan(folder / "videos")
    write_set(place, found)
    done = sample(place, folder / "videos", SAMPLING)
    told = [ClipCaptions(clip.id, clip.origin, "clip", clip.captions, READY_MADE).stamped() for clip in done.clips]
    write_lines(place / "captions.jsonl", told)
    precompute(place, Encoders(str(model), precision="fp32"))
    reasons = {row.row: row.reason for row in (*found.unusable, *done.unusable)}
    assert any("nowhere.mp4" in row or "no such file" in reason or "is not there" in reason
               for row, reason in reasons.items())  # fmt: skip
    return place, expected


def recipe(place: Path, model: Path) -> VideoReasonRecipe:
    small = replace(
        STAGE1,
        base_model=str(model),
        frozen_weights="fp32",
        flow=FlowOptions(batch=2, timesteps="uniform", motion_weight=1.0),
        optimization=replace(STAGE1.optimization, gradient_accumulation_steps=1, precision="fp32"),
        alignformer=replace(STAGE1.alignformer, in_channels=4, text_dim=tiny.TEXT_DIM, dim=16),
        lora=replace(STAGE1.lora, r=2),
    )
    return small.with_data(place, keep_steps=False)


def test_every_file_has_its_row_and_the_good_ones_are_clips(tortured: tuple[Path, dict[str, str | None]]) -> None:
    place, expected = tortured
    good = {name for name, reason in expected.items() if reason is None}
    assert {clip.origin for clip in clips_of(place)} == good
    unusable = (place / "unusable.jsonl").read_text(encoding="utf-8")
    for name, reason in expected.items():
        assert reason is None or reason in unusable, name
    _, rows = read_encoded(place)
    assert {row.origin for row in rows} == good
    assert all("|" in text for row in rows for text in row.texts)  # a bar in a caption is a character like others


def test_the_good_ones_train(tortured: tuple[Path, dict[str, str | None]], model: Path, tmp_path: Path) -> None:
    plan = recipe(tortured[0], model)
    assert plan.optimization.steps == 4  # eight clips in batches of two, once; a fifth of ten is held out
    stage = plan.build(tmp_path, tmp_path, "cpu")
    assert isinstance(stage, ReasonStage)
    inputs = draw_batch(stage.dataset, 0)
    assert inputs.anchor_images is not None and inputs.anchor_images.shape == (2, 3, 32, 32)
    loss = stage.loss(inputs)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    trained = stage.trainable()
    moved = [name for name, parameter in trained.items() if parameter.grad is not None and parameter.grad.any()]
    assert any("lora_B" in name for name in moved) and "alignformer.proj_out.weight" in moved
    assert len(trained) == sum(parameter.requires_grad for parameter in stage.transformer.parameters()) + len(
        list(stage.alignformer.parameters())
    )


@pytest.mark.parametrize("frozen_weights", ["fp32", "bf16"])
def test_held_out_clips_are_measured_and_made_anew(
    tortured: tuple[Path, dict[str, str | None]], model: Path, tmp_path: Path, frozen_weights: Literal["fp32", "bf16"]
) -> None:
    plan = replace(recipe(tortured[0], model), validation_clips=1, validation_steps=1, frozen_weights=frozen_weights)
    plan = replace(plan, optimization=replace(plan.optimization, precision=frozen_weights))
    stage = plan.build(tmp_path, tmp_path, "cpu")
    assert isinstance(stage, ReasonStage) and stage.held_out is not None
    (unseen,), seen = stage.held_out.source.rows, stage.dataset.source.rows  # type: ignore[attr-defined]
    assert len(seen) == 9 and unseen.origin not in {row.origin for row in seen}
    measured = stage.validate(tmp_path)
    assert stage.validate(tmp_path) == measured  # the same draws and the same noise
    assert set(measured) == {"anchor_psnr", "eval_loss", "eval_denoising", "eval_auxiliary"}
    assert all(math.isfinite(value) for value in measured.values())
    assert measured["eval_loss"] == pytest.approx(measured["eval_denoising"])  # beta is 0
    assert read_video(tmp_path / "0.mp4").frames.shape == (9, 32, 32, 3) and (tmp_path / "generated.png").is_file()
    torch.nn.init.normal_(stage.alignformer.proj_out.weight, generator=torch.Generator().manual_seed(0))
    assert stage.validate(tmp_path)["eval_auxiliary"] > measured["eval_auxiliary"]


def test_whole_videos_are_held_out_and_few_of_a_small_set() -> None:
    rows = [
        EncodedClip(f"{video}-{clip}", f"{video}.mp4", "", 0.0, 0.2, "", "clip", ("A cat.",), "m")
        for video in range(10)
        for clip in range(3)
    ]
    for wanted, clips in ((0, 0), (1, 3), (4, 6), (100, 6)):
        unseen, seen = held_out(rows, wanted), without_held_out(rows, wanted)
        assert len(unseen) == clips and len(unseen) + len(seen) == 30
        assert not {row.origin for row in unseen} & {row.origin for row in seen}
    assert held_out(rows[:12], 8) == []  # four videos
    assert held_out(list(reversed(rows)), 1)[0].origin == held_out(rows, 1)[0].origin


def test_the_patch_embedding_can_have_a_lora_that_is_loaded_again(
    tortured: tuple[Path, dict[str, str | None]], model: Path, tmp_path: Path
) -> None:
    plan = replace(recipe(tortured[0], model), patch_embedding=True)
    stage = plan.build(tmp_path, tmp_path, "cpu")
    assert isinstance(stage, ReasonStage)
    [(_, weight)] = [item for item in stage.adapters.items() if "patch_embedding.lora_B" in item[0]]
    torch.nn.init.normal_(weight)
    stage.export(tmp_path / "adapter")
    again = replace(plan, from_weights=str(tmp_path / "adapter")).build(tmp_path, tmp_path, "cpu")
    assert isinstance(again, ReasonStage)
    assert all(torch.equal(again.adapters[name], value) for name, value in stage.adapters.items())


def test_noise_levels_are_drawn_as_the_recipe_says(tortured: tuple[Path, dict[str, str | None]], model: Path) -> None:
    from reasondiff.training.stages.flow import FlowDataset

    clips = VideoClips(tortured[0])
    clean = torch.zeros(4000, 1, 1, 1, 1)
    drawn = {}
    for shift in (1.0, 5.0):
        options = FlowOptions(timesteps="uniform", shift=shift)
        drawn[shift] = FlowDataset(clips, options).noise(clean, torch.Generator().manual_seed(0))[1]
    quarters = torch.histc(drawn[1.0], bins=4, min=0, max=1) / 4000
    assert (quarters - 0.25).abs().max() < 0.03
    assert torch.allclose(drawn[5.0], 5 * drawn[1.0] / (1 + 4 * drawn[1.0]))
    with pytest.raises(InputError, match="A shift of 0 leaves no noise"):
        FlowOptions(shift=0)


def test_anchors_are_drawn_as_the_recipe_says(tortured: tuple[Path, dict[str, str | None]]) -> None:
    def frames(kind: str, draws: int = 60) -> set[int]:
        clips = VideoClips(tortured[0], anchor_frames=kind)  # type: ignore[arg-type]
        rng = random.Random(0)
        return {clips.anchor_frame(rng) for _ in range(draws)}

    assert frames("uniform") == set(range(9)) and frames("ends") == {0, 8}
    clips = VideoClips(tortured[0], anchor_frames="latent")
    rng = random.Random(0)
    at_start = sum(clips.anchor_frame(rng) == 0 for _ in range(3000)) / 3000
    assert abs(at_start - 1 / 3) < 0.03  # one of three latent frames, which holds one frame
    anchor = clips.anchor(0, random.Random(1))
    assert isinstance(anchor, AnchorImage) and anchor.pixels.shape == (3, 32, 32) and anchor.pixels.abs().max() <= 1
    with pytest.raises(InputError, match="cannot be drawn as 'middle'; give one of uniform, latent, ends"):
        frames("middle")


def test_a_set_of_captions_per_frame_tells_runs(tortured: tuple[Path, dict[str, str | None]]) -> None:
    clips = VideoClips(tortured[0])
    rng = random.Random(0)
    story = clips.narrative(0, 4, rng)
    assert story.num_frames == 9 and story.anchor_frame == 4 and story.interval == 0.2 and len(story.clips) == 1
    assert len(clips.frame_captions(0, rng).texts) == 9 and clips.caption(0, rng) in clips.rows[0].texts


def test_what_moved_or_broke_is_said(tortured: tuple[Path, dict[str, str | None]], model: Path, tmp_path: Path) -> None:
    import shutil

    place = tmp_path / "set"
    shutil.copytree(tortured[0], place)  # a set moves as a whole
    plan = recipe(place, model)
    [shard] = (place / "encoded" / "latents").iterdir()
    _, rows = read_encoded(place)
    (place / rows[0].path).rename(place / "elsewhere.mp4")
    with pytest.raises(InputError, match=r"is gone from .*; move a set as a whole"):
        VideoClips(place)
    (place / "elsewhere.mp4").rename(place / rows[0].path)
    tensors = {row.clip: ShardReader(shard.parent).get(shard.name, row.clip) for row in rows}
    tensors[rows[3].clip] = tensors[rows[3].clip] * float("nan")
    from safetensors.torch import save_file

    save_file(tensors, shard)
    clips = VideoClips(place)
    clips.latents(0)
    with pytest.raises(InputError, match=r"not finite; remove it, and run reasondiff data precompute again\."):
        clips.latents(3)
    with pytest.raises(InputError, match=r"whose VAE is another than that of"):
        plan.source(tiny.vae(seed=3), tmp_path)
    (place / "encoded" / "index.jsonl").write_text('{"clip": "a"}\n')
    with pytest.raises(InputError, match="is no EncodedClip"):
        VideoClips(place)
    with pytest.raises(
        InputError, match=r"has 8 clips to train on and a step takes 16; add videos, or give a smaller --batch"
    ):
        replace(STAGE1, flow=FlowOptions(batch=2)).with_data(tortured[0], keep_steps=False)
    with pytest.raises(InputError, match="wan-14b/stage2 goes on with an adapter; give it with --from-weights"):
        replace(STAGE2, data=str(place)).check(tmp_path)


def test_the_recipes_spell_out_the_paper_and_the_released_code() -> None:
    for plan in (STAGE1, STAGE2):
        batch = plan.flow.batch * plan.optimization.gradient_accumulation_steps
        assert (plan.width, plan.height, plan.num_frames, plan.interval, batch) == (512, 512, 33, 0.2, 8)
        assert (plan.optimization.lr, plan.flow.timesteps, plan.epochs) == (1e-5, "uniform", 1.0)
        assert {plan.optimization.lr_at(step) for step in (0, 600, 1249)} == {1e-5}
    assert (STAGE1.beta, STAGE2.beta, STAGE2.follows) == (0.0, 0.2, STAGE1.name)
    lora = RELEASED_CODE.lora
    assert lora is not None and (lora.r, RELEASED_CODE.optimization.lr) == (16, 1e-4)
    assert (RELEASED_CODE.width, RELEASED_CODE.height, RELEASED_CODE.optimization.steps) == (832, 480, 10 * 2000)


def test_what_is_in_8_bits_is_not_shared_out(tmp_path: Path) -> None:
    shared = replace(STAGE1, data="set", optimization=replace(STAGE1.optimization, shard_weights=True))
    with pytest.raises(InputError, match="Weights in float8 are not shared out; set frozen_weights=bf16"):
        replace(shared, frozen_weights="float8").check(tmp_path)
    with pytest.raises(InputError, match="AdamW in 8 bits knows no shared weights"):
        replace(shared, optimization=replace(shared.optimization, eight_bit=True)).check(tmp_path)


def test_captions_that_came_with_the_videos_are_marked(tortured: tuple[Path, dict[str, str | None]]) -> None:
    assert {each.by for each in read_captions(tortured[0]).values()} == {READY_MADE}
