"""``reasondiff export``: an adapter's LoRA for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export"]


def export(
    adapter: Annotated[str, typer.Argument(help="An adapter: a folder, or a hub id such as owner/name.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.", metavar="FILE")],
) -> None:
    """Write an adapter's LoRA in ComfyUI's key names.

    diffusers reads the adapter's own file. Both hold the LoRA alone: without AlignFormer the image is held at the first
    frame only as well as the base model and the LoRA do it.
    """
    from safetensors.torch import save_file

    from reasondiff.backends.wan.adapter_file import AdapterInfo
    from reasondiff.backends.wan.fetching import fetched
    from reasondiff.backends.wan.lora_file import as_comfyui_reads
    from reasondiff.checkpoints import LORA_FILE
    from reasondiff.errors import InputError
    from reasondiff.files import atomic_path

    if output.suffix != ".safetensors":
        raise InputError(f"{str(output)!r} is no .safetensors file; give it that suffix.")
    folder = fetched(adapter)
    AdapterInfo.read(folder)
    if not (folder / LORA_FILE).is_file():
        raise InputError(f"The adapter {adapter!r} has no LoRA, only an AlignFormer, which no other program reads.")
    weights = as_comfyui_reads(folder / LORA_FILE)
    with atomic_path(output) as partial:
        save_file(weights, partial, metadata={"format": "pt"})
    typer.echo(f"Wrote {output}: {len(weights)} tensors for ComfyUI.")
