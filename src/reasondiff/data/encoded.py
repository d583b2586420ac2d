"""What ``data precompute`` leaves in a set, for those who train on it: a manifest, an index, and shards.

encoded/
  manifest.json      the models' hashes, the settings, counts and bytes
  index.jsonl        a row per clip: where its latents are, its captions, and where it came from
  index.parquet      the same, where Parquet was asked for
  latents/           shards of clean latents, by clip
  texts/             shards of text embeddings, by text
clips/               the clips themselves: anchors are frames of these, encoded in the training step
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reasondiff.data.captions import ClipCaptions, Per
from reasondiff.data.records import read_lines, write_lines
from reasondiff.errors import InputError
from reasondiff.files import atomic_path

__all__ = [
    "ENCODED", "EncodedClip", "IndexFormat", "Manifest", "check_parquet", "encoded_hash", "read_encoded",
    "write_encoded",
]  # fmt: skip

ENCODED = "encoded"
VERSION = 1
IndexFormat = Literal["jsonl", "parquet"]


@dataclass(frozen=True)
class EncodedClip:
    """A row of the index.

    Args:
        clip: id of the ``ClipRecord``.
        origin: name of the video.
        path: of the clip's MP4, from the set's folder.
        start: seconds from the video's first frame.
        step: seconds between frames.
        latents: file of its latents, in ``latents/``.
        per: what each caption describes.
        texts: the captions.
        by: who wrote them.
    """

    clip: str
    origin: str
    path: str
    start: float
    step: float
    latents: str
    per: Per
    texts: tuple[str, ...]
    by: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", tuple(self.texts))

    @property
    def captions(self) -> ClipCaptions:
        return ClipCaptions(self.clip, self.origin, self.per, self.texts, self.by)


@dataclass(frozen=True)
class Manifest:
    """Of what the set was made, and how.

    Args:
        vae: fingerprint of the encoder (``backends.wan.building.encoder_fingerprint``).
        text_encoder: hash of the text encoder's weights, per file.
        model: name of the model they belong to.
        num_frames: of every clip.
        stride: pixel frames per latent frame after the first.
        width: pixels.
        height: pixels.
        step: seconds between frames of most clips.
        latent_shape: [channels, latent_frames, height, width].
        text_dim: width of the text embeddings.
        computed_in: "bf16" or "fp32"; what is kept of it is bfloat16.
        clips: how many.
        texts: how many distinct ones.
        bytes: on disk, of "latents", "texts" and "clips".
        captions: how many clips were captioned by whom.
        version: of this layout.
    """

    vae: str
    text_encoder: Mapping[str, str]
    model: str
    num_frames: int
    stride: int
    width: int
    height: int
    step: float
    latent_shape: tuple[int, ...]
    text_dim: int
    computed_in: str
    clips: int
    texts: int
    bytes: Mapping[str, int]
    captions: Mapping[str, int]
    version: int = VERSION

    def __post_init__(self) -> None:
        object.__setattr__(self, "latent_shape", tuple(self.latent_shape))


def write_encoded(folder: Path, manifest: Manifest, clips: Sequence[EncodedClip], index: IndexFormat) -> None:
    """Write the index and then the manifest: where it is, the rest is.

    Raises:
        InputError: Parquet is asked for, and pyarrow is not installed.
        OutputError: there is no room.
    """
    place = folder / ENCODED
    if index == "parquet":
        _write_parquet(place / "index.parquet", clips)
    else:
        write_lines(place / "index.jsonl", clips)
    other = "index.jsonl" if index == "parquet" else "index.parquet"
    (place / other).unlink(missing_ok=True)
    with atomic_path(place / "manifest.json") as partial:
        partial.write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_encoded(folder: Path) -> tuple[Manifest, list[EncodedClip]]:
    """The manifest and the index of a set.

    Raises:
        InputError: the set is not encoded, or what says so is damaged.
    """
    place = folder / ENCODED
    if not (place / "manifest.json").is_file():
        raise InputError(f"{str(folder)!r} is not encoded; run reasondiff data precompute {folder} first.")
    again = f"run reasondiff data precompute {folder} again"
    try:
        values: dict[str, Any] = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        if values.get("version") != VERSION:
            raise InputError(f"{str(place)!r} has another layout than this version's; {again}.")
        manifest = Manifest(**values)
        clips = _read_parquet(place) if (place / "index.parquet").is_file() else _read_lines(place)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(place)!r} is damaged ({error}); {again}.") from None
    if len(clips) != manifest.clips:
        raise InputError(f"{str(place)!r} lists {len(clips)} clips and should have {manifest.clips}; {again}.")
    return manifest, clips


def encoded_hash(folder: Path) -> str:
    """SHA-256 of an encoded set: other clips, captions or models have another one."""
    manifest, clips = read_encoded(folder)
    told = json.dumps([manifest.vae, sorted(manifest.text_encoder.items()), [asdict(clip) for clip in clips]])
    return hashlib.sha256(told.encode()).hexdigest()


def _read_lines(place: Path) -> list[EncodedClip]:
    return read_lines(place / "index.jsonl", EncodedClip)


def check_parquet() -> None:
    """Raise ``InputError`` unless pyarrow is installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise InputError("An index in Parquet needs pyarrow; run pip install 'reasondiff[parquet]'.") from None
    assert pyarrow.parquet


def _write_parquet(path: Path, clips: Sequence[EncodedClip]) -> None:
    check_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([{**asdict(clip), "texts": list(clip.texts)} for clip in clips])
    with atomic_path(path) as partial:
        pq.write_table(table, partial)


def _read_parquet(place: Path) -> list[EncodedClip]:
    check_parquet()
    import pyarrow.parquet as pq

    return [EncodedClip(**row) for row in pq.read_table(place / "index.parquet").to_pylist()]
