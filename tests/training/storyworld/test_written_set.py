"""StoryWorld is one source among others: a recipe on a written set computes what it computes on the drawn clips."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reasondiff.backends.wan.building import load_vae
from reasondiff.backends.wan.conditioning import encode_video
from reasondiff.backends.wan.encoders import Encoders
from reasondiff.checkpoints import find_model
from reasondiff.data.captions import text_runs
from reasondiff.data.clips import AnchorImage, ClipLatents, FrameCaptions
from reasondiff.data.loader import draw_batch
from reasondiff.data.precompute import precompute
from reasondiff.data.videos import VideoClips
from reasondiff.errors import InputError
from reasondiff.media import video_frames
from reasondiff.media.tensors import to_tensor
from reasondiff.narrative import Anchor, Clip, Narrative
from reasondiff.recipes.storyworld_tiny import QUICK
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw
from reasondiff.timeline import Timeline
from reasondiff.training.stages.reason import ReasonDataset, ReasonStage
from reasondiff.training.storyworld.written_set import write_storyworld_set
from tests import tiny

TAKES = TakeSet("train")


class Drawn:
    """The same takes without any file: drawn and encoded here."""

    timeline = Timeline(33)

    def __init__(self, vae: object) -> None:
        self.vae = vae

    def __len__(self) -> int:
        return 2

    @torch.no_grad()
    def latents(self, index: int) -> ClipLatents:
        video = to_tensor(draw(TAKES[index])[None])
        return ClipLatents(encode_video(self.vae, video)[0].bfloat16().float())

    def anchor(self, index: int, rng: random.Random) -> AnchorImage:
        frame = rng.randint(0, 32)
        return AnchorImage(frame, to_tensor(draw(TAKES[index])[None, frame : frame + 1])[0, :, 0])

    def caption(self, index: int, rng: random.Random) -> str:
        raise AssertionError("these stages read none")

    def frame_captions(self, index: int, rng: random.Random) -> FrameCaptions:
        return FrameCaptions(captions.frame_captions(TAKES[index], TAKES.rng(index, "frames")))

    def narrative(self, index: int, frame: int, rng: random.Random) -> Narrative:
        runs = text_runs(self.frame_captions(index, rng).texts)
        return Narrative(tuple(Clip(run.start, run.end, run.text) for run in runs), (Anchor(frame),), 33, 0.2)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    write_storyworld_set(folder, TAKES, 2)
    precompute(folder, Encoders("storyworld-tiny", precision="fp32"))
    return folder


def test_clips_are_kept_bit_by_bit(written: Path) -> None:
    for index, row in enumerate(VideoClips(written).rows):
        assert np.array_equal(np.stack(list(video_frames(written / row.path))), draw(TAKES[index]))
        assert row.by == "StoryWorld" and len(row.texts) == 33


def test_the_bundled_recipe_has_the_same_losses(written: Path, tmp_path: Path) -> None:
    plan = QUICK.with_data(written, keep_steps=True)
    plan = replace(plan, optimization=replace(plan.optimization, precision="fp32"))
    assert (plan.data, plan.clips, plan.optimization.steps) == (str(written), 2, 5)
    stage = plan.build(tmp_path, tmp_path, "cpu")
    assert isinstance(stage, ReasonStage)
    drawn = ReasonDataset(Drawn(stage.pipe.vae), stage.options, per_frame=plan.per_frame)
    for step in range(1):
        from_set, from_drawing = draw_batch(stage.dataset, step), draw_batch(drawn, step)
        assert from_set.plans == from_drawing.plans
        with torch.no_grad():
            losses, expected = stage.loss(from_set), stage.loss(from_drawing)
        assert losses.keys() == expected.keys()
        assert all(torch.equal(losses[name], expected[name]) for name in losses)


def test_a_set_of_another_vae_is_refused(written: Path, tmp_path: Path) -> None:
    plan = QUICK.with_data(written, keep_steps=True)
    with pytest.raises(InputError, match=r"was encoded with 'storyworld-tiny', whose VAE is another than that of"):
        plan.source(tiny.vae(), tmp_path)
    plan.source(load_vae(Path(find_model("storyworld-tiny"))), tmp_path)
