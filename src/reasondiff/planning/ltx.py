"""Closed forms of LTX-Video's transformer and VAE: parameters, FLOPs, bytes. The tests count the real classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from reasondiff.planning.work import Work

__all__ = ["LtxTransformer", "LtxVae"]

_PASSES, _ENDS = 145, 60
"""Times that eager element-wise kernels read or write the hidden states (two bytes each) in a block, and outside of all
blocks: norms, per-token modulation and rotary embeddings in fp32. Worked out by hand from the code."""

_HELD = 56
"""Bytes per token and width that a call holds at its worst moment: every token's modulation, rotary embeddings in fp32,
and those of queries and keys while they are applied. Counted."""

_FREQUENCIES = 256
"""Width of a timestep's sinusoid."""


@dataclass(frozen=True)
class LtxTransformer:
    """An ``LTXVideoTransformer3DModel``, whose tokens are single latents.

    Args:
        layers: blocks.
        dim: width.
        heads: of attention.
        text_dim: width of the text encoder's output.
        cross_dim: width of the text as the blocks read it.
        channels: of the latents.
    """

    layers: int
    dim: int
    heads: int
    text_dim: int
    cross_dim: int
    channels: int

    patch: ClassVar[tuple[int, int, int]] = (1, 1, 1)
    control_layers: ClassVar[int] = 0
    image_dim: ClassVar[int] = 0
    pos_embed_seq_len: ClassVar[int] = 0
    keeps_keys_values: ClassVar[bool] = False
    pads_text: ClassVar[bool] = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From the transformer's ``config.json``."""
        heads = config.get("num_attention_heads", 32)
        return cls(
            layers=config.get("num_layers", 28),
            dim=heads * config.get("attention_head_dim", 64),
            heads=heads,
            text_dim=config.get("caption_channels", 4096),
            cross_dim=config.get("cross_attention_dim", 2048),
            channels=config.get("in_channels", 128),
        )

    @property
    def all_layers(self) -> int:
        """Blocks that a call goes through."""
        return self.layers

    @property
    def block_parameters(self) -> int:
        """Of one block."""
        dim = self.dim
        own = 4 * _linear(dim, dim) + 2 * dim
        text = 2 * _linear(dim, dim) + 2 * _linear(self.cross_dim, dim) + 2 * dim
        return own + text + _linear(dim, 4 * dim) + _linear(4 * dim, dim) + 6 * dim

    @property
    def parameters(self) -> int:
        dim = self.dim
        time = _linear(_FREQUENCIES, dim) + _linear(dim, dim) + _linear(dim, 6 * dim)
        text = _linear(self.text_dim, dim) + _linear(dim, dim)
        ends = _linear(self.channels, dim) + _linear(dim, self.channels) + 2 * dim
        return self.layers * self.block_parameters + time + text + ends

    def tokens(self, latent_frames: int, height: int, width: int) -> int:
        """Tokens of a video of this latent size, and those of one image at another frame than the first."""
        return (latent_frames + 1) * height * width

    def forward(self, tokens: int, *, text_tokens: int, image: int, keys: int) -> Work:
        """One call for one video; the timestep is every token's own.

        Args:
            tokens: of the video and its image.
            text_tokens: text tokens in the context; they are embedded in every call.
            image: 0: there is no image encoder.
            keys: text tokens that each token attends to.
        """
        dim, layers = self.dim, self.layers
        linear = 28 * dim**2
        time = 2 * dim * (_FREQUENCIES + 7 * dim)
        return self.embed(text_tokens) + Work(
            matmul=tokens * (layers * linear + time + 4 * self.channels * dim),
            attention=4 * layers * dim * tokens * (tokens + keys),
            moved=2 * (_PASSES * layers + _ENDS) * dim * tokens,
        )

    def embed(self, text_tokens: int) -> Work:
        """So many text tokens brought to the transformer's width, as every call does."""
        return Work(matmul=2 * text_tokens * self.dim * (self.text_dim + self.dim))

    def keys_values(self, text_tokens: int, image: int = 0) -> Work:
        """Every layer's keys and values of so many text tokens."""
        return Work(matmul=4 * self.layers * self.dim * text_tokens * self.cross_dim)

    def cache_bytes(self, tokens: int, itemsize: int = 2) -> int:
        """Nothing is kept: every call works out its keys and values."""
        return 0

    def working_bytes(self, tokens: int, itemsize: int = 2, keys: int = 0) -> int:
        """The most that one eager call holds beside weights; the mask of text tokens is there once for every head."""
        return tokens * (_HELD * self.dim + itemsize * (self.heads + 1) * keys)


@dataclass(frozen=True)
class _Conv:
    """A convolution and how many cells it computes."""

    inputs: int
    outputs: int
    cells: float

    @property
    def parameters(self) -> int:
        return (27 * self.inputs + 1) * self.outputs

    @property
    def flops(self) -> float:
        return 2 * 27 * self.inputs * self.outputs * self.cells


_STRIDES = {"spatial": (1, 2), "temporal": (2, 1), "spatiotemporal": (2, 2)}
"""In time, and each way in space."""

_ENCODE, _DECODE = {2: 22.8, 4: 45.5}, {2: 12.7, 4: 17.6}
"""Bytes per value of the largest feature map that are held at the worst moment, in 16 and in 32 bits: of one frame's
encoding, and of a video's decoding, which is done in one piece. Counted."""


