"""What a small narrator knows: which words and what kind of images it was trained on.

A model trained on one world answers in that world's terms whatever it is shown. It does not know that it does not know;
this check does, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from reasondiff.errors import CheckpointError
from reasondiff.narrative import Narrative

__all__ = ["DomainCheck", "ImageStatistics", "words_of"]

_SIDE, _BINS, _GRID = 64, 16, 8
_FILE_KEYS = {"nll": "surprise", "mean": "middle", "precision": "precision", "limits": "limits"}
"""What the arrays are called in a file; narrators that are out there have these."""


@dataclass(frozen=True)
class ImageStatistics:
    """What a set of images looks like, by its colours and its layout.

    Args:
        nll: of a pixel in each cell of the RGB cube, the negative log of its share, [16, 16, 16].
        mean: of the thumbnails, [192].
        precision: inverse covariance of the thumbnails, [192, 192].
        limits: largest mean negative log-likelihood; smallest and largest Mahalanobis distance of a thumbnail. An
            image that is nearer to the mean than any known one shows nothing.
    """

    nll: np.ndarray
    mean: np.ndarray
    precision: np.ndarray
    limits: np.ndarray

    @classmethod
    def learn(
        cls, images: Sequence[Image.Image], unseen: Sequence[Image.Image], share: float = 0.995
    ) -> ImageStatistics:
        """From ``images``, with limits that pass about ``share`` of the ``unseen`` ones in each of the two measures."""
        pixels = np.stack([_pixels(image) for image in images])
        counts = np.bincount(_cells(pixels).ravel(), minlength=_BINS**3).reshape((_BINS,) * 3).astype(float)
        for axis in range(3):  # neighbouring colours are as good
            edged = np.concatenate([np.take(counts, [0], axis), counts, np.take(counts, [-1], axis)], axis)
            before, here, after = (np.take(edged, range(k, k + _BINS), axis) for k in range(3))
            counts = 0.25 * before + 0.5 * here + 0.25 * after
        thumbnails = np.stack([_thumbnail(each) for each in pixels])
        spread = np.cov(thumbnails.T) + 1e-3 * np.eye(thumbnails.shape[1])
        looks = cls(
            nll=-np.log((counts + 1) / (counts + 1).sum()).astype(np.float32),
            mean=thumbnails.mean(0).astype(np.float32),
            precision=np.linalg.inv(spread).astype(np.float32),
            limits=np.zeros(3, np.float32),
        )
        measured = np.array([looks.measure(image) for image in unseen])
        colour, layout = np.quantile(measured, share, axis=0)
        return replace(looks, limits=np.array([colour, measured[:, 1].min(), layout], np.float32))

    def measure(self, image: Image.Image) -> tuple[float, float]:
        """Mean negative log-likelihood of the pixels' colours, and the Mahalanobis distance of the thumbnail."""
        pixels = _pixels(image)
        away = _thumbnail(pixels) - self.mean
        return float(self.nll.ravel()[_cells(pixels)].mean()), float(np.sqrt(away @ self.precision @ away))

    def __contains__(self, image: Image.Image) -> bool:
        colour, layout = self.measure(image)
        return colour <= self.limits[0] and self.limits[1] <= layout <= self.limits[2]

    def save(self, path: Path) -> None:
        arrays = {key: np.ascontiguousarray(getattr(self, name)) for name, key in _FILE_KEYS.items()}
        save_file(arrays, path)

    @classmethod
    def load(cls, path: Path) -> ImageStatistics:
        """Read what ``save`` wrote.

        Raises:
            CheckpointError: the file is missing or damaged.
        """
        try:
            arrays = load_file(path)
            return cls(**{name: arrays[key] for name, key in _FILE_KEYS.items()})
        except (OSError, SafetensorError, KeyError) as error:
            raise CheckpointError(f"{str(path)!r} cannot be read ({error}); restore the file.") from None


@dataclass(frozen=True)
class DomainCheck:
    """A check of ``VisionNarrator`` that warns of images and words which the model cannot know.

    Args:
        subject: what it was trained on.
        words: of the prompts it was trained on, in lower case.
        instead: what to use for anything else.
        looks: of the images it was trained on; None to accept any.
    """

    subject: str
    words: frozenset[str]
    instead: str
    looks: ImageStatistics | None = None

    @classmethod
    def load(cls, settings: Mapping[str, Any], folder: Path) -> DomainCheck:
        """From the ``knows`` object of a ``narrator.json`` in ``folder``.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            looks = ImageStatistics.load(folder / str(settings["looks"])) if "looks" in settings else None
            words = frozenset(map(str, settings["words"]))
            return cls(str(settings["subject"]), words, str(settings["instead"]), looks)
        except KeyError as error:
            raise CheckpointError(f"narrator.json lacks {error} under 'knows'; restore the file.") from None

    def __call__(self, image: Image.Image, prompt: str, narrative: Narrative) -> Iterator[str]:
        unknown = list(dict.fromkeys(word for word in words_of(prompt) if word not in self.words))
        doubts = []
        if self.looks is not None and image not in self.looks:
            doubts.append("the image is unlike any of them")
        if unknown:
            listed = ", ".join(repr(word) for word in unknown[:5]) + (", ..." if len(unknown) > 5 else "")
            doubts.append(f"the prompt's {listed} {'is' if len(unknown) == 1 else 'are'} unknown to it")
        elif not words_of(prompt):
            doubts.append("the prompt holds no word")
        if doubts:
            doubt = " and ".join(doubts)
            yield f"This narrator knows {self.subject} only; {doubt}, so its story is a guess. {self.instead}"


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, numbers included."""
    return re.findall(r"\w+", text.casefold())


def _pixels(image: Image.Image) -> np.ndarray:
    """The middle square at 64 x 64: uint8 [64, 64, 3]."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box))


def _cells(pixels: np.ndarray) -> np.ndarray:
    """The cell of the RGB cube that each pixel lies in."""
    red, green, blue = np.moveaxis(pixels.astype(int) * _BINS // 256, -1, 0)
    return (red * _BINS + green) * _BINS + blue


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Means of 8 x 8 blocks, in 0..1: [192]."""
    block = _SIDE // _GRID
    return pixels.reshape(_GRID, block, _GRID, block, 3).mean((1, 3)).ravel() / 255
