"""Baselines run on tiny random checkpoints in the real layout; DynamiCrafter's adapter on a repository like its own."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLLTXVideo,
    CogVideoXDDIMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXVideoTransformer3DModel,
)
from PIL import Image
from transformers import T5Config, T5EncoderModel

from reasondiff.errors import CheckpointError
from reasondiff.evaluation.baselines import BASELINES
from reasondiff.evaluation.baselines.base import DiffusersBaseline
from reasondiff.evaluation.baselines.cogvideox import COGVIDEOX
from reasondiff.evaluation.baselines.dynamicrafter import DYNAMICRAFTER
from reasondiff.evaluation.baselines.ltx_video import LTX_VIDEO
from reasondiff.evaluation.baselines.wan import WAN
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.registry import find_systems
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.narrative import Narrative
from tests import tiny

CASE = Case("0001", Image.new("RGB", (70, 50), "olive"), "A cat plays.", seed=3)


def t5() -> dict[str, object]:
    torch.manual_seed(0)
    tokenizer = tiny.tokenizer()
    encoder = T5EncoderModel(
        T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4)
    )
    return {"tokenizer": tokenizer, "text_encoder": encoder}


def cogvideox() -> CogVideoXImageToVideoPipeline:
    torch.manual_seed(0)
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=8, out_channels=4, time_embed_dim=32,
        text_embed_dim=32, num_layers=1,
        sample_width=8, sample_height=8, sample_frames=9, patch_size=2, patch_size_t=2, patch_bias=False,
        use_rotary_positional_embeddings=True, ofs_embed_dim=32,
    )  # fmt: skip
    vae = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4, up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2,
        temporal_compression_ratio=4,
    )  # fmt: skip
    return CogVideoXImageToVideoPipeline(**t5(), vae=vae, transformer=transformer, scheduler=CogVideoXDDIMScheduler())


def ltx() -> LTXConditionPipeline:
    torch.manual_seed(0)
    transformer = LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=8, cross_attention_dim=16,
        num_layers=1, caption_channels=32,
    )  # fmt: skip
    vae = AutoencoderKLLTXVideo(
        latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1, 1),
        spatio_temporal_scaling=(True, True, False, False), decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False,) * 5, upsample_residual=(False,) * 4, upsample_factor=(1,) * 4,
        timestep_conditioning=True, patch_size=1, patch_size_t=1,
    )  # fmt: skip
    return LTXConditionPipeline(**t5(), vae=vae, transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler())


def made_at(baseline: DiffusersBaseline, folder: Path, **settings: object) -> DiffusersBaseline:
    """The baseline as it is, on fewer and smaller frames."""
    small = {**baseline.settings, "num_inference_steps": 2, **settings}
    return DiffusersBaseline(
        baseline.name, baseline.title, baseline.repo, small, baseline.multiple, 64, baseline.fps, baseline.pipeline
    ).at(str(folder))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' LTX gives numpy a tensor
@pytest.mark.parametrize("name", ["wan-i2v", "cogvideox1.5-5b-i2v", "ltx-video"])
def test_a_tiny_checkpoint_in_the_real_layout_runs(name: str, tmp_path: Path) -> None:
    if name == "wan-i2v":
        pipe, baseline, frames = tiny.pipeline(), WAN, 9
    elif name == "ltx-video":
        pipe, baseline, frames = ltx(), LTX_VIDEO, 9
    else:
        pipe, baseline, frames = cogvideox(), COGVIDEOX, 9
    pipe.save_pretrained(tmp_path, safe_serialization=True)
    system = made_at(baseline, tmp_path, num_frames=frames)
    (output,) = system.generate([CASE], Resources(tmp_path))
    assert isinstance(output, Output) and output.frames.dtype == np.uint8
    assert output.frames.shape == (frames, 64, 64, 3) and output.fps == 15 and output.anchor_frame == 0
    (again,) = system.generate([CASE], Resources(tmp_path))
    assert isinstance(again, Output) and np.array_equal(again.frames, output.frames), "the seed is the case's"
    assert system.fingerprint()["settings"] == system.settings and system.fingerprint()["weights"]


PAPER_SETTINGS = {
    "wan-i2v": {"num_frames": 81, "num_inference_steps": 50, "guidance_scale": 5.0},
    "cogvideox1.5-5b-i2v": {
        "num_frames": 81, "num_inference_steps": 50, "guidance_scale": 6.0, "use_dynamic_cfg": True
    },
    "ltx-video": {
        "num_frames": 81, "num_inference_steps": 8, "guidance_scale": 1.0, "frame_rate": 15,
        "decode_timestep": 0.05, "image_cond_noise_scale": 0.025,
    },
}  # fmt: skip
"""81 frames, and of Wan 50 steps and guidance 5, are the paper's (App. A.2); the rest is from each model's card."""


def test_paper_settings_and_places() -> None:
    assert [baseline.name for baseline in BASELINES] == ["dynamicrafter", "ltx-video", "cogvideox1.5-5b-i2v", "wan-i2v"]
    assert {baseline.name: baseline.settings for baseline in (WAN, COGVIDEOX, LTX_VIDEO)} == PAPER_SETTINGS
    crafter = (DYNAMICRAFTER.side, DYNAMICRAFTER.frames, DYNAMICRAFTER.fps, DYNAMICRAFTER.steps, DYNAMICRAFTER.guidance)
    assert crafter == (256, 16, 8, 50, 7.5)
    for baseline in (WAN, COGVIDEOX, LTX_VIDEO):
        assert (baseline.settings["num_frames"], baseline.side, baseline.fps) == (81, 512, 15)
    assert find_systems(["wan-i2v"])[0].fingerprint()["repo"] == WAN.repo  # type: ignore[attr-defined]
    with pytest.raises(CheckpointError, match=r"Nobody publishes LTX-Video-2B 0.9.6 distilled in diffusers' layout"):
        find_systems(["ltx-video"])
    with pytest.raises(CheckpointError, match=r"runs in its own repository; clone it"):
        find_systems(["dynamicrafter"])
    with pytest.raises(
        CheckpointError, match=r"trained by the recipe storyworld-tiny/no-aux-loss, and its weights are"
    ):
        find_systems(["no-aux-loss"])


_ITS_SCRIPT = """
import argparse, json, os, sys
parser = argparse.ArgumentParser()
for name in ("seed", "ckpt_path", "config", "savedir", "prompt_dir", "n_samples", "bs", "height", "width",
             "video_length", "frame_stride", "ddim_steps", "ddim_eta", "unconditional_guidance_scale"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--text_input", action="store_true")
asked = parser.parse_args()
prompt = open(os.path.join(asked.prompt_dir, "prompts.txt")).read()
if "fail" in prompt:
    sys.exit("CUDA out of memory")
os.makedirs(os.path.join(asked.savedir, "samples_separate"))
from PIL import Image
import numpy as np
from reasondiff.media import write_video
image = np.asarray(Image.open(os.path.join(asked.prompt_dir, "case.png")))
write_video(os.path.join(asked.savedir, "samples_separate", "case_sample0.mp4"),
            np.repeat(image[None], int(asked.video_length), axis=0), 8)
seen = {"prompt": prompt, "seed": asked.seed, "key": os.environ.get("OPENAI_API_KEY"), "cwd": os.getcwd(),
        "steps": asked.ddim_steps, "guidance": asked.unconditional_guidance_scale}
open("seen.json", "w").write(json.dumps(seen))
"""


def test_dynamicrafter_runs_as_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "Dynami Crafter; rm"  # a name that no shell would take
    for name in ("scripts/evaluation", "checkpoints/dynamicrafter_256_v1", "configs", ".venv/bin"):
        (repository / name).mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"There is no 'scripts/evaluation/inference\.py'"):
        DYNAMICRAFTER.at(str(repository))
    (repository / "scripts/evaluation/inference.py").write_text(_ITS_SCRIPT)
    (repository / "checkpoints/dynamicrafter_256_v1/model.ckpt").write_bytes(b"weights")
    (repository / "configs/inference_256_v1.0.yaml").write_text("")
    python = repository / ".venv/bin/python"
    paths = ":".join(path for path in sys.path if path)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    system = DYNAMICRAFTER.at(str(repository))
    cases = [Case("a", CASE.image, 'A "cat" $(plays).\nThen it goes.', seed=7), Case("b", CASE.image, "fail", seed=1)]
    made, failed = system.generate(cases, Resources(tmp_path))
    assert (
        isinstance(made, Output) and made.frames.shape == (16, 256, 256, 3) and (made.fps, made.anchor_frame) == (8, 0)
    )
    assert failed == Failure("DynamiCrafter ended with code 1: CUDA out of memory")
    seen = json.loads((repository / "seen.json").read_text())
    assert seen == {
        "prompt": 'A "cat" $(plays). Then it goes.\n', "seed": "7", "steps": "50", "guidance": "7.5",
        "key": None, "cwd": str(repository),
    }  # fmt: skip


def test_a_story_is_not_needed(tmp_path: Path) -> None:
    given = Case("a", CASE.image, "A cat.", 0, true_narrative=Narrative.from_ends([(9, "A cat.")], 4, 9)).as_given()
    assert given.true_narrative is None and given.read_reference is None and not given.strata
