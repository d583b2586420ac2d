"""Soft routing: Prompt Relay's penalty by hand, and attention with it against attention written out."""

from __future__ import annotations

import math

import pytest
import torch

from reasondiff.backends.wan.framewise import AttentionRecord, FrameContext, FramePlan
from reasondiff.backends.wan.framewise.attention import attend_routed
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.narrative import Narrative
from reasondiff.narrative.frame_plan import Segment
from reasondiff.timeline import Timeline
from tests.tiny.cross_attention import EMBEDDINGS, FRAMES, TOLERANCE, scene

STORY = Narrative.from_ends([(25, "a"), (49, "b")], 0, 49, style="d")
"""Latent frames 0..6 read "a", 7..12 "b"."""


def plan(story: Narrative = STORY, shared: str = "d") -> FramePlan:
    return FramePlan.from_narrative(story, Timeline(story.num_frames), "soft", shared=shared)


def test_the_penalty_by_hand() -> None:
    soft = plan()
    assert soft.prompts == ("d a", "d b", "d") and soft.segment_of == (0,) * 7 + (1,) * 6
    sigma = 1 / math.log(1000)
    assert sigma == pytest.approx(0.1448, abs=5e-5)  # as the method's authors give it

    def penalty(beyond: float) -> float:
        return beyond**2 / (2 * sigma**2)

    penalties = soft.penalties
    # "a": 7 latent frames around 3.5, w = 1.5; latent frame 3 is at 3.5, 6 at 6.5, 7 at 7.5.
    assert [penalties[k][0] for k in (2, 3, 4, 5)] == pytest.approx([0, 0, 0, penalty(0.5)])
    assert penalties[6][0] == pytest.approx(penalty(1.5)) and penalties[7][0] == pytest.approx(penalty(2.5))
    # "b": 6 latent frames around 10, w = 1.
    assert [penalties[k][1] for k in (9, 10, 8, 7)] == pytest.approx([0, 0, penalty(0.5), penalty(1.5)])
    assert all(row[2] == 0 for row in penalties)  # the shared text is never penalised


def test_a_text_that_comes_twice_is_near_both_times() -> None:
    story = Narrative.from_ends([(17, "a"), (29, "b"), (49, "a")], 0, 49)
    penalties = FramePlan.from_narrative(story, Timeline(49), "soft").penalties
    assert penalties[2][0] == penalties[10][0] == 0  # the middles of both its times
    assert penalties[6][0] == pytest.approx((3.5 * math.log(1000)) ** 2 / 2)


def test_a_plan_without_a_shared_text_has_none() -> None:
    assert plan(shared=" ").shared is None and plan(shared=" ").prompts == ("d a", "d b")
    assert plan(shared="d a").prompts == ("d a", "d b") and len(plan(shared="d a").segments) == 3


def test_each_latent_frame_s_attention_is_the_formula() -> None:
    generator = torch.Generator().manual_seed(3)
    embeddings = {text: torch.randn(5 + n, 8, generator=generator) for n, text in enumerate(plan().prompts)}
    context = FrameContext.build(plan(), embeddings, text_length=40)
    long = FrameContext.build(plan(), embeddings, text_length=40, collapse=False)
    assert context.routing is not None and long.routing is not None
    assert context.text_tokens < long.text_tokens == 40
    query = torch.randn(13, 4, 1, 8, generator=generator)
    # With texts for keys and values, the padding that is merged must weigh as the padding that is written out.
    merged, written = (
        attend_routed(query, each.text[:, :, None], each.text[:, :, None], each.routing, None)
        for each in (context, long)
    )
    torch.testing.assert_close(merged, written, atol=1e-5, rtol=0)
    penalties = torch.tensor(plan().penalties).repeat_interleave(40, 1)  # [latent_frames, keys]
    logits = torch.einsum("fqd,kd->fqk", query[:, :, 0], long.text[0]) / math.sqrt(8) - penalties[:, None]
    expected = torch.einsum("fqk,kd->fqd", logits.softmax(-1), long.text[0])
    torch.testing.assert_close(written[:, :, 0], expected, atol=1e-5, rtol=0)


def test_in_the_transformer_soft_is_neither_hard_nor_concat() -> None:
    """Three latent frames: each text has a segment of its own, and the shared one is read everywhere."""
    subject = scene()

    def predicted(how: str) -> torch.Tensor:
        shares = FramePlan(("a", "b", "c", "d"), _rows(4), (0, 1, 2), how="soft", shared="d")
        hard = FramePlan(("a", "b", "c"), _rows(3), (0, 1, 2))
        context = subject.context(shares if how == "soft" else hard)
        return subject.predict(context)

    soft, hard = predicted("soft"), predicted("hard")
    assert soft.shape == hard.shape and FRAMES == 3
    assert not torch.allclose(soft, hard, atol=TOLERANCE)


def test_far_from_a_border_soft_without_a_shared_text_is_hard() -> None:
    """The nearest other segment is so far that exp(-penalty) is 0: only a shared text makes a difference."""
    subject = scene()
    soft = FramePlan(("a", "b", "c"), _rows(3), (0, 1, 2), how="soft")
    hard = FramePlan(("a", "b", "c"), _rows(3), (0, 1, 2))
    first, second = (subject.predict(subject.context(each)) for each in (soft, hard))
    torch.testing.assert_close(first, second, atol=TOLERANCE, rtol=0)


def test_what_it_cannot_do_is_said() -> None:
    subject = scene()
    context = subject.context(FramePlan(("a", "b", "d"), _rows(3), (0, 1, 1), how="soft", shared="d"))
    refused = pytest.raises(UnsupportedError, match="not recorded under soft routing; use text_mode='framewise'")
    with refused, subject.install().use(context, AttentionRecord({})):
        pass
    subject.transformer.set_attention_backend("_native_flash")
    with pytest.raises(UnsupportedError, match="takes no bias, which soft routing needs; use 'native'"):
        subject.predict(context)
    mixed = [FramePlan(("a",), (((0, 1.0),),), (0, 0, 0), how="soft"), FramePlan(("a",), (((0, 1.0),),), (0, 0, 0))]
    with pytest.raises(InputError, match="Some of the plans are 'soft' and some are not"):
        FrameContext.build(mixed, EMBEDDINGS, text_length=40)


def _rows(count: int) -> tuple[Segment, ...]:
    """A segment for each of so many prompts."""
    return tuple(((prompt, 1.0),) for prompt in range(count))
