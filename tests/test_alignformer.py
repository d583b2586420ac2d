"""What AlignFormer must be true to, whatever its weights (Section 3.3 and Algorithm 1 of the paper)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from reasondiff.alignformer import AlignFormer, grid_sinusoid, sinusoid
from reasondiff.errors import InputError
from tests import tiny

CHANNELS, TEXT_DIM = 4, 12


def model(*, randomised: bool = True, seed: int = 0, **config: int) -> AlignFormer:
    """A small AlignFormer; randomised, its output projection is no longer zero."""
    with tiny.seeded(seed):
        settings = {"in_channels": CHANNELS, "text_dim": TEXT_DIM, "dim": 32, "num_heads": 8} | config
        former = AlignFormer(**settings).eval()
        if randomised:
            torch.nn.init.normal_(former.proj_out.weight, std=0.1)
            torch.nn.init.normal_(former.proj_out.bias, std=0.1)
    return former


@dataclass(frozen=True)
class Inputs:
    anchor_latents: Tensor
    anchor_latent_frame: Tensor
    narrative: Tensor
    lengths: Tensor
    segment_of: Tensor
    time_index: Tensor | None = None

    def __call__(self, former: AlignFormer) -> Tensor:
        with torch.no_grad():
            return former(**vars(self))


def inputs(frames: int = 9, anchor: int = 5, *, size: tuple[int, int] = (6, 8), seed: int = 0) -> Inputs:
    """Two videos; the frames read four descriptions of different lengths, padded to seven tokens."""
    lengths = torch.tensor([[7, 3, 5, 1], [2, 6, 4, 7]])
    text = tiny.randn(2, 4, 7, TEXT_DIM, seed=seed + 1)
    return Inputs(
        anchor_latents=tiny.randn(2, CHANNELS, 2, *size, seed=seed),
        anchor_latent_frame=torch.tensor([anchor, 0]),
        narrative=text * (torch.arange(7) < lengths[..., None])[..., None],
        lengths=lengths,
        segment_of=torch.stack([torch.arange(frames) * 4 // frames, torch.arange(frames) % 4]),
    )


def repeated(story: Inputs) -> Tensor:
    first, held = story.anchor_latents[:, :, :1], story.anchor_latents[:, :, 1:]
    return torch.cat([first, held.expand(-1, -1, story.segment_of.shape[1] - 1, -1, -1)], dim=2)


def test_an_untrained_alignformer_returns_exactly_the_repeated_anchor() -> None:
    story = inputs()
    assert torch.equal(story(model(randomised=False)), repeated(story))


def test_a_single_latent_is_repeated_in_every_row() -> None:
    story = inputs()
    first = story.anchor_latents[:, :, :1]
    output = replace(story, anchor_latents=first)(model(randomised=False))
    assert torch.equal(output, first.expand_as(output))


@pytest.mark.parametrize("anchor", [0, 1, 8])
def test_the_anchors_row_is_the_anchors_own_latent_and_no_other_row_is(anchor: int) -> None:
    story = inputs(anchor=anchor)
    output = story(model())
    kept = (output == repeated(story)).all(dim=(1, 3, 4))
    assert kept.tolist() == [[row == anchor for row in range(9)], [row == 0 for row in range(9)]]


def test_a_frame_depends_on_its_own_words_only_once_the_coarse_stage_is_fixed() -> None:
    former, story = model(), inputs()
    time = sinusoid(torch.arange(9).expand(2, 9), 32, 1000.0)
    tokens = tiny.randn(2, 9, 12, 32)

    def fine(narrative: Tensor) -> Tensor:
        with torch.no_grad():
            text, is_text = former.encode_narrative(narrative, story.lengths)
            return former.decode(former.fine(tokens, time, text, is_text, story.segment_of), repeated(story))

    changed = story.narrative.clone()
    changed[0, 2, 1] += 1.0  # one word of the third description of the first video
    same = (fine(changed) == fine(story.narrative)).all(dim=(1, 3, 4))
    assert same.tolist() == [[segment != 2 for segment in story.segment_of[0].tolist()], [True] * 9]


def test_the_coarse_stage_tells_every_frame_what_happens_in_the_others() -> None:
    former, story = model(), inputs()
    changed = story.narrative.clone()
    changed[0, 2, 1] += 1.0
    difference = (replace(story, narrative=changed)(former) - story(former)).abs().amax(dim=(1, 3, 4))
    assert (difference[0] > 0).tolist() == [row != 5 for row in range(9)]  # all but the anchor's
    assert not difference[1].any()


def test_the_same_story_in_another_order_is_another_story() -> None:
    # The coarse stage's keys carry their time: without it the first five rows could not see that later clips swapped.
    former, story = model(), inputs(anchor=0)
    swapped = story.segment_of.clone()
    swapped[0, 5:] = torch.tensor([3, 3, 2, 2])
    difference = (replace(story, segment_of=swapped)(former) - story(former)).abs().amax(dim=(1, 3, 4))
    assert (difference[0, 1:] > 1e-6).all()


@given(order=st.permutations(range(1, 9)))
@settings(max_examples=15, deadline=None)
def test_permuting_frames_together_with_their_positions_permutes_the_rows(order: list[int]) -> None:
    former, straight = model(), inputs(anchor=5)
    permutation = torch.tensor([0, *order])  # row 0 starts from another latent than the rest
    shuffled = replace(
        straight,
        anchor_latent_frame=torch.tensor([permutation.tolist().index(5), 0]),
        segment_of=straight.segment_of[:, permutation],
        time_index=permutation.expand(2, 9),
    )
    torch.testing.assert_close(shuffled(former), straight(former)[:, :, permutation], atol=1e-5, rtol=0)


def test_positions_count_from_zero_unless_given() -> None:
    former, story = model(), inputs()
    counted = replace(story, time_index=torch.arange(9).expand(2, 9))
    shifted = replace(story, time_index=torch.arange(9).expand(2, 9) * 2 + 3)
    assert torch.equal(story(former), counted(former))
    assert not torch.allclose(story(former), shifted(former))


def test_a_model_built_for_33_frames_runs_at_81_and_at_any_size() -> None:
    former = model()
    assert inputs(frames=9)(former).shape == (2, CHANNELS, 9, 6, 8)
    assert inputs(frames=21, anchor=20, size=(10, 4))(former).shape == (2, CHANNELS, 21, 10, 4)


def test_gradients_reach_every_parameter() -> None:
    former, story = model(), inputs()
    former.train()
    former(**vars(story)).square().mean().backward()
    silent = [
        name for name, weight in former.named_parameters() if weight.grad is None or not weight.grad.abs().max() > 0
    ]
    assert silent == []


def test_checkpointing_gives_the_same_gradients() -> None:
    story, gradients = inputs(), []
    for checkpointed in (False, True):
        former = model()
        if checkpointed:
            former.enable_gradient_checkpointing()
        former.train()(**vars(story)).square().mean().backward()
        gradients.append([weight.grad for weight in former.parameters()])
    torch.testing.assert_close(*gradients)


def test_saving_and_loading_keeps_the_output(tmp_path: Path) -> None:
    former, story = model(mlp_ratio=3), inputs()
    former.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "diffusion_pytorch_model.safetensors"}
    loaded = AlignFormer.from_pretrained(tmp_path)
    assert torch.equal(story(loaded), story(former))


def test_in_half_precision_the_anchors_row_stays_exact() -> None:
    story = inputs()
    output = story(model().to(torch.bfloat16))
    assert output.dtype == torch.float32
    assert torch.equal(output[0, :, 5], repeated(story)[0, :, 5])
    torch.testing.assert_close(output, story(model()), atol=0.05, rtol=0)


def test_moving_one_patch_of_the_anchor_moves_its_effect() -> None:
    # A token knows where it is: the same patch at another place does something else there.
    former, story = model(), inputs(anchor=8)

    def effect(row: int, column: int) -> Tensor:
        latents = story.anchor_latents.clone()
        latents[:, :, :, row : row + 2, column : column + 2] += 1.0
        marked = replace(story, anchor_latents=latents)
        return (marked(former) - repeated(marked) - story(former) + repeated(story))[0, :, 3].norm(dim=0)

    for row, column in ((0, 0), (2, 6), (4, 2)):
        here = effect(row, column)
        assert divmod(int(here.argmax()), 8) in {(row + i, column + j) for i in (0, 1) for j in (0, 1)}
    assert not torch.allclose(effect(0, 0)[:2, :2], effect(4, 2)[4:6, 2:4])


def test_a_blank_anchor_still_tells_its_corners_apart() -> None:
    # Every patch is equal here, so only the sinusoid of row and column can make the rows of c* vary in space.
    story = replace(inputs(anchor=8), anchor_latents=torch.zeros(2, CHANNELS, 2, 6, 8))
    patches = (
        story(model())[0, :, 3]
        .unflatten(1, (3, 2))
        .unflatten(3, (4, 2))
        .permute(1, 3, 0, 2, 4)
        .flatten(2)
        .flatten(0, 1)
    )
    assert torch.pdist(patches).min() > 1e-4


def test_padding_is_never_read() -> None:
    former, story = model(), inputs()
    beyond = torch.arange(7) >= story.lengths[..., None]
    noisy = torch.where(beyond[..., None], torch.full_like(story.narrative, 9.0), story.narrative)
    assert torch.equal(replace(story, narrative=noisy)(former), story(former))


def test_the_shared_form_equals_the_papers_equations_written_out() -> None:
    # Eq. 3-5 frame by frame: h~_j = h_j + pe_j before W_K and W_V, every frame with its own copy of everything.
    former, story = model(), inputs()
    expected = repeated(story)
    for video in range(2):
        for frame in range(9):
            if frame != story.anchor_latent_frame[video]:
                expected[video, :, frame] += written_out(former, story, video, frame)
    torch.testing.assert_close(story(former), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def written_out(former: AlignFormer, story: Inputs, video: int, frame: int) -> Tensor:
    def pe(index: int) -> Tensor:
        return sinusoid(torch.tensor(index), 32, 1000.0)

    def attend(attention: torch.nn.Module, query: Tensor, keys: Tensor) -> Tensor:
        q, k, v = attention.to_q(query), attention.to_k(keys), attention.to_v(keys)
        heads = [
            ((a @ b.T) / a.shape[-1] ** 0.5).softmax(-1) @ c
            for a, b, c in zip(q.chunk(8, -1), k.chunk(8, -1), v.chunk(8, -1), strict=True)
        ]
        return attention.to_out(torch.cat(heads, dim=-1))

    def self_attend(block: torch.nn.Module, x: Tensor) -> Tensor:
        return x + attend(block.attention, block.norm(x), block.norm(x))

    i = int(story.anchor_latent_frame[video])
    anchor = story.anchor_latents[video, :, min(i, 1)]
    flat = F.unfold(anchor[None], kernel_size=2, stride=2)[0].T
    c = former.proj_in(flat) + grid_sinusoid(3, 4, 32, 1000.0, anchor.device) + pe(i)
    c = self_attend(former.anchor_attention, c)
    words = []
    for segment in story.segment_of[video].tolist():
        text = story.narrative[video, segment, : story.lengths[video, segment]]
        words.append(former.narrative_norm(self_attend(former.narrative_attention, former.text_in(text))))
    coarse, fine = former.coarse, former.fine
    summary = torch.stack([word.mean(0) + pe(index) for index, word in enumerate(words)])
    c = coarse.fully_connected(c + attend(coarse.attention, coarse.norm(c) + pe(frame), summary))
    c = fine.fully_connected(c + attend(fine.attention, fine.norm(c) + pe(frame), words[frame] + pe(frame)))
    return F.fold(former.proj_out(former.norm_out(c)).T[None], (6, 8), kernel_size=2, stride=2)[0]


def cost(former: AlignFormer, frames: int, segments: int = 4) -> int:
    """FLOPs of one video of 16 x 16 latents with descriptions of 32 tokens."""
    story = Inputs(
        torch.zeros(1, CHANNELS, 2, 16, 16, device="meta"),
        torch.zeros(1, dtype=torch.long, device="meta"),
        torch.zeros(1, segments, 32, TEXT_DIM, device="meta"),
        torch.full((1, segments), 32, device="meta"),
        torch.zeros(1, frames, dtype=torch.long, device="meta"),
    )
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        story(former)
    return counter.get_total_flops()


@pytest.mark.parametrize("dim", [128, 512])
def test_flops_grow_with_the_frames_and_no_faster(dim: int) -> None:
    former = model(dim=dim).to("meta")
    assert cost(former, 41) <= 2.2 * cost(former, 21)


def test_a_description_is_projected_once_however_many_frames_read_it() -> None:
    former = model(dim=128).to("meta")
    per_segment = cost(former, 9, segments=5) - cost(former, 9, segments=4)
    tokens, dim, hidden = 32, 128, 128
    projections = 2 * tokens * dim * (TEXT_DIM + 4 * dim + 2 * dim)  # text_in, self-attention, fine K and V
    attention = 4 * tokens * tokens * hidden
    assert per_segment == pytest.approx(projections + attention + 2 * tokens * dim, rel=0.01)


def test_no_matrix_of_frames_by_tokens_by_tokens_is_ever_made() -> None:
    sizes: list[int] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Callable[..., object], types: object, args: tuple = (), kwargs: dict | None = None
        ) -> object:
            out = func(*args, **(kwargs or {}))
            sizes.extend(t.numel() for t in (out if isinstance(out, tuple | list) else [out]) if isinstance(t, Tensor))
            return out

    story = inputs(frames=21, size=(32, 32))  # 256 tokens
    with Watch():
        story(model())
    assert max(sizes) <= 2 * 21 * 256 * 64  # the widest thing is the fully-connected layer, twice the width


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(InputError, match=r"7x8 do not divide into patches of 2x2"):
        inputs(size=(7, 8))(model())
    with pytest.raises(InputError, match="width 36 is no multiple of 4 and of its 8 heads"):
        model(dim=36)
    with pytest.raises(InputError, match="span 2 latent frames"):
        model(patch_size=(2, 2, 2))
