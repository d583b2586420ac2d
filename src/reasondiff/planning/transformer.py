"""Closed forms of Wan's transformer: parameters, FLOPs, bytes. The tests count the real class against them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from reasondiff.planning.work import Work

__all__ = ["Transformer"]

_HEAD = 128
"""Width of an attention head, in all of Wan's models."""

_PASSES, _ENDS = 188, 20
"""Times that eager element-wise kernels read or write the hidden states (two bytes each) in a block, and outside of all
blocks: norms, gates and rotary embeddings, much of it in fp32. Counted."""


@dataclass(frozen=True)
class Transformer:
    """A ``WanTransformer3DModel``, or a ``WanVACETransformer3DModel``, which has a control branch beside it.

    Args:
        layers: blocks.
        dim: width.
        ffn: hidden width of the feed-forward layers.
        in_channels: noisy latents, mask and condition.
        out_channels: of the latents.
        patch: latent frames, rows and columns per token.
        text_dim: width of the text encoder's output.
        freq_dim: width of the timestep's sinusoid.
        image_dim: width of the image encoder's output; 0 where there is none.
        added_dim: input width of the image's key and value projections; 0 where there are none.
        pos_embed_seq_len: learned positions of the image tokens; 0 where there are none.
        cross_norm: learned norm before cross-attention.
        control_layers: blocks of VACE's control branch; 0 for image-to-video.
        control_channels: that it reads.
    """

    layers: int
    dim: int
    ffn: int
    in_channels: int
    out_channels: int
    patch: tuple[int, int, int]
    text_dim: int
    freq_dim: int
    image_dim: int
    added_dim: int
    pos_embed_seq_len: int
    cross_norm: bool
    control_layers: int = 0
    control_channels: int = 0

    keeps_keys_values: ClassVar[bool] = True
    pads_text: ClassVar[bool] = True

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From the transformer's ``config.json``."""
        time, high, wide = config.get("patch_size", (1, 2, 2))
        return cls(
            layers=config.get("num_layers", 40),
            dim=config.get("num_attention_heads", 40) * config.get("attention_head_dim", 128),
            ffn=config.get("ffn_dim", 13824),
            in_channels=config.get("in_channels", 16),
            out_channels=config.get("out_channels") or config.get("in_channels", 16),
            patch=(time, high, wide),
            text_dim=config.get("text_dim", 4096),
            freq_dim=config.get("freq_dim", 256),
            image_dim=config.get("image_dim") or 0,
            added_dim=config.get("added_kv_proj_dim") or 0,
            pos_embed_seq_len=config.get("pos_embed_seq_len") or 0,
            cross_norm=config.get("cross_attn_norm", True),
            control_layers=len(config.get("vace_layers") or ()),
            control_channels=config.get("vace_in_channels", 96) if config.get("vace_layers") else 0,
        )

    @property
    def all_layers(self) -> int:
        """Blocks of both branches; a call goes through all of them."""
        return self.layers + self.control_layers

    @property
    def block_parameters(self) -> int:
        """Of one block, without what a control block has beside it."""
        attention = 4 * _linear(self.dim, self.dim) + 2 * self.dim
        image = 2 * _linear(self.added_dim, self.dim) + self.dim if self.added_dim else 0
        norm = 2 * self.dim if self.cross_norm else 0
        return 2 * attention + image + norm + _linear(self.dim, self.ffn) + _linear(self.ffn, self.dim) + 6 * self.dim

    @property
    def block_linear(self) -> int:
        """Weights of the linear layers of one block, biases left out."""
        return (8 * self.dim + 2 * self.added_dim + 2 * self.ffn) * self.dim

    @property
    def block_outputs(self) -> int:
        """Of these layers, all together."""
        image = 2 * self.dim if self.added_dim else 0
        return 9 * self.dim + self.ffn + image

    @property
    def parameters(self) -> int:
        dim, patch = self.dim, math.prod(self.patch)
        time = _linear(self.freq_dim, dim) + _linear(dim, dim) + _linear(dim, 6 * dim)
        text = _linear(self.text_dim, dim) + _linear(dim, dim)
        image = 0
        if self.image_dim:
            image = _linear(self.image_dim, self.image_dim) + _linear(self.image_dim, dim) + 2 * (self.image_dim + dim)
            image += self.pos_embed_seq_len * self.image_dim
        ends = _linear(self.in_channels * patch, dim) + _linear(dim, self.out_channels * patch) + 2 * dim
        return self.all_layers * self.block_parameters + time + text + image + ends + self._control_parameters

    @property
    def _control_parameters(self) -> int:
        """Of the control branch beside its blocks: a projection out of each, one into the first, and its embedding."""
        if not self.control_layers:
            return 0
        projections = (self.control_layers + 1) * _linear(self.dim, self.dim)
        return projections + _linear(self.control_channels * math.prod(self.patch), self.dim)

    def tokens(self, latent_frames: int, height: int, width: int) -> int:
        """Tokens of a video of this latent size."""
        time, high, wide = self.patch
        return (latent_frames // time) * (height // high) * (width // wide)

    def forward(self, tokens: int, *, text_tokens: int, image: int, keys: int) -> Work:
        """One call for one video, with the keys and values of text and image at hand.

        Args:
            tokens: of the video.
            text_tokens: text tokens in the context, all segments together; they are embedded in every call.
            image: image tokens in the context.
            keys: text tokens that each video token attends to.
        """
        dim, layers = self.dim, self.all_layers
        linear = 12 * dim**2 + 4 * dim * self.ffn
        ends = 2 * math.prod(self.patch) * dim * (self.in_channels + self.out_channels + self.control_channels)
        if self.control_layers:
            ends += 2 * (self.control_layers + 1) * dim**2
        time = 2 * dim * (self.freq_dim + 7 * dim)
        image_rows = 2 * image * self.image_dim * (self.image_dim + dim)
        return self.embed(text_tokens) + Work(
            matmul=tokens * (layers * linear + ends) + time + image_rows,
            attention=4 * layers * dim * tokens * (tokens + keys + image),
            moved=2 * (_PASSES * layers + _ENDS) * dim * tokens,
        )

    def embed(self, text_tokens: int) -> Work:
        """So many text tokens brought to the transformer's width, as every call does."""
        return Work(matmul=2 * text_tokens * self.dim * (self.text_dim + self.dim))

    def keys_values(self, text_tokens: int, image: int = 0) -> Work:
        """Every layer's keys and values of so many text tokens and image tokens."""
        return Work(matmul=4 * self.all_layers * self.dim * (text_tokens * self.dim + image * self.added_dim))

    def cache_bytes(self, tokens: int, itemsize: int = 2) -> int:
        """Kept keys and values of so many text tokens or image tokens."""
        return 2 * self.all_layers * self.dim * tokens * itemsize

    def working_bytes(self, tokens: int, itemsize: int = 2, keys: int = 0) -> int:
        """The most that one eager call holds beside weights and kept keys and values.

        Either at the last gate, whose arithmetic is in fp32, or around the activation of the feed-forward layer; the
        block's input, its hidden states, attention's output and the norm's output are alive throughout. VACE makes all
        hints before the first block of its own and keeps them until they are added.
        """
        gate = 5 * itemsize * self.dim + (12 if itemsize == 2 else 8) * self.dim
        feed_forward = itemsize * (4 * self.dim + 2 * self.ffn)
        hints = itemsize * self.dim * (self.control_layers + 1) if self.control_layers else 0
        return tokens * (max(gate, feed_forward) + hints)

    def kept_for_backward(self, *, trained: bool) -> float:
        """Bytes per token that one block keeps for its backward pass, in bf16 and without gradient checkpointing.

        Counted: norms and gates in fp32, rotary embeddings, attention's inputs and output, and the feed-forward layer.

        Args:
            trained: whether its layers carry a LoRA, which keeps their inputs.
        """
        return 51 * self.dim + 4 * self.ffn if trained else 36.5 * self.dim + 2 * self.ffn

    def attention_outputs(self) -> float:
        """Bytes per token that the attentions of one block give, in bf16, with the scores' logarithmic sums in fp32."""
        attentions = 3 if self.added_dim else 2
        return attentions * self.dim * (2 + 4 / _HEAD)

    def lora_parameters(self, rank: int) -> int:
        """Of a LoRA for the projections of both attentions and the feed-forward layers of all blocks."""
        return self.all_layers * rank * (8 * 2 * self.dim + 2 * (self.dim + self.ffn))


def _linear(inputs: int, outputs: int) -> int:
    """Parameters of a linear layer with bias."""
    return (inputs + 1) * outputs
