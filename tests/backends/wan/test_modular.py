"""Blocks of Modular Diffusers: loaded from a folder, with stock's denoising, the same video as ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import ClassifierFreeGuidance, ModularPipeline
from diffusers.modular_pipelines.wan.modular_blocks_wan_vace import Wan22VaceCoreDenoiseStep
from diffusers.video_processor import VideoProcessor

from reasondiff.backends.wan.modular import DenoiseStep, save_blocks
from reasondiff.errors import InputError
from reasondiff.narrative import Narrative
from reasondiff.narrator import ScriptedNarrator
from reasondiff.pipeline.generate import draw_noise
from tests import tiny
from tests.backends.wan.test_vace import IMAGE, NEGATIVE, ours

STORY = Narrative.from_ends([(9, "An intact vase"), (17, "A broken vase")], 15, 17, interval=1 / 16)
OPTIONS: dict[str, Any] = {"num_inference_steps": 3, "width": 48, "height": 64, "num_frames": 17}


@pytest.fixture(scope="module")
def modular(tmp_path_factory: pytest.TempPathFactory) -> ModularPipeline:
    folder = tmp_path_factory.mktemp("modular") / "reasondiff-vace"
    save_blocks(folder)
    assert {path.name for path in folder.iterdir()} == {"modular_config.json", "modular_model_index.json", "block.py"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(folder.parent / "cache"))
        pipe = ModularPipeline.from_pretrained(str(folder), trust_remote_code=True)
    parts = tiny.vace_pipeline().components
    pipe.update_components(
        **{name: parts[name] for name in ("tokenizer", "text_encoder", "vae", "scheduler", "transformer")},
        video_processor=VideoProcessor(vae_scale_factor=8),
        guider=ClassifierFreeGuidance(guidance_scale=3.0),
        boundary_ratio=0.0,  # one transformer for all noise levels
    )
    return pipe


def test_the_folder_s_blocks_are_ours_around_stock_s(modular: ModularPipeline) -> None:
    assert list(modular.blocks.sub_blocks) == ["narrate", "text", "place", "denoise", "decode"]
    denoise = modular.blocks.sub_blocks["denoise"]
    assert type(denoise).__name__ == DenoiseStep.__name__
    stock = Wan22VaceCoreDenoiseStep()
    assert [type(block) for block in denoise.sub_blocks.values()] == [
        type(block) for block in stock.sub_blocks.values()
    ]


def test_it_makes_the_video_that_our_pipeline_makes(modular: ModularPipeline) -> None:
    pipe = ours()
    settings = pipe.settings(IMAGE, STORY, guidance_scale=3.0, negative_prompt=NEGATIVE, **OPTIONS)
    noise, _ = draw_noise(pipe.model, 1, settings)
    expected = pipe(
        IMAGE, narrative=STORY, latents=noise, guidance_scale=3.0, negative_prompt=NEGATIVE, max_sequence_length=16,
        shortest_clip=0.0, **OPTIONS,
    ).frames[0]  # fmt: skip
    videos = modular(
        image=IMAGE, narrative=STORY, latents=noise, negative_prompt=NEGATIVE, max_sequence_length=16, output="videos",
        **OPTIONS,
    )  # fmt: skip
    np.testing.assert_allclose(videos[0], expected, atol=2e-5)
    moved = modular(
        image=IMAGE, narrative=STORY, position=2, latents=noise, max_sequence_length=16, output="videos", **OPTIONS
    )
    assert not np.allclose(moved[0], expected, atol=1e-3)


def test_a_narrator_tells_it_and_nobody_is_refused(modular: ModularPipeline) -> None:
    clips = [{"end": 9, "description": "An intact vase"}, {"end": 17, "description": "A broken vase"}]
    narrator = ScriptedNarrator([{"clips": clips, "position": 16}])
    told = modular(
        image=IMAGE, prompt="A cat plays.", narrator=narrator, max_sequence_length=16, output="narrative",
        generator=torch.Generator().manual_seed(0), **OPTIONS,
    )  # fmt: skip
    assert told.anchor_frame == 15 and told.num_frames == 17
    with pytest.raises(InputError, match="neither a narrative nor a narrator"):
        modular(image=IMAGE, prompt="A cat plays.", **OPTIONS)
