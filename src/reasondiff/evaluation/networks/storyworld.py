"""The network of ours that compares StoryWorld's frames with captions; it knows nothing else of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from reasondiff.checkpoints import bundled_folder, weight_hashes
from reasondiff.evaluation.networks.base import Origin
from reasondiff.storyworld.clip import CLIP, encode_captions, encode_frames, load_clip

__all__ = ["StoryWorldClipNetwork"]


@dataclass(frozen=True)
class StoryWorldClipNetwork:
    """Trained by ``storyworld-tiny/clip`` on clips and captions that no generator has seen.

    Args:
        folder: of the weights; the bundled ones unless given.
    """

    folder: Path | None = None

    @cached_property
    def _folder(self) -> Path:
        return self.folder or bundled_folder(CLIP)

    @cached_property
    def origin(self) -> Origin:
        (sha256,) = weight_hashes(self._folder).values()
        return Origin("StoryWorld-CLIP", sha256[:8], "Apache-2.0", sha256)

    def encode_images(self, frames: np.ndarray) -> np.ndarray:
        net, _ = load_clip(self._folder)
        return encode_frames(net, frames)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        net, tokenizer = load_clip(self._folder)
        return encode_captions(net, tokenizer, texts)
