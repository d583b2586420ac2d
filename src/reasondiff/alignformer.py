"""AlignFormer: the anchor's latent and the narrative in, one predicted latent per latent frame out.

Section 3.3, Figure 2, Eq. 3-5, Algorithm 1 and Appendix A.1 of the paper.

It runs once per video, and what does not depend on the target frame j is computed once: the anchor's tokens and their
self-attention, and the self-attention, keys and values of each distinct description. Legend for the shapes below:

    b videos   f latent frames   s distinct descriptions   l text tokens   n image tokens   d width
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from reasondiff.errors import CheckpointError, InputError
from reasondiff.narrative.frame_plan import FramePlan

__all__ = ["AlignFormer", "enhanced_latents", "nearest_latents", "pad_texts", "sinusoid"]


class AlignFormer(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers' own bases disagree
    """Multi-stage Temporal Anchor Attention: predicts every latent frame from the anchor and the narrative.

    The output projection starts at zero, so an untrained AlignFormer returns exactly the repeated anchor.

    Args:
        in_channels: channels of the VAE's latents.
        text_dim: width of the text encoder's output.
        dim: width of the tokens, a multiple of 4 and of ``num_heads``.
        num_heads: heads of every attention.
        mlp_ratio: hidden width of the fully-connected layers over ``dim``.
        patch_size: latent frames (always one), rows and columns per token.
        time_period: slowest wavelength, over 2 pi, of the code of latent frame indices.
        space_period: the same for rows and columns.

    Raises:
        InputError: the widths do not divide, or a patch spans several latent frames.
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        in_channels: int = 16,
        text_dim: int = 4096,
        dim: int = 2048,
        num_heads: int = 8,
        mlp_ratio: float = 2.0,
        patch_size: Sequence[int] = (1, 2, 2),
        time_period: float = 1000.0,
        space_period: float = 1000.0,
    ) -> None:
        super().__init__()
        if dim % num_heads or dim % 4:
            raise InputError(f"AlignFormer's width {dim} is no multiple of 4 and of its {num_heads} heads; give one.")
        if patch_size[0] != 1:
            raise InputError(f"AlignFormer's patches span {patch_size[0]} latent frames; give a patch size (1, h, w).")
        patch = in_channels * math.prod(patch_size)
        self.proj_in = nn.Linear(patch, dim)  # phi_proj of Eq. 3
        self.text_in = nn.Linear(text_dim, dim)
        self.anchor_attention = SelfAttention(dim, num_heads)
        self.narrative_attention = SelfAttention(dim, num_heads)
        self.narrative_norm = nn.LayerNorm(dim)
        self.coarse = CoarseStage(dim, num_heads, mlp_ratio)
        self.fine = FineStage(dim, num_heads, mlp_ratio)
        self.norm_out = nn.LayerNorm(dim)
        self.proj_out = nn.Linear(dim, patch)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)
        self.gradient_checkpointing = False

    def forward(
        self,
        anchor_latents: Tensor,
        anchor_latent_frame: Tensor,
        narrative: Tensor,
        lengths: Tensor,
        segment_of: Tensor,
        time_index: Tensor | None = None,
    ) -> Tensor:
        """Predict the latent of every latent frame (Algorithm 1, MultiFrameReasoning).

        Args:
            anchor_latents: [batch, channels, 2, height, width], normalised: the image as a first frame, then the image
                repeated (``conditioning.encode_anchor_latents``). Latent frame 0 starts from the first, every other one
                from the second; or all from the only one, for an anchor at frame 0.
            anchor_latent_frame: [batch], the latent frame i that holds the anchor.
            narrative: [batch, segments, tokens, text_dim], the text encoder's output for each distinct description.
            lengths: [batch, segments], tokens that are not padding; what lies beyond them is never read.
            segment_of: [batch, latent_frames], the description that each latent frame reads.
            time_index: [batch, latent_frames], of each latent frame; 0, 1, 2, ... unless given. Training
                draws its offset and stride, so that longer videos are not new to the model.

        Returns:
            c* [batch, channels, latent_frames, height, width] in the anchor's dtype; frame i is the anchor's latent.

        Raises:
            InputError: the latents do not divide into patches.
        """
        latent_frames = torch.arange(segment_of.shape[1], device=segment_of.device)
        videos = torch.arange(segment_of.shape[0], device=segment_of.device)
        repeated = anchor_latents[:, :, [0] + [-1] * (len(latent_frames) - 1)]  # c* <- repeat(c_i, f)
        times = latent_frames.expand_as(segment_of) if time_index is None else time_index
        time = sinusoid(times, self.config["dim"], self.config["time_period"]).to(self.dtype)  # [b, f, d]

        image = self.encode_anchor_tokens(repeated[videos, :, anchor_latent_frame], time[videos, anchor_latent_frame])
        text, is_text = self.encode_narrative(narrative, lengths)
        tokens = self._stage(self.coarse, image, time, pooled(text, is_text), segment_of)
        tokens = self._stage(self.fine, tokens, time, text, is_text, segment_of)

        predicted = repeated + self.decode(tokens, repeated)
        is_anchor = latent_frames == anchor_latent_frame[:, None]
        return torch.where(is_anchor[:, None, :, None, None], repeated, predicted)  # c*_i <- c_i

    def encode_anchor_tokens(self, anchor: Tensor, time: Tensor) -> Tensor:
        """The anchor's tokens [b, n, d] (Eq. 3): patches that know their row, their column and the anchor's time.

        Args:
            anchor: [b, channels, height, width], c_i.
            time: [b, d], the code of i.
        """
        _, high, wide = self.config["patch_size"]
        rows, columns = anchor.shape[-2] // high, anchor.shape[-1] // wide
        if anchor.shape[-2:] != (rows * high, columns * wide):
            size = "x".join(map(str, anchor.shape[-2:]))
            raise InputError(f"Latents of {size} do not divide into patches of {high}x{wide}; give another frame size.")
        patches = anchor.unflatten(-2, (rows, high)).unflatten(-1, (columns, wide))  # [b, c, rows, high, columns, wide]
        patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)  # [b, n, c * high * wide]
        place = grid_sinusoid(rows, columns, self.config["dim"], self.config["space_period"], device=anchor.device)
        tokens = self.proj_in(patches.to(self.dtype)) + place.to(self.dtype) + time[:, None]
        return self.anchor_attention(tokens)

    def encode_narrative(self, narrative: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Each description's tokens h [b, s, l, d] after attention among themselves, and which of them are text."""
        # A batch pads its stories to the same number of descriptions; an empty one still needs one key to attend to.
        is_text = torch.arange(narrative.shape[2], device=lengths.device) < lengths.clamp(min=1)[..., None]
        tokens = self.text_in(narrative.to(self.dtype))  # [b, s, l, d]
        tokens = self.narrative_attention(tokens.flatten(0, 1), is_text.flatten(0, 1)).unflatten(0, narrative.shape[:2])
        return self.narrative_norm(tokens), is_text

    def decode(self, tokens: Tensor, like: Tensor) -> Tensor:
        """What the tokens [b, f, n, d] add to the latents ``like``, in their shape and dtype."""
        _, high, wide = self.config["patch_size"]
        rows, columns = like.shape[-2] // high, like.shape[-1] // wide
        patches = self.proj_out(self.norm_out(tokens)).unflatten(2, (rows, columns)).unflatten(-1, (-1, high, wide))
        return patches.permute(0, 4, 1, 2, 5, 3, 6).flatten(5, 6).flatten(3, 4).to(like)

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """As in diffusers, but nothing is unpickled, and a weight that the files lack is an error, not a random number.

        Raises:
            CheckpointError: the files are of another version.
        """
        loaded: Any = super().from_pretrained(
            *args, **(kwargs | {"output_loading_info": True, "use_safetensors": True})
        )
        model, report = loaded
        if wrong := sorted([*report["missing_keys"], *report["unexpected_keys"]]):
            raise CheckpointError(
                f"The AlignFormer's weights do not fit this version, starting with {wrong[0]!r}; export it again."
            )
        return (model, report) if kwargs.get("output_loading_info") else model

    def _stage(self, stage: nn.Module, *inputs: Tensor) -> Tensor:
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            return self._gradient_checkpointing_func(stage, *inputs)  # type: ignore[misc]
        return stage(*inputs)


def enhanced_latents(
    alignformer: AlignFormer,
    anchor_latents: Tensor,
    anchor_latent_frames: Sequence[int] | Tensor,
    plans: Sequence[FramePlan],
    text_embeds: Mapping[str, Tensor],
    time_index: Tensor | None = None,
) -> Tensor:
    """c*, as generation and training both compute it.

    Args:
        alignformer: the model.
        anchor_latents: [batch, channels, 1 or 2, height, width], see ``AlignFormer.forward``; they say the device.
        anchor_latent_frames: one per video.
        plans: one per video: the description that each latent frame reads.
        text_embeds: each description's tokens [tokens, text_dim], without padding.
        time_index: see ``AlignFormer.forward``.

    Returns:
        [batch, channels, latent_frames, height, width].
    """
    device = anchor_latents.device
    texts = [list(map(text_embeds.__getitem__, plan.prompts)) for plan in plans]
    narrative, lengths = pad_texts(texts)
    predicted: Tensor = alignformer(
        anchor_latents,
        torch.as_tensor(anchor_latent_frames, device=device),
        narrative.to(device),
        lengths.to(device),
        torch.tensor([plan.segment_of for plan in plans], device=device),
        time_index,
    )
    return predicted


def nearest_latents(predicted: Sequence[Tensor], anchor_latent_frames: Sequence[int]) -> Tensor:
    """One video of several anchors: every latent frame from the anchor that is nearest in time, the earlier of two.

    Args:
        predicted: per anchor its c* [1, channels, latent_frames, height, width], from ``enhanced_latents``.
        anchor_latent_frames: of each.

    Returns:
        Of the shape of one of them; of a single anchor, that one.
    """
    if len(predicted) == 1:
        return predicted[0]
    order = sorted(range(len(predicted)), key=lambda number: anchor_latent_frames[number])
    frames = range(predicted[0].shape[2])
    nearest = [min(order, key=lambda number: abs(anchor_latent_frames[number] - frame)) for frame in frames]
    return torch.cat([predicted[number][:, :, frame : frame + 1] for frame, number in enumerate(nearest)], dim=2)


def pad_texts(texts: Sequence[Sequence[Tensor]]) -> tuple[Tensor, Tensor]:
    """Every video's texts [tokens, text_dim], padded with zeros.

    Returns:
        [batch, segments, tokens, text_dim], and how many tokens are no padding [batch, segments].
    """
    segments = max(map(len, texts))
    longest = max(len(text) for own in texts for text in own)
    example = texts[0][0]
    padded = example.new_zeros(len(texts), segments, longest, example.shape[-1])
    lengths = torch.zeros(len(texts), segments, dtype=torch.long, device=example.device)
    for video, own in enumerate(texts):
        for segment, text in enumerate(own):
            padded[video, segment, : len(text)] = text
            lengths[video, segment] = len(text)
    return padded, lengths


class Attention(nn.Module):
    """Multi-head attention in two halves, so that callers share what they can: projections, and attending.

    W_Q, W_K and W_V have no bias: one on the keys would cancel in the softmax and never learn.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(dim, dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, is_key: Tensor | None = None) -> Tensor:
        """Softmax(Q K^T / sqrt(d)) V of Eq. 5, per head and before ``to_out``.

        Args:
            query: [m, queries, d].
            key: [m, keys, d].
            value: [m, keys, d].
            is_key: [m, keys], False for padding.
        """
        query, key, value = (x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (query, key, value))
        mask = None if is_key is None else is_key[:, None, None]
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """One residual self-attention over [m, tokens, d]."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads)

    def forward(self, tokens: Tensor, is_token: Tensor | None = None) -> Tensor:
        x, attention = self.norm(tokens), self.attention
        return tokens + attention.to_out(
            attention.attend(attention.to_q(x), attention.to_k(x), attention.to_v(x), is_token)
        )


class FullyConnected(nn.Module):
    """The residual layer after each cross-attention: c* <- MLP(c*) + c* (Algorithm 1, line 7)."""

    def __init__(self, dim: int, mlp_ratio: float) -> None:
        super().__init__()
        hidden = int(dim * mlp_ratio)
        self.norm = nn.LayerNorm(dim)
        self.layers = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + self.layers(self.norm(tokens))


class CoarseStage(nn.Module):
    """First cross-attention: every target frame looks at all frames' pooled narratives, at what happens when."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads)
        self.fully_connected = FullyConnected(dim, mlp_ratio)

    def forward(self, image: Tensor, time: Tensor, summaries: Tensor, segment_of: Tensor) -> Tensor:
        """From the anchor's tokens, which all targets share, to one set of tokens per target frame.

        Args:
            image: [b, n, d].
            time: [b, f, d], the code of each frame's index.
            summaries: [b, s, d], each description's mean token.
            segment_of: [b, f].

        Returns:
            [b, f, n, d].
        """
        attention = self.attention
        # W_Q(c + pe_j) = W_Q c + W_Q pe_j: the large product is made once, not once per target frame.
        query = attention.to_q(self.norm(image))[:, None] + attention.to_q(time)[:, :, None]  # [b, f, n, d]
        narrative = summaries.take_along_dim(segment_of[..., None], dim=1) + time  # h~_j = h_j + pe_j
        seen = attention.attend(query.flatten(1, 2), attention.to_k(narrative), attention.to_v(narrative))
        return self.fully_connected(image[:, None] + attention.to_out(seen).unflatten(1, query.shape[1:3]))


class FineStage(nn.Module):
    """Second cross-attention: every target frame reads the words of its own description."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads)
        self.fully_connected = FullyConnected(dim, mlp_ratio)

    def forward(self, tokens: Tensor, time: Tensor, text: Tensor, is_text: Tensor, segment_of: Tensor) -> Tensor:
        """Frame j attends to h~_j = h_j + pe_j, the tokens of description ``segment_of[j]`` at time j.

        Args:
            tokens: [b, f, n, d].
            time: [b, f, d].
            text: [b, s, l, d].
            is_text: [b, s, l].
            segment_of: [b, f].

        Returns:
            [b, f, n, d].
        """
        attention, frames = self.attention, tokens.shape[:2]
        stories = torch.arange(frames[0], device=tokens.device)[:, None]

        def of_frame(x: Tensor) -> Tensor:  # [b, s, ...] -> [b * f, ...]
            return x[stories, segment_of].flatten(0, 1)

        query = attention.to_q(self.norm(tokens) + time[:, :, None]).flatten(0, 1)
        # Within one frame pe_j is the same for every key: W_K pe_j cancels in the softmax and W_V pe_j passes through
        # it unchanged, so that keys and values are projected once per description.
        key, value, shift = attention.to_k(text), attention.to_v(text), attention.to_v(time)
        seen = attention.attend(query, of_frame(key), of_frame(value), of_frame(is_text)).unflatten(0, frames)
        return self.fully_connected(tokens + attention.to_out(seen + shift[:, :, None]))


def pooled(text: Tensor, is_text: Tensor) -> Tensor:
    """The mean [b, s, d] of each description's tokens [b, s, l, d]."""
    weight = is_text / is_text.sum(-1, keepdim=True)
    return torch.einsum("bsl,bsld->bsd", weight.to(text), text)


def sinusoid(coordinates: Tensor, dim: int, period: float) -> Tensor:
    """Sines and cosines [..., dim] of coordinates [...] (whole or fractional), in fp32."""
    frequencies = period ** -(torch.arange(dim // 2, device=coordinates.device) / (dim // 2))
    angles = coordinates[..., None].float() * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def grid_sinusoid(rows: int, columns: int, dim: int, period: float, device: torch.device) -> Tensor:
    """The code [rows * columns, dim] of a grid: half of it tells the row, half the column."""
    down = sinusoid(torch.arange(rows, device=device), dim // 2, period)
    across = sinusoid(torch.arange(columns, device=device), dim // 2, period)
    grid = torch.cat([down[:, None].expand(-1, columns, -1), across[None].expand(rows, -1, -1)], dim=-1)
    return grid.flatten(0, 1)
