"""``reasondiff data precompute``: encode the clips and captions of a set for one base model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.cli.terminal.set_report import progress_bar
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.data.encoded import Manifest

__all__ = ["precompute"]


def precompute(
    folder: Annotated[
        Path, typer.Argument(help="A set with captions, of 'data caption'.", metavar="SET", show_default=False)
    ],
    model: Annotated[
        str, typer.Option(help="The base model that will be trained: a name, a folder or a hub id.", metavar="NAME")
    ] = "wan2.1-i2v-14b-480p",
    index: Annotated[str, typer.Option(help="jsonl, or parquet (needs reasondiff[parquet]).")] = "jsonl",
    device: Annotated[str | None, typer.Option(help="cuda or cpu; the best there is unless given.")] = None,
    precision: Annotated[str, typer.Option(help="auto (bf16 where the hardware has it), bf16 or fp32.")] = "auto",
    workers: common.DataWorkers = 1,
    ray: common.Ray = None,
) -> None:
    """Encode clips as latents and each distinct caption once, as the base model reads them.

    The same command goes on where it was stopped. What other settings or models made is removed.
    """
    from typing import cast, get_args

    from transformers.utils import logging as transformers_logging

    from reasondiff.backends.precision import as_precision
    from reasondiff.backends.wan.encoders import Encoders
    from reasondiff.cli.terminal import paths
    from reasondiff.data.encoded import IndexFormat
    from reasondiff.data.precompute import precompute as encode_set
    from reasondiff.data.precompute import sizes_of
    from reasondiff.data.workers import over
    from reasondiff.recipes import checks

    transformers_logging.disable_progress_bar()  # the bar is ours; theirs show the files of a folder
    if index not in get_args(IndexFormat):
        raise InputError(f"--index {index!r} is unknown; give one of {', '.join(get_args(IndexFormat))}.")
    device = checks.device(device)
    where = over(workers, ray, gpus=0.0 if device == "cpu" else 1.0)
    encoders = Encoders(model, device, as_precision(precision))
    sizes = sizes_of(folder, encoders)
    typer.echo(
        f"Needs about {_bytes(sizes.latents)} for latents and {_bytes(sizes.texts)} for texts; the released research "
        f"code stores {_bytes(sizes.research_code)} of texts for the same clips."
    )
    with paths.only_writer(folder), progress_bar("Encoding") as shown:
        done = encode_set(
            folder,
            encoders,
            index=cast(IndexFormat, index),
            progress=lambda _, count, total: shown(count, total),
            over=where,
        )
    if done.without:
        typer.echo(f"{done.without} clips have no captions and are left out.")
    typer.echo(_told(folder, done.manifest, done.latents_made, done.texts_made))


def _told(folder: Path, manifest: Manifest, latents: int, texts: int) -> str:
    research_code = manifest.num_frames * 512 * manifest.text_dim * 2
    per_clip = manifest.bytes["texts"] / manifest.clips
    return (
        f"{folder}: {manifest.clips} clips ({latents} encoded now) in {_bytes(manifest.bytes['latents'])}, "
        f"{manifest.texts} texts ({texts} encoded now) in {_bytes(manifest.bytes['texts'])}: "
        f"{_bytes(per_clip)} of text per clip, 1/{research_code / per_clip:.0f} of the research code's."
    )


def _bytes(count: float) -> str:
    """A number of bytes as a person reads it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
