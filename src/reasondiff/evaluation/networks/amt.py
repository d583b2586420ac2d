"""AMT-S, VBench's interpolator; its code is an installed VBench's and not free for commercial use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reasondiff.checkpoints import file_hash
from reasondiff.evaluation.networks.base import (
    Origin,
    hub_file,
    installed,
    load_whole,
    pad_to_multiple,
    read_tensors,
    unpad,
    version_of,
)

__all__ = ["AmtInterpolator"]

MULTIPLE = 16


@dataclass(frozen=True)
class AmtInterpolator:
    """Invents the middle frame at full size.

    Args:
        fetch: download the weights if they are not here.
        device: to compute on.
    """

    fetch: bool = False
    device: str = "cpu"

    @cached_property
    def _weights(self) -> Path:
        installed("vbench", "--no-deps vbench==0.1.5", "The motion smoothness")
        return hub_file("lalala125/AMT", "amt-s.pth", needed_by="The motion smoothness", fetch=self.fetch)

    @cached_property
    def origin(self) -> Origin:
        weights = self._weights
        return Origin("AMT-S", f"by vbench {version_of('vbench')}", "CC-BY-NC-4.0", file_hash(weights))

    @cached_property
    def _net(self) -> Any:
        name = "vbench.third_party.amt.networks.AMT-S"
        net = installed(name, "--no-deps vbench==0.1.5", "The motion smoothness").Model(
            corr_radius=3, corr_lvls=4, num_flows=3
        )
        state = read_tensors(self._weights)
        return load_whole(net, state.get("state_dict", state), self._weights).to(self.device)

    @torch.no_grad()
    def middle(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        halfway = torch.full((1, 1, 1, 1), 0.5, device=self.device)
        padded = [pad_to_multiple(self._tensor(frame), MULTIPLE) for frame in (before, after)]
        found = self._net(*padded, halfway, scale_factor=1.0, eval=True)["imgt_pred"]
        frame = unpad(found, torch.Size(before.shape[:2]), MULTIPLE)
        return (255 * frame[0]).permute(1, 2, 0).cpu().numpy()

    def _tensor(self, frame: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].to(self.device) / 255
