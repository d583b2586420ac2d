"""Closed forms of the text encoder, the image encoder and AlignFormer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reasondiff.planning.work import Work

__all__ = ["AlignFormerShape", "ImageEncoder", "TextEncoder"]


@dataclass(frozen=True)
class TextEncoder:
    """A ``UMT5EncoderModel``, or a ``T5EncoderModel``, of which the first layer alone has a table of distances."""

    layers: int
    dim: int
    inner: int
    heads: int
    ffn: int
    vocabulary: int
    buckets: int
    tables: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From its ``config.json``, which leaves out what equals transformers' defaults."""
        heads, layers = config.get("num_heads", 6), config.get("num_layers", 8)
        return cls(
            layers=layers,
            dim=config.get("d_model", 512),
            inner=heads * config.get("d_kv", 64),
            heads=heads,
            ffn=config.get("d_ff", 1024),
            vocabulary=config.get("vocab_size", 250112),
            buckets=config.get("relative_attention_num_buckets", 32),
            tables=1 if config.get("model_type") == "t5" else layers,
        )

    @property
    def parameters(self) -> int:
        layer = 4 * self.dim * self.inner + 3 * self.dim * self.ffn + 2 * self.dim
        tables = self.tables * self.buckets * self.heads
        return self.vocabulary * self.dim + self.layers * layer + tables + self.dim

    @property
    def kept_parameters(self) -> int:
        """Those that stay in bf16 under 8-bit storage: embeddings, norms and ``wo``, whose dtype T5 casts inputs to."""
        return self.vocabulary * self.dim + self.layers * self.dim * self.ffn + (2 * self.layers + 1) * self.dim

    def encode(self, tokens: int) -> Work:
        """One text of so many tokens."""
        layer = 2 * tokens * (4 * self.dim * self.inner + 3 * self.dim * self.ffn)
        return Work(matmul=self.layers * layer, attention=4 * self.layers * tokens**2 * self.inner)


@dataclass(frozen=True)
class ImageEncoder:
    """A ``CLIPVisionModel``."""

    layers: int
    dim: int
    ffn: int
    image_size: int
    patch: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From its ``config.json``, which leaves out what equals transformers' defaults."""
        return cls(
            layers=config.get("num_hidden_layers", 12),
            dim=config.get("hidden_size", 768),
            ffn=config.get("intermediate_size", 3072),
            image_size=config.get("image_size", 224),
            patch=config.get("patch_size", 32),
        )

    @property
    def tokens(self) -> int:
        """Per image, the class token included."""
        return (self.image_size // self.patch) ** 2 + 1

    @property
    def parameters(self) -> int:
        dim, ffn = self.dim, self.ffn
        layer = 4 * (dim + 1) * dim + (dim + 1) * ffn + (ffn + 1) * dim + 4 * dim
        return dim + 3 * self.patch**2 * dim + self.tokens * dim + 4 * dim + self.layers * layer

    def encode(self) -> Work:
        """One image."""
        patches = 2 * 3 * self.patch**2 * self.dim * (self.tokens - 1)
        layer = 2 * self.tokens * (4 * self.dim**2 + 2 * self.dim * self.ffn)
        return Work(matmul=patches + self.layers * layer, attention=4 * self.layers * self.tokens**2 * self.dim)


@dataclass(frozen=True)
class AlignFormerShape:
    """An ``AlignFormer``."""

    dim: int
    text_dim: int
    hidden: int
    patch: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From its ``config.json``."""
        dim = config.get("dim", 2048)
        return cls(
            dim=dim,
            text_dim=config.get("text_dim", 4096),
            hidden=int(dim * config.get("mlp_ratio", 2.0)),
            patch=config.get("in_channels", 16) * math.prod(config.get("patch_size", (1, 2, 2))),
        )

    @property
    def parameters(self) -> int:
        dim, norm = self.dim, 2 * self.dim
        attention = 4 * dim**2 + dim
        ends = (self.patch + 1) * dim + (self.text_dim + 1) * dim + (dim + 1) * self.patch + 2 * norm
        fully_connected = (dim + 1) * self.hidden + (self.hidden + 1) * dim + norm
        return ends + 2 * (attention + norm) + 2 * (attention + norm + fully_connected)

    def align(self, frames: int, tokens: int, segments: int, length: int) -> Work:
        """One video.

        Args:
            frames: latent frames.
            tokens: per latent frame.
            segments: distinct descriptions.
            length: tokens of the longest description.
        """
        dim, words, all_tokens = self.dim, segments * length, frames * tokens
        shared = tokens * (2 * self.patch * dim + 8 * dim**2) + words * (2 * self.text_dim * dim + 8 * dim**2)
        fully_connected = 4 * all_tokens * dim * self.hidden
        coarse = 2 * dim**2 * (tokens + 3 * frames + all_tokens) + fully_connected
        fine = 2 * dim**2 * (2 * all_tokens + 2 * words + frames) + fully_connected
        pooled = 2 * words * dim
        return Work(
            matmul=shared + coarse + fine + pooled + 2 * all_tokens * dim * self.patch,
            attention=4 * dim * (tokens**2 + segments * length**2 + all_tokens * (frames + length)),
        )
