"""What a metric asks of a network, where a network comes from, and what to do when it is not here."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # raised by torch; nothing here unpickles
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reasondiff.checkpoints import file_hash
from reasondiff.errors import CheckpointError, InputError

__all__ = [
    "FlowEstimator",
    "FrameInterpolator",
    "ImageEncoder",
    "Origin",
    "QualityNetwork",
    "TextImageEncoder",
    "hub_file",
    "installed",
    "load_whole",
    "pad_to_multiple",
    "read_tensors",
    "unpad",
    "version_of",
]


@dataclass(frozen=True)
class Origin:
    """What a number was computed with; it stands in the column's title and in the result file.

    Args:
        name: of the network or estimator.
        version: of the package or of the weights.
        licence: of what is used, as an SPDX name where there is one.
        sha256: of the weights; empty for what has none.
    """

    name: str
    version: str
    licence: str
    sha256: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}, {self.licence}"


class QualityNetwork(Protocol):
    """Rates single images."""

    @property
    def origin(self) -> Origin: ...

    def score(self, image: Tensor) -> float:
        """Of one image, float [1, 3, height, width] in 0..1."""
        ...


class FrameInterpolator(Protocol):
    """Invents the frame between two."""

    @property
    def origin(self) -> Origin: ...

    def middle(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Of two frames, uint8 [height, width, 3], the one halfway: float, 0..255, not rounded."""
        ...


class FlowEstimator(Protocol):
    """Follows every pixel from one frame to the next."""

    @property
    def origin(self) -> Origin: ...

    def flow(self, frame: np.ndarray, following: np.ndarray) -> np.ndarray:
        """Of two frames, uint8 [height, width, 3], the motion in pixels: float [height, width, 2].

        A network that needs a padded size may give the flow of the padded frame.
        """
        ...


class ImageEncoder(Protocol):
    """Makes a vector of an image."""

    @property
    def origin(self) -> Origin: ...

    def encode_images(self, frames: np.ndarray) -> np.ndarray:
        """Of frames, uint8 [frames, height, width, 3], a vector each: float [frames, features]."""
        ...


class TextImageEncoder(ImageEncoder, Protocol):
    """Makes vectors of images and of texts that can be compared."""

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """A vector each: float [texts, features]."""
        ...


def installed(package: str, install: str, needed_by: str) -> ModuleType:
    """An optional package, imported.

    Args:
        package: the name under which it is imported.
        install: what pip is to install.
        needed_by: what is to be computed.

    Raises:
        InputError: it is not installed; nothing is left out in silence.
    """
    top = package.split(".")[0]
    if importlib.util.find_spec(top) is None:
        raise InputError(f"{needed_by} needs the package {top!r}; run: pip install {install}")
    return importlib.import_module(package)


def version_of(distribution: str) -> str:
    """Of an installed package."""
    return importlib.metadata.version(distribution)


def hub_file(repository: str, name: str, *, needed_by: str, fetch: bool, sha256_start: str = "") -> Path:
    """A file of weights from the Hugging Face hub's cache, or from the hub where that was asked for.

    Args:
        repository: ``owner/name``.
        name: of the file in it.
        needed_by: what is to be computed.
        fetch: download it if it is not here.
        sha256_start: the digits that its SHA-256 must start with.

    Raises:
        CheckpointError: it is not here and may not be fetched, cannot be fetched, or is another file.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        path = Path(hf_hub_download(repository, name, local_files_only=not fetch))
    except LocalEntryNotFoundError:
        raise CheckpointError(
            f"{needed_by} needs {repository}/{name}, which is not here; give --fetch to download it."
        ) from None
    except (HfHubHTTPError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{repository}/{name} cannot be fetched ({reason}); try again with a connection."
        ) from None
    if not file_hash(path).startswith(sha256_start):
        raise CheckpointError(f"{str(path)!r} is not the file that was published; delete it and give --fetch again.")
    return path


def read_tensors(path: Path) -> Mapping[str, Any]:
    """The tensors of a ``.pth`` or ``.pkl``: what the authors of a metric's network publish in no other form.

    The one place that reads one, and never a model that makes videos. ``weights_only`` builds tensors and plain
    containers and refuses everything else that a pickle can name.

    Raises:
        CheckpointError: the file is damaged, or wants more than tensors.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        raise CheckpointError(f"The weights in {str(path)!r} cannot be read ({reason}); fetch them again.") from None


def load_whole(net: torch.nn.Module, tensors: Mapping[str, Any], path: Path) -> torch.nn.Module:
    """A network with all its tensors from a file, and no other ones there; ready to be looked through.

    Raises:
        CheckpointError: the file has those of another network.
    """
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise CheckpointError(
            f"{str(path)!r} has the weights of another network ({reason}); fetch them again."
        ) from None
    return net.eval()


def pad_to_multiple(frames: Tensor, multiple: int) -> Tensor:
    """Frames [batch, channels, height, width] with their edges repeated on both sides to a multiple of a size."""
    return F.pad(frames, _padding(frames.shape[-2:], multiple), mode="replicate")


def unpad(frames: Tensor, size: torch.Size, multiple: int) -> Tensor:
    """Undo ``pad_to_multiple`` of frames of ``size`` (height, width)."""
    left, _, top, _ = _padding(size, multiple)
    return frames[..., top : top + size[0], left : left + size[1]]


def _padding(size: torch.Size, multiple: int) -> tuple[int, int, int, int]:
    down, across = -size[0] % multiple, -size[1] % multiple
    return across // 2, across - across // 2, down // 2, down - down // 2
