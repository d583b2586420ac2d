"""CLIP ViT-L/14 and DINO ViT-B/16, from the Hugging Face hub by transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reasondiff.checkpoints import file_hash, in_one_sentence, weight_hashes
from reasondiff.errors import CheckpointError
from reasondiff.evaluation.networks.base import Origin, hub_file, read_tensors

__all__ = ["ClipNetwork", "DinoNetwork"]

FRAMES_AT_ONCE = 16

RESIZED, CROPPED = 256, 224
"""Pixels of DINO's input before and after its borders are cut off."""


@dataclass(frozen=True)
class ClipNetwork:
    """OpenAI's CLIP; frames are brought to 224 pixels by their shorter side, bicubic, and cut around the centre.

    Texts longer than 77 tokens are cut there, which is CLIP's own limit.

    Args:
        model: a folder, or a model on the hub.
        fetch: download it if it is not here.
        device: to compute on.
    """

    model: str = "openai/clip-vit-large-patch14"
    fetch: bool = False
    device: str = "cpu"

    @cached_property
    def _folder(self) -> Path:
        return _model_folder(self.model, "The CLIP score", self.fetch)

    @cached_property
    def origin(self) -> Origin:
        return Origin(self.model.split("/")[-1], "by transformers", "MIT", _hash_of(self._folder))

    @cached_property
    def _net(self) -> Any:
        from transformers import CLIPModel

        with in_one_sentence(str(self._folder), "network"):
            loaded = CLIPModel.from_pretrained(self._folder, use_safetensors=True, output_loading_info=True)
        return _complete(loaded, self._folder).to(self.device)

    @cached_property
    def _processor(self) -> Any:
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        return CLIPImageProcessorPil.from_pretrained(self._folder)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import CLIPTokenizer

        return CLIPTokenizer.from_pretrained(self._folder)

    @torch.no_grad()
    def encode_images(self, frames: np.ndarray) -> np.ndarray:
        vectors = []
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            some = list(frames[start : start + FRAMES_AT_ONCE])
            pixels = self._processor(images=some, return_tensors="pt")["pixel_values"]
            vectors.append(self._net.get_image_features(pixel_values=pixels.to(self.device)).pooler_output)
        return torch.cat(vectors).float().cpu().numpy()

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        tokens = self._tokenizer(list(texts), padding=True, truncation=True, max_length=77, return_tensors="pt")
        features = self._net.get_text_features(**tokens.to(self.device)).pooler_output
        return features.float().cpu().numpy()


@dataclass(frozen=True)
class DinoNetwork:
    """DINO, the vector of its class token, as VBench-I2V's subject consistency has it.

    As in VBench-I2V, frames are brought to 256 pixels by their shorter side, bicubic, the middle 224 are taken of them,
    and they are normalised by ImageNet's mean and deviation.

    Args:
        model: a folder, or a model on the hub.
        fetch: download it if it is not here.
        device: to compute on.
    """

    model: str = "facebook/dino-vitb16"
    fetch: bool = False
    device: str = "cpu"

    @cached_property
    def _weights(self) -> Path:
        """The one form in which its authors publish them; ``config.json`` lies beside it."""
        self._file("config.json")
        return self._file("pytorch_model.bin")

    def _file(self, name: str) -> Path:
        needed_by = "The subject's consistency"
        if not Path(self.model).is_dir():
            return hub_file(self.model, name, needed_by=needed_by, fetch=self.fetch)
        if not (Path(self.model) / name).is_file():
            raise CheckpointError(f"{needed_by} needs {name}, which is not in {self.model!r}; give DINO's folder.")
        return Path(self.model) / name

    @cached_property
    def origin(self) -> Origin:
        return Origin(self.model.split("/")[-1], "by transformers", "Apache-2.0", file_hash(self._weights))

    @cached_property
    def _net(self) -> Any:
        from transformers import ViTConfig, ViTModel

        folder = self._weights.parent
        with in_one_sentence(str(folder), "network"):
            loaded = ViTModel.from_pretrained(
                None, config=ViTConfig.from_pretrained(folder), state_dict=dict(read_tensors(self._weights)),
                add_pooling_layer=False, output_loading_info=True,
            )  # fmt: skip
        return _complete(loaded, folder).to(self.device)

    @torch.no_grad()
    def encode_images(self, frames: np.ndarray) -> np.ndarray:
        return np.concatenate([self._encode(frame) for frame in frames])

    def _encode(self, frame: np.ndarray) -> np.ndarray:
        pixels = _middle(torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float()) / 255
        mean, deviation = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
        pixels = (pixels - mean[:, None, None]) / deviation[:, None, None]
        hidden = self._net(pixels.to(self.device), interpolate_pos_encoding=True).last_hidden_state
        return hidden[:, 0].float().cpu().numpy()


def _middle(pixels: torch.Tensor) -> torch.Tensor:
    """Frames [frames, 3, height, width] as torchvision resizes and crops whole levels, [frames, 3, 224, 224]."""
    height, width = pixels.shape[-2:]
    shorter = min(height, width)
    size = [int(RESIZED * side / shorter) for side in (height, width)]
    resized = torch.nn.functional.interpolate(pixels, size=size, mode="bicubic", antialias=True).round().clamp(0, 255)
    top, left = (round((side - CROPPED) / 2) for side in size)
    return resized[..., top : top + CROPPED, left : left + CROPPED]


def _complete(loaded: Any, folder: Path) -> Any:
    """A network of transformers that came with what is told of its loading; one with tensors left to chance is refused.

    Raises:
        CheckpointError: the weights lack some tensors, which transformers would draw.
    """
    net, told = loaded
    if lacking := sorted(told["missing_keys"]):
        raise CheckpointError(
            f"The weights in {str(folder)!r} lack {len(lacking)} tensors, such as {lacking[0]!r}; fetch them again."
        )
    return net.eval()


def _model_folder(model: str, needed_by: str, fetch: bool) -> Path:
    """A folder as it is, or a model's snapshot in the hub's cache."""
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    files = ["*.json", "*.txt", "*.safetensors"]
    try:
        return Path(snapshot_download(model, allow_patterns=files, local_files_only=not fetch))
    except LocalEntryNotFoundError:
        raise CheckpointError(f"{needed_by} needs {model}, which is not here; give --fetch to download it.") from None
    except (HfHubHTTPError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{model} cannot be fetched ({reason}); try again with a connection.") from None


def _hash_of(folder: Path) -> str:
    return " ".join(weight_hashes(folder).values())
