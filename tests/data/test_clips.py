"""Whoever's clips they are: one class that implements ``ClipSource`` is all that the stages need."""

from __future__ import annotations

import random

import pytest
import torch

from reasondiff.data.clips import AnchorLatents, ClipLatents, ClipSource, FrameCaptions
from reasondiff.data.loader import draw_batch
from reasondiff.narrative import Narrative
from reasondiff.timeline import Timeline
from reasondiff.training.stages.base import BaseDataset
from reasondiff.training.stages.flow import FlowOptions, Inputs
from reasondiff.training.stages.reason import ReasonDataset


class HolidayVideos:
    """Two clips of nine frames that somebody has captioned."""

    timeline = Timeline(9)

    def __len__(self) -> int:
        return 2

    def latents(self, index: int) -> ClipLatents:
        clean = torch.full((4, 3, 2, 2), float(index + 1))
        return ClipLatents(clean, first_frame_condition=-clean)

    def anchor(self, index: int, rng: random.Random) -> AnchorLatents:
        as_first, repeated = torch.full((4, 1, 2, 2), 5.0), torch.full((4, 1, 2, 2), 6.0)
        return AnchorLatents(rng.randrange(9), torch.cat([as_first, repeated], dim=1))

    def caption(self, index: int, rng: random.Random) -> str:
        return "A beach."

    def frame_captions(self, index: int, rng: random.Random) -> FrameCaptions:
        return FrameCaptions(tuple(f"Wave {number}." for number in range(9)), style="A film.")

    def narrative(self, index: int, frame: int, rng: random.Random) -> Narrative:
        return Narrative.from_ends([(4, "The sea lies still."), (9, "A wave comes.")], frame, 9, style="A film.")


SOURCE: ClipSource = HolidayVideos()
OPTIONS = FlowOptions(batch=64, drop_text=0.25)


def base(**changes: float) -> Inputs:
    nothing = torch.full((1, 4, 3, 2, 2), 9.0)
    options = {"drop_image": 0.25, **changes}
    return draw_batch(BaseDataset(SOURCE, OPTIONS, empty_condition=nothing, **options), 0)


def test_the_base_is_given_the_first_frame_or_nothing_and_a_caption_short_or_long() -> None:
    inputs = base()
    assert inputs.first_frame_condition is not None
    for clean, mask, condition in zip(inputs.clean, inputs.mask, inputs.first_frame_condition, strict=True):
        assert torch.equal(condition, -clean if mask.any() else torch.full_like(clean, 9.0))
        assert mask.any() == mask[:, 0].all() and not mask[:, 1:].any()
    assert {plan.prompts for plan in inputs.plans} == {
        ("",),
        ("A beach.",),
        ("A film. The sea lies still. A wave comes.",),
    }
    assert base(drop_image=0.0).mask[:, :, 0].all() and not base(drop_image=1.0).mask.any()


@pytest.mark.parametrize("per_frame", [0.0, 1.0])
def test_any_frame_is_the_anchor_and_every_latent_frame_has_its_text(per_frame: float) -> None:
    inputs = draw_batch(ReasonDataset(SOURCE, OPTIONS, per_frame=per_frame), 0)
    assert inputs.anchors is not None and inputs.anchor_latent_frame is not None
    assert set(inputs.anchor_latent_frame.tolist()) == {0, 1, 2}
    for latent_frame, anchor, mask in zip(inputs.anchor_latent_frame, inputs.anchors, inputs.mask, strict=True):
        assert (anchor[:, 1] == (5.0 if latent_frame == 0 else 6.0)).all()
        assert mask[:, latent_frame].any() and mask.sum() == mask[:, latent_frame].sum()
    assert all(len(plan.segment_of) == 3 for plan in inputs.plans)
    told = {prompt for plan in inputs.plans for prompt in plan.prompts}
    words = "Wave" if per_frame else "The sea lies still."
    assert "" in told and any(words in prompt for prompt in told)
    assert any(prompt.startswith("A film. ") for prompt in told)


def test_without_a_text_per_frame_every_latent_frame_reads_the_clips_caption() -> None:
    inputs = draw_batch(ReasonDataset(SOURCE, OPTIONS, per_frame=1.0, single_text=True), 0)
    assert {plan.prompts for plan in inputs.plans} == {("",), ("A beach.",)}
    assert all(plan.segment_of == (0, 0, 0) for plan in inputs.plans)


def test_the_time_index_is_plain_half_of_the_time_and_else_reaches_beyond_the_clip() -> None:
    inputs = draw_batch(ReasonDataset(SOURCE, OPTIONS, per_frame=0.5), 0)
    assert inputs.time_index is not None
    plain = (inputs.time_index == torch.arange(3)).all(1).float().mean()
    assert 0.3 < plain < 0.75
    steps = inputs.time_index.diff(dim=1)
    assert set(steps.flatten().tolist()) == {1, 2} and (steps[:, 0] == steps[:, 1]).all()
    assert inputs.time_index.max() > 10
