"""The parts of a model that turn clips and texts into what a training step reads; the transformer stays where it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reasondiff.backends.precision import Precision, autocast, precision_on
from reasondiff.backends.wan.building import WanVae, encoder_fingerprint, load_vae
from reasondiff.backends.wan.conditioning import encode_video
from reasondiff.backends.wan.text_encoding import clean_text, encode_texts, longest_text
from reasondiff.checkpoints import find_model, in_one_sentence, weight_hashes
from reasondiff.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

__all__ = ["Encoders", "model_folder"]

_PARTS = ("vae", "text_encoder", "tokenizer")

MAX_UNKNOWN = 0.3
"""Share of a text's tokens that may be unknown: some names and signs are; in a language it never saw, most are."""


def model_folder(name: str, *, parts: tuple[str, ...] = ()) -> Path:
    """Where a model's files are; those of the hub are fetched.

    Args:
        name: a name, a folder or a hub id.
        parts: components that are needed; all unless given.

    Raises:
        CheckpointError: there is no such model.
    """
    found = find_model(name)
    if Path(found).is_dir():
        return Path(found)
    from huggingface_hub import snapshot_download

    patterns = [f"{part}/*" for part in parts] or ["*/*"]
    wanted = [f"{pattern}{suffix}" for pattern in patterns for suffix in (".json", ".safetensors", ".model")]
    with in_one_sentence(found):
        return Path(snapshot_download(found, allow_patterns=["*.json", *wanted]))


@dataclass
class Encoders:
    """The encoders of a model; each is loaded when it is first asked for.

    Args:
        model: a name, a folder or a hub id.
        device: where they compute.
        precision: of the VAE's matrix products, and of the text encoder's weights on a GPU.
    """

    model: str
    device: str = "cpu"
    precision: Precision = "auto"
    _folder: Path = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._folder = model_folder(self.model, parts=_PARTS)
        for part in _PARTS:
            if not (self._folder / part).is_dir():
                raise CheckpointError(f"The model {self.model!r} has no {part!r}; give one in diffusers' layout.")

    def __reduce__(self) -> tuple[Callable[..., Encoders], tuple[object, ...]]:
        """Sent to another process, it is the one that is loaded there."""
        return _of_this_process, (self.model, self.device, self.precision)

    @cached_property
    def vae(self) -> WanVae:
        with in_one_sentence(self.model):
            vae = load_vae(self._folder)
        vae.requires_grad_(False)
        return vae.eval().to(self.device)  # type: ignore[arg-type]  # diffusers hides its signature

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        from transformers import AutoTokenizer

        with in_one_sentence(self.model):
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self._folder / "tokenizer")
        return tokenizer

    @cached_property
    def text_encoder(self) -> UMT5EncoderModel:
        from transformers import UMT5EncoderModel

        half = self.device != "cpu" and precision_on(self.device, self.precision) == "bf16"
        with in_one_sentence(self.model):
            dtype = torch.bfloat16 if half else torch.float32
            encoder: UMT5EncoderModel = UMT5EncoderModel.from_pretrained(self._folder / "text_encoder", dtype=dtype)
        return encoder.requires_grad_(False).eval().to(self.device)

    def forget_texts(self) -> None:
        """Give the text encoder's memory back: the VAE comes next."""
        self.__dict__.pop("text_encoder", None)
        if self.device != "cpu":
            torch.cuda.empty_cache()

    @cached_property
    def vae_fingerprint(self) -> str:
        return encoder_fingerprint(self.vae)

    @cached_property
    def text_hashes(self) -> dict[str, str]:
        """SHA-256 of the text encoder's weights per file, and of the tokenizer's vocabulary."""
        return text_hashes(self._folder)

    @property
    def computed_in(self) -> str:
        return precision_on(self.device, self.precision)

    @property
    def stride(self) -> int:
        return int(self.vae.config["scale_factor_temporal"])

    @property
    def channels(self) -> int:
        return int(self.vae.config["z_dim"])

    @property
    def scale(self) -> int:
        """Pixels of a side per latent."""
        return int(self.vae.config["scale_factor_spatial"])

    @property
    def text_dim(self) -> int:
        config = json.loads((self._folder / "text_encoder" / "config.json").read_text(encoding="utf-8"))
        return int(config["d_model"])

    def count_tokens(self, text: str) -> int:
        """Tokens that are kept of a text, its end token included."""
        return min(longest_text(self.tokenizer), len(self.tokenizer(clean_text(text), verbose=False).input_ids))

    def check_language(self, text: str) -> None:
        """Raise ``InputError`` for a text of which the tokenizer does not know a large part."""
        tokens = self.tokenizer(clean_text(text), verbose=False).input_ids
        unknown = sum(token == self.tokenizer.unk_token_id for token in tokens)
        if unknown > MAX_UNKNOWN * len(tokens):
            raise InputError(
                f"The model's tokenizer does not know {unknown} of the {len(tokens)} tokens of {text[:60]!r}; caption "
                "in a language that it reads."
            )

    @torch.no_grad()
    def encode_text(self, text: str) -> Tensor:
        """[tokens, text_dim] without padding."""
        return encode_texts(self.tokenizer, self.text_encoder, [text])[text]

    @torch.no_grad()
    def encode_clip(self, video: Tensor) -> Tensor:
        """Normalised latents [channels, latent_frames, height, width] of a video [1, 3, frames, height, width]."""
        with autocast(self.device, self.precision):
            return encode_video(self.vae, video)[0]


@lru_cache(maxsize=1)
def _of_this_process(model: str, device: str, precision: Precision) -> Encoders:
    return Encoders(model, device, precision)


def text_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of a model folder's text encoder per file, and of its tokenizer's vocabulary."""
    hashes = {f"text_encoder/{name}": sha for name, sha in weight_hashes(folder / "text_encoder").items()}
    for name in ("tokenizer.json", "spiece.model"):
        file = folder / "tokenizer" / name
        if file.is_file():
            hashes[f"tokenizer/{name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return hashes
