"""Closed forms of Wan's causal video VAE, by a walk over its convolutions.

The VAE works in chunks: pixel frame 0 alone, then four at a time; latent frame 0 alone, then one at a time. What
depends on the chunk is how many frames a temporal convolution sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from reasondiff.planning.work import Work
from reasondiff.timeline import Timeline

__all__ = ["Vae"]

_ENCODE, _DECODE = 33, 53
"""Feature maps of base width at full size that are held at the worst moment, feature caches included. Counted."""

_CHUNK = 4


@dataclass(frozen=True)
class _Conv:
    """A convolution and the frames and resolution of its output; ``norm`` gains are kept along."""

    inputs: int
    outputs: int
    kernel: int
    cells: float
    norm: int = 0

    @property
    def parameters(self) -> int:
        return (self.inputs * self.kernel + 1) * self.outputs + self.norm if self.kernel else self.norm

    @property
    def flops(self) -> float:
        return 2 * self.inputs * self.kernel * self.outputs * self.cells


@dataclass(frozen=True)
class Vae:
    """An ``AutoencoderKLWan`` of Wan2.1's kind."""

    base: int
    decoder_base: int
    latent: int
    multipliers: tuple[int, ...]
    blocks: int
    down_in_time: tuple[bool, ...]

    tile: ClassVar[int] = 256
    tile_step: ClassVar[int] = 192

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """From its ``config.json``."""
        base = config.get("base_dim", 96)
        return cls(
            base=base,
            decoder_base=config.get("decoder_base_dim") or base,
            latent=config.get("z_dim", 16),
            multipliers=tuple(config.get("dim_mult", (1, 2, 4, 4))),
            blocks=config.get("num_res_blocks", 2),
            down_in_time=tuple(config.get("temperal_downsample", (False, True, True))),
        )

    @property
    def stride(self) -> int:
        """Pixel frames per latent frame after the first."""
        return int(2 ** sum(self.down_in_time))

    @property
    def scale(self) -> int:
        """Pixels per latent, each way."""
        return int(2 ** (len(self.multipliers) - 1))

    @property
    def parameters(self) -> int:
        return sum(conv.parameters for conv in [*self._encoder(1, 8, 8), *self._decoder(1, 1, 1)])

    def encode(self, frames: int, height: int, width: int) -> Work:
        """A video of 4k+1 pixel frames."""
        bottom = (height // self.scale) * (width // self.scale)
        latent_frames = Timeline(frames, self.stride).num_latent_frames
        return Work(
            matmul=sum(conv.flops for conv in self._encoder(frames, height, width)),
            attention=4 * latent_frames * bottom**2 * self.base * self.multipliers[-1],
        )

    def decode(self, latent_frames: int, height: int, width: int) -> Work:
        """To a video; ``height`` and ``width`` are the latents'."""
        return Work(
            matmul=sum(conv.flops for conv in self._decoder(latent_frames, height, width)),
            attention=4 * latent_frames * (height * width) ** 2 * self.decoder_base * self.multipliers[-1],
        )

    def encode_bytes(self, frames: int, height: int, width: int, itemsize: int = 2) -> int:
        """Held at the worst moment of encoding, the video included."""
        return height * width * itemsize * (_ENCODE * self.base * min(frames, _CHUNK) // _CHUNK + 3 * frames)

    def decode_bytes(
        self, frames: int, height: int, width: int, itemsize: int = 2, tile: tuple[int, int] | None = None
    ) -> int:
        """Held at the worst moment of decoding to ``frames`` of this pixel size.

        That is the feature maps of the whole frame, or of a tile, and the video: twice when a chunk is joined to what
        there is, four times when overlapping tiles are joined.
        """
        high, wide = tile or (height, width)
        maps = _DECODE * self.decoder_base * min(high, height) * min(wide, width)
        return itemsize * (maps + 3 * frames * height * width * (4 if tile else 2))

    def _encoder(self, frames: int, height: int, width: int) -> Iterator[_Conv]:
        later = frames - 1  # pixel frames after the first; a temporal convolution runs on these only
        area = height * width

        def cells() -> float:
            return (1 + later) * area

        channels = self.base
        yield _Conv(3, channels, 27, cells())
        for level, multiplier in enumerate(self.multipliers):
            for _ in range(self.blocks):
                yield from _residual(channels, self.base * multiplier, cells())
                channels = self.base * multiplier
            if level < len(self.multipliers) - 1:
                area //= 4
                yield _Conv(channels, channels, 9, cells())
                if self.down_in_time[level]:
                    later //= 2
                    yield _Conv(channels, channels, 3, later * area)
        yield from _middle(channels, cells())
        yield _Conv(channels, 2 * self.latent, 27, cells(), norm=channels)
        yield _Conv(2 * self.latent, 2 * self.latent, 1, cells())

    def _decoder(self, latent_frames: int, height: int, width: int) -> Iterator[_Conv]:
        later, area = latent_frames - 1, height * width

        def cells() -> float:
            return (1 + later) * area

        channels = self.decoder_base * self.multipliers[-1]
        yield _Conv(self.latent, self.latent, 1, cells())
        yield _Conv(self.latent, channels, 27, cells())
        yield from _middle(channels, cells())
        for level, multiplier in enumerate(reversed(self.multipliers)):
            outputs = self.decoder_base * multiplier
            for _ in range(self.blocks + 1):
                yield from _residual(channels, outputs, cells())
                channels = outputs
            if level < len(self.multipliers) - 1:
                if self.down_in_time[::-1][level]:
                    yield _Conv(channels, 2 * channels, 3, later * area)
                    later *= 2
                area *= 4
                yield _Conv(channels, channels // 2, 9, cells())
                channels //= 2
        yield _Conv(channels, 3, 27, cells(), norm=channels)


def _residual(inputs: int, outputs: int, cells: float) -> Iterator[_Conv]:
    yield _Conv(inputs, outputs, 27, cells, norm=inputs)
    yield _Conv(outputs, outputs, 27, cells, norm=outputs)
    if inputs != outputs:
        yield _Conv(inputs, outputs, 1, cells)


def _middle(channels: int, cells: float) -> Iterator[_Conv]:
    yield from _residual(channels, channels, cells)
    yield _Conv(channels, 3 * channels, 1, cells, norm=channels)
    yield _Conv(channels, channels, 1, cells)
    yield from _residual(channels, channels, cells)
