"""The decoder learns from what the generator makes; the encoder and the latents' scale stay what they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reasondiff.backends.wan.building import encoder_fingerprint, load_vae
from reasondiff.backends.wan.conditioning import unnormalised
from reasondiff.backends.wan.vae_whole_clip import decode
from reasondiff.checkpoints import bundled_folder
from reasondiff.data.loader import draw_batch
from reasondiff.media.tensors import psnr
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.recipes.storyworld_decoder import DECODER
from reasondiff.training.stages.flow import FlowOptions
from reasondiff.training.stages.reason import ReasonStage
from reasondiff.training.storyworld import regenerated
from reasondiff.training.storyworld.clips import storyworld_clips
from reasondiff.training.storyworld.decoder import DecoderStage
from reasondiff.training.storyworld.regenerated import Regeneration, regenerate, regenerated_clips

SMALL = replace(
    DECODER,
    clips=2,
    validation_clips=1,
    batch=3,
    compile=False,
    base_model="storyworld-tiny",
    regeneration=Regeneration(steps=2),
    optimization=replace(DECODER.optimization, precision="fp32"),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def stage(cache: Path) -> DecoderStage:
    built = SMALL.build(Path("nowhere"), cache, "cpu")
    assert isinstance(built, DecoderStage)
    return built


@pytest.fixture(scope="module")
def generator(stage: DecoderStage, cache: Path) -> ReasonStage:
    pipe = ReasonDiffPipeline.from_pretrained(bundled_folder("storyworld-tiny")).to(torch.float32)
    source = storyworld_clips(pipe.vae, 2, cache, hard=SMALL.hard, precision="fp32")
    options = FlowOptions(drop_text=0.0)
    return ReasonStage(pipe, source, options, adapters={}, beta=0.0, per_frame=0.0, validation=lambda pipe, folder: {})


def test_less_noise_leaves_more_of_a_clip(generator: ReasonStage) -> None:
    clean = generator.dataset.source.latents(1).clean[None]
    errors = []
    for sigma in (0.01, 0.4, 0.9):
        how = Regeneration(least_sigma=sigma, most_sigma=sigma, steps=2)
        errors.append((regenerate(generator, [1], how) - clean).square().mean().item())
    assert errors == sorted(errors)
    assert errors[0] < 0.01 < errors[1] < errors[2] < 1


def test_a_clip_is_made_alike_whoever_is_made_with_it(generator: ReasonStage) -> None:
    both = regenerate(generator, [0, 1], SMALL.regeneration)
    alone = regenerate(generator, [1], SMALL.regeneration)
    torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=0.0)


def test_what_was_made_is_read_again_and_made_anew_for_another_way(
    stage: DecoderStage, generator: ReasonStage, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def remade(stage: ReasonStage, indices: range, how: Regeneration) -> torch.Tensor:
        asked.append(how)
        return torch.zeros(len(indices), 1)

    monkeypatch.setattr(regenerated, "regenerate", remade)
    folder = cache / "regenerated" / "train"
    kept = regenerated_clips(generator, 2, folder, SMALL.regeneration, precision="fp32")
    assert torch.equal(kept, stage.dataset.regenerated) and not asked
    other = replace(SMALL.regeneration, guidance_scale=1.0)
    assert not regenerated_clips(generator, 2, folder, other, precision="fp32").any() and asked == [other]


def test_a_crop_of_latents_and_its_pixels_are_of_one_place(stage: DecoderStage) -> None:
    stage.dataset.true, before = 1.0, stage.dataset.true
    inputs = draw_batch(stage.dataset, 0)
    stage.dataset.true = before
    with torch.no_grad():
        decoded = decode(stage.vae, unnormalised(stage.vae, inputs.latents))
    for one, other in zip(decoded, inputs.clean, strict=True):
        here = psnr(one, other)
        assert here > 20
        assert here > psnr(one.roll(4, dims=-1), other)


def test_a_step_lowers_the_loss_and_an_export_keeps_the_encoder(stage: DecoderStage, tmp_path: Path) -> None:
    bundled = load_vae(bundled_folder("storyworld-tiny"))
    inputs = draw_batch(stage.dataset, 0)
    optimizer = torch.optim.AdamW(stage.trainable().values(), lr=1e-4)
    losses = []
    for _ in range(3):
        loss = stage.loss(inputs)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    trained = {name: weight.detach().clone() for name, weight in stage.trainable().items()}
    stage.export(tmp_path)
    exported = load_vae(tmp_path)
    assert encoder_fingerprint(exported) == encoder_fingerprint(bundled)
    moved = [not torch.equal(a, b) for a, b in zip(exported.parameters(), bundled.parameters(), strict=True)]
    assert any(moved) and not all(moved)
    before, after = bundled.decoder.conv_in.bias, exported.decoder.conv_in.bias
    torch.testing.assert_close(after, 0.6 * trained["decoder.conv_in.bias"] + 0.4 * before, atol=1e-3, rtol=0.0)


def test_a_validation_measures_both(stage: DecoderStage, tmp_path: Path) -> None:
    measured = stage.validate(tmp_path)
    assert measured["psnr"] > measured["psnr_regenerated"] > 15
    assert (tmp_path / "true-and-regenerated.png").exists()
