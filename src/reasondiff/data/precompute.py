"""What does not change from step to step, encoded once: clean latents, and each distinct text without its padding.

Anchors stay frames of the clips and are encoded in the step, so that every frame can be drawn (Algorithm 1, line 17).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mode

import torch
from safetensors.torch import load, save
from torch import Tensor

from reasondiff.backends.wan.encoders import Encoders
from reasondiff.data.caption_set import clips_of
from reasondiff.data.captions import ClipCaptions, read_captions
from reasondiff.data.encoded import ENCODED, EncodedClip, IndexFormat, Manifest, check_parquet, write_encoded
from reasondiff.data.records import digest
from reasondiff.data.sample import ClipRecord
from reasondiff.data.shards import fill_shards
from reasondiff.data.workers import Over, here
from reasondiff.errors import InputError
from reasondiff.files import check_place
from reasondiff.media import read_video
from reasondiff.media.tensors import to_tensor
from reasondiff.timeline import Timeline

__all__ = ["Precomputed", "Sizes", "precompute", "sizes_of", "text_key"]

CLIPS_PER_SHARD = 32
"""Whose latents are about 38 MB at the paper's size: a SIGKILL loses as many, and ten thousand clips are 313 files."""
TEXTS_PER_SHARD = 256
PADDED_TOKENS = 512
"""Of a prompt in the released research code, which stores one for every frame."""
BYTES = 2
"""Of a bfloat16."""


@dataclass(frozen=True)
class Sizes:
    """Bytes on disk, before the work.

    Args:
        latents: of all clips.
        texts: of all distinct texts.
        research_code: what the released research code stores of the same clips' texts.
    """

    latents: int
    texts: int
    research_code: int


@dataclass(frozen=True)
class Precomputed:
    """What is there now.

    Args:
        manifest: of the set.
        latents_made: clips that were encoded in this run; the others were there.
        texts_made: texts, likewise.
        without: clips that have no captions and were left out.
    """

    manifest: Manifest
    latents_made: int
    texts_made: int
    without: int


@dataclass(frozen=True)
class _Set:
    """The clips that can be encoded, all of one size and length, with their captions."""

    clips: tuple[ClipRecord, ...]
    captions: tuple[ClipCaptions, ...]
    without: int

    @property
    def texts(self) -> list[str]:
        """Every distinct text, and the empty one, which dropped captions are."""
        return list(dict.fromkeys(["", *(text for captions in self.captions for text in captions.texts)]))


def text_key(text: str) -> str:
    """The name of a text's embedding."""
    return digest(text)


def sizes_of(folder: Path, encoders: Encoders) -> Sizes:
    """How large a set will be on disk.

    Raises:
        InputError: as ``precompute``.
    """
    found = _read(folder, encoders)
    shape = _latent_shape(found.clips[0], encoders)
    tokens = sum(encoders.count_tokens(text) for text in found.texts)
    frames = found.clips[0].num_frames * len(found.clips)
    return Sizes(
        latents=len(found.clips) * BYTES * _product(shape),
        texts=tokens * encoders.text_dim * BYTES,
        research_code=frames * PADDED_TOKENS * encoders.text_dim * BYTES,
    )


