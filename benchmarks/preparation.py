"""What happens once per video, before denoising: texts, image latent and AlignFormer, by each contestant.

B1, the research code's way, re-implemented from its description and with everything resident: every frame's prompt is
encoded, padded to 512; the image and 80 black frames go through the VAE in overlapping tiles, and all latents but the
first are dropped; AlignFormer runs once per latent frame, recomputes what no frame changes, and makes its attention
matrices in full.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from benchmarks.contestants import CONTEXT, Scale
from benchmarks.parts import random_part
from reasondiff.alignformer import AlignFormer, sinusoid
from reasondiff.backends.wan.conditioning import encode_anchor_latents, normalised

__all__ = [
    "AlignInputs",
    "ResearchAligner",
    "align_b1",
    "align_one_by_one",
    "image_b0",
    "image_b1",
    "image_ours",
    "research_aligner",
    "starts",
    "texts",
    "tiles",
]


def tiles(scale: Scale) -> tuple[tuple[int, int], tuple[int, int]]:
    """The research code's VAE tiles and their stride, in latents: half a side each, half overlapping."""
    return (scale.height // 2, scale.width // 2), (scale.height // 4, scale.width // 4)


@dataclass(frozen=True)
class AlignInputs:
    """What AlignFormer reads for one video, ours and B1's."""

    anchors: Tensor
    row: Tensor
    narrative: Tensor
    lengths: Tensor
    segment_of: Tensor
    base: Tensor
    frame_texts: list[Tensor]

    @classmethod
    def random(cls, scale: Scale, device: str, segments: int, row: int = 0) -> Self:
        frames, dim = scale.timeline.num_latent_frames, scale.parts["alignformer"]["text_dim"]
        torch.manual_seed(1)

        def randn(*shape: int) -> Tensor:
            return torch.randn(*shape, device=device).to(scale.dtype)

        return cls(
            anchors=randn(1, 16, 2, scale.height, scale.width),
            row=torch.tensor([row], device=device),
            narrative=randn(1, segments, scale.words, dim),
            lengths=torch.full((1, segments), scale.words, device=device),
            segment_of=torch.tensor([[segments * frame // frames for frame in range(frames)]], device=device),
            base=randn(1, 20, scale.height, scale.width),
            frame_texts=[randn(1, CONTEXT, dim)] * (frames - 1),
        )

    @property
    def ours(self) -> tuple[Tensor, ...]:
        return self.anchors, self.row, self.narrative, self.lengths, self.segment_of


def texts(encoder: Any, ids: Sequence[Tensor], masks: Sequence[Tensor] | None = None) -> list[Tensor]:
    """Encoded texts [tokens, dim]; B1 gives all frames' padded prompts as one batch, ours one distinct text at a time.

    Args:
        encoder: umT5.
        ids: per batch [texts, tokens].
        masks: the same, 1 for tokens that are not padding; None on the meta device, where nobody can look at them.
    """
    masks = [None] * len(ids) if masks is None else masks  # type: ignore[list-item]
    encoded = [encoder(batch, attention_mask=mask).last_hidden_state for batch, mask in zip(ids, masks, strict=True)]
    return [text for batch in encoded for text in batch.unbind(0)]


def image_b0(vae: Any, image: Tensor, num_frames: int) -> Tensor:
    """Stock diffusers' condition: the image, then grey frames, all encoded."""
    return normalised(vae, vae.encode(_clip(image, num_frames)).latent_dist.mode())


def image_b1(vae: Any, image: Tensor, num_frames: int, tile: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """The same clip in overlapping tiles, blended; only the first latent is used.

    Args:
        vae: Wan's.
        image: [batch, 3, height, width].
        num_frames: of the clip.
        tile: height and width in latents.
        stride: from tile to tile.
    """
    clip, scale = _clip(image, num_frames), vae.config["scale_factor_spatial"]
    high, wide = clip.shape[-2] // scale, clip.shape[-1] // scale
    total = weight = None
    for top in starts(high, tile[0], stride[0]):
        for left in starts(wide, tile[1], stride[1]):
            rows, columns = slice(top, min(top + tile[0], high)), slice(left, min(left + tile[1], wide))
            pixels = [slice(part.start * scale, part.stop * scale) for part in (rows, columns)]
            latents = vae.encode(clip[..., pixels[0], pixels[1]]).latent_dist.mode()
            if total is None:
                total = latents.new_zeros(*latents.shape[:-2], high, wide)
                weight = latents.new_zeros(high, wide)
            ramp = _ramp(latents.shape[-2], latents)[:, None] * _ramp(latents.shape[-1], latents)
            total[..., rows, columns] += latents * ramp
            weight[rows, columns] += ramp
    return normalised(vae, total / weight)[:, :, :1]


def image_ours(vae: Any, image: Tensor, *, repeated: bool = True) -> Tensor:
    """The image as a first frame and, for an anchor that is none, repeated for a chunk."""
    return encode_anchor_latents(vae, image, repeated=repeated)


class ResearchAligner(nn.Module):
    """An AlignFormer of the research code's shape: a token per latent pixel, 4 heads, softmax written out.

    Two layers of text self-attention, (in the first) image self-attention with the same weights, cross-attention and
    one linear layer; mask channels among the inputs and outputs. Position codes, which cost nothing, are left out.
    """

    def __init__(self, channels: int = 20, text_dim: int = 4096, dim: int = 2048, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.proj_in, self.text_in = nn.Linear(channels, dim), nn.Linear(text_dim, dim)
        self.self_attention = nn.ModuleList(_qkvo(dim) for _ in range(2))
        self.cross_attention = nn.ModuleList(_qkvo(dim) for _ in range(2))
        self.mlp = nn.ModuleList(nn.Linear(dim, dim) for _ in range(2))
        self.norm = nn.LayerNorm(dim)
        self.proj_out = nn.Linear(dim, channels)

    def forward(self, anchor: Tensor, text: Tensor) -> Tensor:
        """One latent frame [batch, channels, height, width] from the anchor's latent and its text [batch, 512, dim]."""
        image, words = self.proj_in(anchor.flatten(2).transpose(1, 2)), self.text_in(text)
        for layer in range(2):
            words = self.norm(words + self._attend(self.self_attention[layer], words, words))
            if layer == 0:
                image = self.norm(image + self._attend(self.self_attention[layer], image, image))
            image = self.norm(image + self._attend(self.cross_attention[layer], image, words))
            image = self.norm(image + self.mlp[layer](image))
        return self.proj_out(image).transpose(1, 2).unflatten(2, anchor.shape[-2:])

    def _attend(self, layers: Any, queries: Tensor, keys: Tensor) -> Tensor:
        to_q, to_k, to_v, to_out = layers
        return to_out(written_out(to_q(queries), to_k(keys), to_v(keys), self.heads))


def written_out(query: Tensor, key: Tensor, value: Tensor, heads: int, is_key: Tensor | None = None) -> Tensor:
    """Softmax attention that makes its whole matrix."""
    query, key, value = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if is_key is not None:
        scores = scores.masked_fill(~is_key[:, None, None], -math.inf)
    return (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)


def research_aligner(scale: Scale, device: str) -> ResearchAligner:
    """A random one of AlignFormer's width."""
    config = scale.parts["alignformer"]
    return random_part(lambda: ResearchAligner(text_dim=config["text_dim"], dim=config["dim"]), scale.dtype, device)


def align_b1(aligner: ResearchAligner, inputs: AlignInputs) -> Tensor:
    """All latent frames but the anchor's, one call each."""
    return torch.stack([aligner(inputs.base, text) for text in inputs.frame_texts], dim=2)


def align_one_by_one(former: AlignFormer, inputs: AlignInputs) -> Tensor:
    """What ``AlignFormer.forward`` returns for one video, the straightforward way: frame after frame, nothing shared.

    Eq. 3-5 as they are written: every frame's own description is encoded, the anchor is encoded for every frame, the
    position is added before each projection and the softmax is written out.
    """
    anchors, _, narrative, lengths, segment_of = inputs.ours
    row = int(inputs.row)
    frames, config = segment_of.shape[1], former.config
    time = sinusoid(torch.arange(frames, device=anchors.device), config["dim"], config["time_period"]).to(former.dtype)
    repeated = anchors[:, :, [0] + [-1] * (frames - 1)]
    with _softmax_written_out(former):
        told = [former.encode_narrative(narrative[:, s : s + 1], lengths[:, s : s + 1]) for s in segment_of[0].tolist()]
        summary = torch.stack([_mean(text, is_text) for text, is_text in told], dim=1)  # [1, f, d]
        predicted = []
        for frame, (text, is_text) in enumerate(told):
            if frame == row:
                predicted.append(repeated[:, :, frame])
                continue
            here = time[frame]
            tokens = former.encode_anchor_tokens(repeated[:, :, row], time[row][None])
            coarse, fine = former.coarse, former.fine
            seen = _attended(coarse, coarse.norm(tokens) + here, summary + time)
            tokens = coarse.fully_connected(tokens + seen)
            seen = _attended(fine, fine.norm(tokens) + here, text[:, 0] + here, is_text[:, 0])
            tokens = fine.fully_connected(tokens + seen)
            like = repeated[:, :, frame : frame + 1]
            predicted.append((like + former.decode(tokens[:, None], like))[:, :, 0])
    return torch.stack(predicted, dim=2)


def _attended(stage: Any, query: Tensor, keys: Tensor, is_key: Tensor | None = None) -> Tensor:
    attention = stage.attention
    return attention.to_out(
        written_out(attention.to_q(query), attention.to_k(keys), attention.to_v(keys), attention.num_heads, is_key)
    )


def _mean(text: Tensor, is_text: Tensor) -> Tensor:
    return (text * is_text[..., None]).sum(2)[:, 0] / is_text.sum(2)


class _softmax_written_out:  # noqa: N801
    """Inside the block AlignFormer's own attentions make their matrices in full."""

    def __init__(self, former: AlignFormer) -> None:
        self.layers: list[Any] = [former.anchor_attention.attention, former.narrative_attention.attention]

    def __enter__(self) -> None:
        for layer in self.layers:
            layer.attend = lambda q, k, v, is_key=None, heads=layer.num_heads: written_out(q, k, v, heads, is_key)

    def __exit__(self, *_: object) -> None:
        for layer in self.layers:
            del layer.attend


def _qkvo(dim: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Linear(dim, dim) for _ in range(4))


def _clip(image: Tensor, num_frames: int) -> Tensor:
    rest = image.new_zeros(*image.shape[:2], num_frames - 1, *image.shape[2:])
    return torch.cat([image[:, :, None], rest], dim=2)


def starts(length: int, tile: int, stride: int) -> list[int]:
    """Where tiles begin: none that would lie wholly within the one before."""
    return [start for start in range(0, length, stride) if start == 0 or start - stride + tile < length]


def _ramp(length: int, like: Tensor) -> Tensor:
    """Weights that fall off linearly towards both ends."""
    steps = torch.arange(1, length + 1, device=like.device, dtype=like.dtype)
    return torch.minimum(steps, steps.flip(0))
