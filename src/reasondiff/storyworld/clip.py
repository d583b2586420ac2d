"""A small network in which StoryWorld's frames and captions are near where they belong together, as in CLIP."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase, T5Tokenizer

from reasondiff.checkpoints import bundled_folder
from reasondiff.errors import CheckpointError

__all__ = [
    "CLIP",
    "SIDE",
    "TEXT_LENGTH",
    "StoryWorldClip",
    "encode_captions",
    "encode_frames",
    "load_clip",
    "tokenize",
]

CLIP = "storyworld-clip"
"""The bundled network's folder, beside the bundled models."""

SIDE = 64
"""Width and height of the frames that the network looks at."""

TEXT_LENGTH = 32
"""Tokens at most; the longest caption has 26."""

FRAMES_AT_ONCE = 64


class StoryWorldClip(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers' own bases disagree
    """Two towers: convolutions for frames, a transformer for captions; both end in vectors of length 1.

    Args:
        vocabulary: tokens of the tokenizer that is trained with it.
        widths: channels at a half, a quarter and an eighth of the resolution.
        deep_layers: residual layers at an eighth.
        text_width: of the transformer.
        text_layers: of it.
        features: of the vectors.
    """

    @register_to_config
    def __init__(
        self,
        vocabulary: int = 300,
        widths: Sequence[int] = (32, 64, 96),
        deep_layers: int = 2,
        text_width: int = 96,
        text_layers: int = 2,
        features: int = 128,
        heads: int = 4,
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.stem = nn.Sequential(_layer(3, fine), _layer(fine, middle), _layer(middle, coarse))
        self.deep = nn.ModuleList(_layer(coarse, coarse, stride=1) for _ in range(deep_layers))
        cells = (SIDE // 8) ** 2
        self.places = nn.Parameter(0.02 * torch.randn(cells, coarse))
        self.queries = nn.Parameter(0.02 * torch.randn(heads, coarse))
        self.image_head = nn.Linear(heads * coarse, features)

        self.words = nn.Embedding(vocabulary, text_width)
        self.order = nn.Parameter(0.02 * torch.randn(TEXT_LENGTH, text_width))
        layer = nn.TransformerEncoderLayer(
            text_width, heads, 2 * text_width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.reader = nn.TransformerEncoder(layer, text_layers, enable_nested_tensor=False)
        self.text_head = nn.Linear(text_width, features)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def image_features(self, frames: Tensor) -> Tensor:
        """Of frames [batch, 3, 64, 64] in -1..1, vectors [batch, features] of length 1.

        Each of a few learnt queries looks at its own cells, so that who is there and what state a thing is in do not
        end in one average.
        """
        seen = self.stem(frames)
        for layer in self.deep:
            seen = seen + layer(seen)
        cells = seen.flatten(2).transpose(1, 2)
        looked = ((cells + self.places) @ self.queries.T / math.sqrt(cells.shape[-1]) * 8).softmax(dim=1)
        return F.normalize(self.image_head((looked.transpose(1, 2) @ cells).flatten(1)), dim=-1)

    def text_features(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Of tokens and their mask, both [batch, length], vectors [batch, features] of length 1."""
        words = self.words(tokens) + self.order[: tokens.shape[1]]
        read = self.reader(words, src_key_padding_mask=mask == 0)
        kept = mask[..., None].to(read.dtype)
        return F.normalize(self.text_head((read * kept).sum(1) / kept.sum(1)), dim=-1)

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by in training; a raw cosine means little without it."""
        return self.log_scale.clamp(max=math.log(100.0)).exp()


def _layer(incoming: int, outgoing: int, stride: int = 2) -> nn.Sequential:
    convolution = nn.Conv2d(incoming, outgoing, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(8, outgoing), nn.SiLU())


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Tokens and mask, [texts, length]; what is longer than ``TEXT_LENGTH`` is cut."""
    encoded = tokenizer(list(texts), padding=True, truncation=True, max_length=TEXT_LENGTH, return_tensors="pt")
    return encoded["input_ids"], encoded["attention_mask"]


@torch.inference_mode()
def encode_frames(net: StoryWorldClip, frames: np.ndarray) -> np.ndarray:
    """Of frames, uint8 [frames, height, width, 3], vectors [frames, features]; other sizes are resized."""
    pixels = torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float()
    if pixels.shape[-2:] != (SIDE, SIDE):
        pixels = F.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True)
    parts = [net.image_features(part) for part in torch.split(pixels / 127.5 - 1, FRAMES_AT_ONCE)]
    return torch.cat(parts).numpy()


@torch.inference_mode()
def encode_captions(net: StoryWorldClip, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> np.ndarray:
    """Of texts, vectors [texts, features]."""
    return net.text_features(*tokenize(tokenizer, texts)).numpy()


@cache
def load_clip(folder: Path | None = None) -> tuple[StoryWorldClip, PreTrainedTokenizerBase]:
    """The network and its tokenizer from ``folder``; the bundled ones by default.

    Raises:
        CheckpointError: they are not there, or damaged.
    """
    folder = folder or bundled_folder(CLIP)
    try:
        net = StoryWorldClip.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        return net.float().eval(), T5Tokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"The network of captions in {str(folder)!r} cannot be loaded ({error}); copy it again."
        ) from None
