"""Where a template fits a picture best, and how much of the picture it explains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter

from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.template_judge.templates import SCALES, Template

__all__ = ["SIDE", "Match", "best_matches", "softened"]

SIDE = 64
_SOFT = 0.7
PALETTE = np.array(list(COLOURS.values()), np.float32)
NAMES = tuple(COLOURS)
_NOTHING = 60.0
"""Squared error (RGB 0..255, all channels) per pixel covered below which there is nothing to explain."""
_CELLS, _PERIOD = SIDE // 2, 64
"""Cells of a frame at half the resolution, and the period that keeps its correlations with a template apart."""
_NEIGHBOURS = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)]
_FEW = 12
"""Pixels; a frame in which no more differ from a backdrop looks like it."""


@dataclass(frozen=True)
class Match:
    """A template in its place.

    Args:
        template: which.
        x, y: its foot, in pixels of a 64 x 64 frame.
        colour, accent: indices into the palette.
        explained: share of what distinguishes the picture from its backdrop, at most 1; 0 or less if nothing is.
    """

    template: Template
    x: int
    y: int
    colour: int
    accent: int
    explained: float

    @property
    def visible(self) -> float:
        """The share of it inside the frame: 0..1."""
        *_, rows, columns = self.window()
        return float(self.template.cover[rows, columns].sum() / self.template.cover.sum())

    def window(self) -> tuple[slice, slice, slice, slice]:
        """Rows and columns of the frame that it covers, and the same of the template."""
        height, width = self.template.size
        left, top = self.x - self.template.foot[0], self.y - self.template.foot[1]
        rows, columns = slice(max(0, top), min(SIDE, top + height)), slice(max(0, left), min(SIDE, left + width))
        inner = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        return rows, columns, *inner

    def cover(self) -> np.ndarray:
        """How much of each pixel of the frame it covers: float32 [64, 64]."""
        whole = np.zeros((SIDE, SIDE), np.float32)
        rows, columns, inner_rows, inner_columns = self.window()
        whole[rows, columns] = self.template.cover[inner_rows, inner_columns]
        return whole

    def on(self, backdrop: np.ndarray) -> np.ndarray:
        """The frame: ``backdrop`` [64, 64, 3] with it."""
        frame = backdrop.copy()
        rows, columns, inner_rows, inner_columns = self.window()
        picture = self.template.cover[inner_rows, inner_columns, None]
        ink = _ink(self.template, self.colour, self.accent)[inner_rows, inner_columns]
        frame[rows, columns] = (1 - picture) * backdrop[rows, columns] + ink
        return frame


@cache
def _ink(template: Template, colour: int, accent: int) -> np.ndarray:
    """What a template adds to a backdrop in two colours of the palette: float32 [height, width, 3]."""
    return template.ink(PALETTE[colour], PALETTE[accent])


def softened(video: np.ndarray) -> np.ndarray:
    """Frames as they are matched: float32 [frames, 64, 64, 3], a little blurred."""
    blur = ImageFilter.GaussianBlur(_SOFT)
    pictures = (Image.fromarray(frame) for frame in video)
    frames = (p if p.size == (SIDE, SIDE) else p.resize((SIDE, SIDE), Image.Resampling.BOX) for p in pictures)
    return np.stack([np.asarray(frame.filter(blur), np.float32) for frame in frames])


def best_matches(
    video: np.ndarray,
    backdrops: Sequence[np.ndarray],
    templates: Sequence[Template],
    *,
    away: np.ndarray | None = None,
    accents: bool = False,
) -> list[Match | None]:
    """Per frame, the place, size and colours in which one of ``templates`` explains the most of it.

    Args:
        video: float32 [frames, 64, 64, 3], softened.
        backdrops: what a frame may look like without the thing, [64, 64, 3] each.
        away: [frames, 64, 64], how much of each pixel is to be explained where no template covers it; by default and
            under templates the squared difference from the nearest backdrop.
        accents: the templates have a second colour.

    Returns:
        None for frames that look like a backdrop.
    """
    differences = np.stack([((video - backdrop) ** 2).sum(-1) for backdrop in backdrops])
    least = differences.min(0)
    busy = [frame for frame in range(len(video)) if (least[frame] > _NOTHING).sum() > _FEW]
    found: list[Match | None] = [None] * len(video)
    if not busy:
        return found
    places = [_coarse(video[busy], backdrop, templates, accents) for backdrop in backdrops]
    for frame, matches in zip(busy, zip(*places, strict=True), strict=True):
        measure = _Measure(video[frame], backdrops, least[frame], None if away is None else away[frame])
        finer = [_fine(measure, match, templates) for match in dict.fromkeys(matches)]
        found[frame] = max(finer, key=lambda match: match.explained)
    return found


@dataclass(frozen=True, eq=False)
class _Measure:
    """How much of a picture a match explains.

    Args:
        picture: [64, 64, 3].
        backdrops: of which the one is taken that the match fits best.
        under: [64, 64], what is to be explained under a template.
        beside: [64, 64], the same beside it.
    """

    picture: np.ndarray
    backdrops: Sequence[np.ndarray]
    under: np.ndarray
    beside: np.ndarray | None

    def of(self, match: Match) -> Match:
        """The match, measured."""
        away = self.under if self.beside is None else np.where(match.cover() > 0.1, self.under, self.beside)
        best = max(_explained(self.picture, away, backdrop, match) for backdrop in self.backdrops)
        return replace(match, explained=best)


def _explained(picture: np.ndarray, away: np.ndarray, backdrop: np.ndarray, match: Match) -> float:
    """The share of the squared difference between picture and backdrop that ``match`` takes away, near itself.

    Args:
        picture, backdrop: [64, 64, 3].
        away: [64, 64], the squared difference that there is.
    """
    rows, columns, inner_rows, inner_columns = match.window()
    if rows.stop - rows.start < 2 or columns.stop - columns.start < 2:
        return 0.0
    cover = match.template.cover[inner_rows, inner_columns]
    covered = cover > 0.1
    there = away[rows, columns]
    null = float(there.sum())
    if null <= _NOTHING * covered.sum():
        return 0.0
    ink = _ink(match.template, match.colour, match.accent)[inner_rows, inner_columns]
    off = picture[rows, columns] - (1 - cover[..., None]) * backdrop[rows, columns] - ink
    left = np.einsum("rck,rck->rc", off, off)  # several times as fast as squares and their sum over three channels
    return 1 - float(np.where(covered, left, there).sum()) / null


def _coarse(video: np.ndarray, backdrop: np.ndarray, templates: Sequence[Template], accents: bool) -> list[Match]:
    """Per frame the best match at half the resolution, over the whole picture, in the middle one of the sizes."""
    change = _Change.of(_halved(video), _halved(backdrop[None]))
    middle = sorted({template.scale for template in templates})[len(SCALES) // 2]
    best: list[Match | None] = [None] * len(video)
    for template in templates:
        if template.scale != middle:
            continue
        shares = change.shares(_Kernels.of(template), accents)
        values, places = shares.flatten(1).max(1)
        pad = _pad(template)
        for frame, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
            known = best[frame]
            if known is None or value > known.explained:
                colour, accent, row, column = (int(k) for k in np.unravel_index(place, tuple(shares.shape[1:])))
                x, y = 2 * (column - pad[1]) + template.foot[0], 2 * (row - pad[0]) + template.foot[1]
                best[frame] = Match(template, x, y, colour, accent, value)
    return [match for match in best if match is not None]


def _pad(template: Template) -> tuple[int, int]:
    """Cells by which a template may stick out of the frame, at half the resolution."""
    height, width = template.size
    return height // 5, width // 5


@dataclass(frozen=True, eq=False)
class _Kernels:
    """A template at half the resolution, in the frequency domain."""

    template: Template
    size: tuple[int, int]
    own: torch.Tensor
    accent: torch.Tensor
    rest: torch.Tensor
    cover: torch.Tensor
    own_cover: torch.Tensor
    accent_cover: torch.Tensor
    rest_cover: torch.Tensor
    cover_square: torch.Tensor
    window: torch.Tensor
    plain_squares: torch.Tensor
    squares: torch.Tensor

    @classmethod
    @cache
    def of(cls, template: Template) -> _Kernels:
        layers = np.stack([template.cover, template.own, template.accent], -1)
        cover, own, accent = _halved(layers[None])[0]
        rest = _halved(template.rest[None])[0]
        colours = torch.from_numpy(PALETTE)
        ink = colours[:, None, :, None, None] * own[None, None] + colours[None, :, :, None, None] * accent + rest
        plain = colours[:, None, :, None, None] * own[None, None] + rest
        return cls(
            template=template,
            size=(cover.shape[0], cover.shape[1]),
            own=_kernel_spectrum(own),
            accent=_kernel_spectrum(accent),
            rest=_kernel_spectrum(rest),
            cover=_kernel_spectrum(cover),
            own_cover=_kernel_spectrum(own * cover),
            accent_cover=_kernel_spectrum(accent * cover),
            rest_cover=_kernel_spectrum(rest * cover),
            cover_square=_kernel_spectrum(cover**2),
            window=_kernel_spectrum(torch.ones_like(cover)),
            plain_squares=_kernel_spectrum(plain.square().sum(2)),
            squares=ink.square().sum((2, 3, 4)),
        )


@dataclass(frozen=True, eq=False)
class _Change:
    """What distinguishes frames from a backdrop, at half the resolution, in the frequency domain.

    With d = picture - backdrop b and t = ink - cover b, a template takes 2 d t - t^2 of the squared change away.
    """

    change: torch.Tensor
    ground: torch.Tensor
    products: torch.Tensor
    ground_square: torch.Tensor
    square: torch.Tensor

    @classmethod
    def of(cls, frames: torch.Tensor, ground: torch.Tensor) -> _Change:
        change = frames - ground
        return cls(
            _spectrum(change),
            _spectrum(ground),
            _spectrum((change * ground).sum(1)),
            _spectrum(ground.square().sum(1)),
            _spectrum(change.square().sum(1)),
        )

    def shares(self, kernels: _Kernels, accents: bool) -> torch.Tensor:
        """The share of the change that a template takes away: [frames, colours, accents, rows, columns]."""
        pad = _pad(kernels.template)

        def back(spectrum: torch.Tensor) -> torch.Tensor:
            rows, columns = (_CELLS + 2 * p - size + 1 for p, size in zip(pad, kernels.size, strict=True))
            whole = torch.fft.irfft2(spectrum, s=(_PERIOD, _PERIOD))
            return whole.roll(pad, (-2, -1))[..., :rows, :columns]

        colours = torch.from_numpy(PALETTE)
        own = back(self.change * kernels.own + self.ground * kernels.own_cover)
        part = torch.einsum("kc,fcrs->fkrs", colours, own)[:, :, None]
        inside = _spectrum(torch.ones(_CELLS, _CELLS))
        squares = back(inside * kernels.plain_squares)
        if accents:
            accent = back(self.change * kernels.accent + self.ground * kernels.accent_cover)
            part = part + torch.einsum("kc,fcrs->fkrs", colours, accent)[:, None]
            squares = kernels.squares[..., None, None]
        rest = (self.change * kernels.rest + self.ground * kernels.rest_cover).sum(1)
        fixed = back(rest - self.products * kernels.cover - 0.5 * self.ground_square * kernels.cover_square)
        energy = back(self.square * kernels.window + _NOTHING * inside * kernels.cover).clamp(min=1.0)
        return (2 * (part + fixed[:, None, None]) - squares) / energy[:, None, None]


def _spectrum(image: torch.Tensor) -> torch.Tensor:
    """Of an image [..., rows, columns]."""
    return torch.fft.rfft2(image, s=(_PERIOD, _PERIOD))


def _kernel_spectrum(kernel: torch.Tensor) -> torch.Tensor:
    """Of a kernel, so that the product with an image's is the spectrum of their correlation."""
    return _spectrum(kernel).conj()


def _fine(measure: _Measure, match: Match, templates: Sequence[Template]) -> Match:
    """The best match near one that was found at half the resolution: of all places, sizes and colours in turn."""

    def better(best: Match, others: Iterable[Match]) -> Match:
        return max([best, *map(measure.of, others)], key=lambda tried: tried.explained)

    best = measure.of(match)
    for step in (2, 1):
        best = better(best, [replace(best, x=best.x + step * dx, y=best.y + step * dy) for dx, dy in _NEIGHBOURS])
    found = match.template
    alike = [each for each in templates if (each.state, each.facing) == (found.state, found.facing)]
    best = better(best, [replace(best, template=each) for each in alike if each is not best.template])
    return better(best, [replace(best, colour=each) for each in range(len(PALETTE)) if each != best.colour])


def _halved(pictures: np.ndarray) -> torch.Tensor:
    """[count, height, width, channels] at half the size: [count, channels, height / 2, width / 2]."""
    channels = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
    return F.avg_pool2d(channels, 2, ceil_mode=True)
