"""RAFT by torchvision; with these weights its flow is that of VBench's, bit by bit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reasondiff.checkpoints import file_hash
from reasondiff.errors import CheckpointError
from reasondiff.evaluation.networks.base import (
    Origin,
    installed,
    load_whole,
    pad_to_multiple,
    read_tensors,
    version_of,
)

__all__ = ["RaftFlow"]


@dataclass(frozen=True)
class RaftFlow:
    """RAFT-large trained on chairs and things, 20 updates; as in VBench, the flow is that of the padded frame.

    Args:
        fetch: download the weights if they are not here.
        device: to compute on.
    """

    fetch: bool = False
    device: str = "cpu"

    @cached_property
    def _weights(self) -> Path:
        flow = installed("torchvision.models.optical_flow", "torchvision", "The dynamic degree")
        wanted = flow.Raft_Large_Weights.C_T_V1
        place = Path(torch.hub.get_dir(), "checkpoints", wanted.url.rsplit("/", 1)[-1])
        if not place.exists():
            if not self.fetch:
                raise CheckpointError(f"The dynamic degree needs {wanted.url}, not here; give --fetch to download it.")
            place.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(wanted.url, str(place), hash_prefix=place.stem.rsplit("-", 1)[-1])
        return place

    @cached_property
    def origin(self) -> Origin:
        weights = self._weights
        return Origin("RAFT-large C_T_V1", f"by torchvision {version_of('torchvision')}", "BSD-3", file_hash(weights))

    @cached_property
    def _net(self) -> Any:
        flow = installed("torchvision.models.optical_flow", "torchvision", "The dynamic degree")
        net = flow.raft_large(weights=None)
        return load_whole(net, read_tensors(self._weights), self._weights).to(self.device)

    @torch.no_grad()
    def flow(self, frame: np.ndarray, following: np.ndarray) -> np.ndarray:
        padded = [pad_to_multiple(self._tensor(each), 8) for each in (frame, following)]
        return self._net(*padded, num_flow_updates=20)[-1][0].permute(1, 2, 0).cpu().numpy()

    def _tensor(self, frame: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].to(self.device) / 127.5 - 1