def precompute(
    folder: Path,
    encoders: Encoders,
    *,
    index: IndexFormat = "jsonl",
    progress: Callable[[str, int, int], None] | None = None,
    over: Over = here,
) -> Precomputed:
    """Encode a set's clips and captions; what is encoded already and still asked for is kept.

    Args:
        folder: of a set that is sampled and captioned.
        encoders: of the base model that will be trained.
        index: its format.
        progress: called with "texts" or "latents", the number that is there, and of all.
        over: where clips and texts are encoded; this process writes the files.

    Raises:
        InputError: there are no captions, the clips differ in size or length or do not fit the VAE, or a text is in a
            language that the tokenizer does not read.
        OutputError: there is no room; what is finished is kept, and the same command goes on.
    """
    if index == "parquet":
        check_parquet()
    found = _read(folder, encoders)
    place = folder / ENCODED
    check_place(place, folder=True)
    (place / "manifest.json").unlink(missing_ok=True)  # until all is there, nobody takes the set for whole
    texts = found.texts
    for text in texts:
        encoders.check_language(text)
    by_key = {text_key(text): text for text in texts}
    text_shards = fill_shards(
        place / "texts",
        list(by_key),
        digest(sorted(encoders.text_hashes.items()), encoders.computed_in),
        lambda keys: _each(over(_encode_text, [(encoders, by_key[key]) for key in keys])),
        per_shard=TEXTS_PER_SHARD,
        progress=None if progress is None else lambda done, total: progress("texts", done, total),
    )
    encoders.forget_texts()
    clips = {clip.id: clip for clip in found.clips}
    latent_shards = fill_shards(
        place / "latents",
        list(clips),
        digest(encoders.vae_fingerprint, encoders.computed_in),
        lambda keys: _each(over(_encode_clip, [(encoders, folder, clips[key]) for key in keys])),
        per_shard=CLIPS_PER_SHARD,
        progress=None if progress is None else lambda done, total: progress("latents", done, total),
    )
    rows = [
        EncodedClip(
            clip.id,
            clip.origin,
            clip.path,
            clip.start,
            clip.step,
            latent_shards.shard_of[clip.id],
            captions.per,
            captions.texts,
            captions.by,
        )
        for clip, captions in zip(found.clips, found.captions, strict=True)
    ]
    first = found.clips[0]
    manifest = Manifest(
        vae=encoders.vae_fingerprint,
        text_encoder=encoders.text_hashes,
        model=encoders.model,
        num_frames=first.num_frames,
        stride=encoders.stride,
        width=first.width,
        height=first.height,
        step=mode(clip.step for clip in found.clips),
        latent_shape=_latent_shape(first, encoders),
        text_dim=encoders.text_dim,
        computed_in=encoders.computed_in,
        clips=len(rows),
        texts=len(texts),
        bytes={
            "latents": latent_shards.size,
            "texts": text_shards.size,
            "clips": sum((folder / clip.path).stat().st_size for clip in found.clips),
        },
        captions=dict(Counter(captions.by for captions in found.captions)),
    )
    write_encoded(folder, manifest, rows, index)
    return Precomputed(manifest, latent_shards.made, text_shards.made, found.without)


def _read(folder: Path, encoders: Encoders) -> _Set:
    clips = clips_of(folder)
    captions = read_captions(folder)
    captioned = [clip for clip in clips if clip.id in captions]
    if not captioned:
        raise InputError(f"{str(folder)!r} has no captions; run reasondiff data caption {folder} first.")
    sizes = sorted({(clip.width, clip.height, clip.num_frames) for clip in captioned})
    if len(sizes) > 1:
        told = " and ".join(f"{frames} frames of {width}x{height}" for width, height, frames in sizes[:2])
        raise InputError(f"The set {str(folder)!r} mixes clips of {told}; run reasondiff data sample {folder} again.")
    timeline = Timeline(captioned[0].num_frames, encoders.stride)
    for clip in captioned:
        captions[clip.id].check(timeline)
        if not (folder / clip.path).is_file():
            raise InputError(f"The clip {clip.path!r} of {clip.origin!r} is gone; run reasondiff data sample {folder}.")
    return _Set(tuple(captioned), tuple(captions[clip.id] for clip in captioned), len(clips) - len(captioned))


def _latent_shape(clip: ClipRecord, encoders: Encoders) -> tuple[int, ...]:
    latent_frames = Timeline(clip.num_frames, encoders.stride).num_latent_frames
    return encoders.channels, latent_frames, clip.height // encoders.scale, clip.width // encoders.scale


def _encode_text(asked: tuple[Encoders, str]) -> bytes:
    encoders, text = asked
    return _packed(encoders.encode_text(text))


def _encode_clip(asked: tuple[Encoders, Path, ClipRecord]) -> bytes | InputError:
    encoders, folder, clip = asked
    try:
        frames = read_video(folder / clip.path).frames
    except InputError as error:
        return error
    if frames.shape[:3] != (clip.num_frames, clip.height, clip.width):
        return InputError(f"{clip.path!r} is not what clips.jsonl says; run reasondiff data sample {folder} again.")
    return _packed(encoders.encode_clip(to_tensor(frames[None])))


def _packed(tensor: Tensor) -> bytes:
    """For the way between processes, which torch would go by shared memory."""
    return save({"": tensor.to("cpu", torch.bfloat16).contiguous()})


def _each(made: Iterator[bytes | InputError]) -> Iterator[Tensor]:
    """What was made elsewhere; an error there is one here."""
    for each in made:
        if isinstance(each, InputError):
            raise each
        yield load(each)[""]


def _product(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
