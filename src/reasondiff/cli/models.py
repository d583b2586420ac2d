"""``reasondiff models``: what can run, and what to know of it before a download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reasondiff.planning.catalogue import Listing

__all__ = ["models"]


def models(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: sizes in bytes.")] = False,
) -> None:
    """List the models that are known by name: licence, download, memory, and what each can and cannot do.

    Loads no weights and asks no server. A folder or a hub id of another such model works too: see 'reasondiff plan'.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    from reasondiff.planning.catalogue import listings

    listed = list(listings(Path(HF_HUB_CACHE)))
    if as_json:
        typer.echo(json.dumps([each.to_dict() for each in listed], indent=2, ensure_ascii=False))
        return
    typer.echo("\n\n".join(map(_in_words, listed)))
    typer.echo(
        "\nMemory of the GPU is predicted for the model's own length and size, in GB of 2^30 bytes; "
        "'reasondiff plan' says it for others. Downloads are counted, in GB of 10^9 bytes."
    )


def _in_words(listing: Listing) -> str:
    entry = listing.entry
    memory = ", ".join(f"{name} {size / 2**30:.1f}" for name, size in listing.memory.items())
    lines = [f"{entry.name}  ({listing.source})"]
    lines.append(
        f"  licence    {entry.licence}; {f'excludes {entry.excludes}' if entry.excludes else 'excludes nobody'}"
    )
    lines.append(f"  download   {_download(listing)}")
    lines.append(
        f"  memory     {memory} GB for {listing.job.num_frames} frames of {listing.job.width}x{listing.job.height}"
    )
    lines.append(f"  image at   {_positions(listing)}")
    lines.append(f"  adapter    {_ADAPTER[entry.adapter]}")
    lines += [f"  cannot     {what}" for what in entry.cannot]
    if entry.warning:
        lines.append(f"  note       {entry.warning}")
    return "\n".join(lines)


_ADAPTER = {
    "bundled": "comes with it",
    "recommended": "wanted, and none is published yet; without one it is training-free",
    "none taken": "none needed, none taken",
}


def _download(listing: Listing) -> str:
    if not listing.download:
        return "nothing; it comes with the package"
    if listing.cached:
        return f"{listing.download / 1e9:.1f} GB, in the local cache"
    held = listing.download - listing.missing
    return f"{listing.download / 1e9:.1f} GB" + (f", of which {held / 1e9:.1f} are in the local cache" if held else "")


def _positions(listing: Listing) -> str:
    entry = listing.entry
    where = "any frame" if entry.held_frames == "any" else f"the {entry.held_frames} frame by training"
    several = "several at once" if entry.anchors is None else f"at most {entry.anchors} at once"
    return f"{where}; {several}" + (", each in a latent frame of its own" if entry.apart else "")