@dataclass(frozen=True)
class LtxVae:
    """An ``AutoencoderKLLTXVideo`` of 0.9.5 or later.

    Args:
        latent: channels of the latents.
        encoder: widths, one more than there are levels.
        encoder_blocks: residual blocks of the levels and of the middle.
        down: how each level gets smaller, of ``_STRIDES``.
        decoder: widths before the residuals are halved by ``factors``, from the first level to the last.
        decoder_blocks: residual blocks of the middle and of the levels, in this order.
        factors: by which each level's width is divided.
        patch: pixels, each way, that are one cell before anything else.
        timed: whether the decoder is told a timestep.
    """

    latent: int
    encoder: tuple[int, ...]
    encoder_blocks: tuple[int, ...]
    down: tuple[str, ...]
    decoder: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    factors: tuple[int, ...]
    patch: int
    timed: bool

    tile: ClassVar[int] = 512
    tile_step: ClassVar[int] = 448

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From its ``config.json``."""
        return cls(
            latent=config["latent_channels"],
            encoder=tuple(config["block_out_channels"]),
            encoder_blocks=tuple(config["layers_per_block"]),
            down=tuple(config["downsample_type"]),
            decoder=tuple(reversed(config["decoder_block_out_channels"])),
            decoder_blocks=tuple(reversed(config["decoder_layers_per_block"])),
            factors=tuple(reversed(config["upsample_factor"])),
            patch=config["patch_size"],
            timed=config["timestep_conditioning"],
        )

    @property
    def stride(self) -> int:
        """Pixel frames per latent frame after the first."""
        stride = 1
        for kind in self.down:
            stride *= _STRIDES[kind][0]
        return stride

    @property
    def scale(self) -> int:
        """Pixels per latent, each way."""
        scale = self.patch
        for kind in self.down:
            scale *= _STRIDES[kind][1]
        return scale

    @property
    def parameters(self) -> int:
        convolutions = sum(conv.parameters for conv in [*self._encode(1, 32, 32), *self._decode(1, 1, 1)])
        return convolutions + (self._timestep_parameters if self.timed else 0)

    @property
    def _timestep_parameters(self) -> int:
        """An embedding for the middle, for each level and for the end, and a table for each block."""
        widths = [self.decoder[0], *self._widths]
        total = 1
        for width, blocks in zip(widths, self.decoder_blocks, strict=True):
            total += _linear(256, 4 * width) + _linear(4 * width, 4 * width) + blocks * 4 * width
        last = self._widths[-1]
        return total + _linear(256, 2 * last) + _linear(2 * last, 2 * last) + 2 * last

    @property
    def _widths(self) -> list[int]:
        """Of the decoder's levels."""
        return [width // factor for width, factor in zip(self.decoder, self.factors, strict=True)]

    def encode(self, frames: int, height: int, width: int) -> Work:
        """A video of so many pixel frames."""
        return Work(matmul=sum(conv.flops for conv in self._encode(frames, height, width)))

    def decode(self, latent_frames: int, height: int, width: int) -> Work:
        """To a video; ``height`` and ``width`` are the latents'."""
        return Work(matmul=sum(conv.flops for conv in self._decode(latent_frames, height, width)))

    def encode_bytes(self, frames: int, height: int, width: int, itemsize: int = 2) -> int:
        """Held at the worst moment of encoding, the video included."""
        cells = frames * height * width / self.patch**2
        return round(_ENCODE[itemsize] * self.encoder[0] * cells)

    def decode_bytes(
        self, frames: int, height: int, width: int, itemsize: int = 2, tile: tuple[int, int] | None = None
    ) -> int:
        """Held at the worst moment of decoding to ``frames`` of this pixel size, the video included; of tiles, all."""
        high, wide = tile or (height, width)
        cells = frames * min(high, height) * min(wide, width) / self.patch**2
        tiles = 3 * frames * height * width * itemsize * 2 if tile else 0
        return round(_DECODE[itemsize] * self._widths[-1] * cells) + tiles

    def _encode(self, frames: int, height: int, width: int) -> Iterator[_Conv]:
        area, channels = height * width / self.patch**2, self.encoder[0]
        yield _Conv(3 * self.patch**2, channels, frames * area)
        for outputs, blocks, kind in zip(self.encoder[1:], self.encoder_blocks, self.down, strict=False):
            yield from [_Conv(channels, channels, frames * area)] * (2 * blocks)
            in_time, in_space = _STRIDES[kind]
            frames += in_time - 1  # the first frame is there once more
            yield _Conv(channels, outputs // (in_time * in_space**2), frames * area)
            frames, area, channels = frames // in_time, area / in_space**2, outputs
        yield from [_Conv(channels, channels, frames * area)] * (2 * self.encoder_blocks[-1])
        yield _Conv(channels, self.latent + 1, frames * area)

    def _decode(self, frames: int, height: int, width: int) -> Iterator[_Conv]:
        area, channels = float(height * width), self.decoder[0]
        yield _Conv(self.latent, channels, frames * area)
        yield from [_Conv(channels, channels, frames * area)] * (2 * self.decoder_blocks[0])
        for outputs, factor, blocks in zip(self._widths, self.factors, self.decoder_blocks[1:], strict=True):
            yield _Conv(outputs * factor, 8 * outputs, frames * area)
            frames, area = 2 * frames - 1, 4 * area
            yield from [_Conv(outputs, outputs, frames * area)] * (2 * blocks)
        yield _Conv(self._widths[-1], 3 * self.patch**2, frames * area)


def _linear(inputs: int, outputs: int) -> int:
    """Parameters of a linear layer with bias."""
    return (inputs + 1) * outputs
