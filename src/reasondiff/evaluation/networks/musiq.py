"""MUSIQ trained on SPAQ, which VBench's imaging quality is; its code is pyiqa's and not free for commercial use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reasondiff.checkpoints import file_hash
from reasondiff.evaluation.networks.base import Origin, hub_file, installed, load_whole, read_tensors, version_of

__all__ = ["MusiqNetwork"]


@dataclass(frozen=True)
class MusiqNetwork:
    """Rates an image 0..100.

    Args:
        fetch: download the weights if they are not here.
        device: to compute on.
    """

    fetch: bool = False
    device: str = "cpu"

    @cached_property
    def _weights(self) -> Path:
        installed("pyiqa", "pyiqa", "The imaging quality")
        return hub_file(
            "chaofengc/IQA-PyTorch-Weights",
            "musiq_spaq_ckpt-358bb6af.pth",
            needed_by="The imaging quality",
            fetch=self.fetch,
            sha256_start="358bb6af",
        )

    @cached_property
    def origin(self) -> Origin:
        licence = "PolyForm-Noncommercial-1.0.0"
        weights = self._weights
        return Origin("MUSIQ-SPAQ", f"by pyiqa {version_of('pyiqa')}", licence, file_hash(weights))

    @cached_property
    def _net(self) -> Any:
        architecture = installed("pyiqa.archs.musiq_arch", "pyiqa", "The imaging quality")
        net = architecture.MUSIQ(pretrained=False, num_class=1)
        state = read_tensors(self._weights)
        return load_whole(net, state.get("params", state), self._weights).to(self.device)

    @torch.no_grad()
    def score(self, image: Tensor) -> float:
        return float(self._net(image.to(self.device)))
