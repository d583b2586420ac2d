"""Options that several verbs share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from reasondiff.errors import InputError

__all__ = [
    "Adapter",
    "Embed",
    "Fit",
    "Fps",
    "Guidance",
    "ImageFile",
    "Model",
    "ModelName",
    "NarratorName",
    "NarratorUrl",
    "NegativePrompt",
    "NumFrames",
    "OutputFile",
    "Position",
    "PresetName",
    "Prompt",
    "Revision",
    "Seed",
    "Size",
    "Steps",
    "StoryFile",
    "Threads",
    "TransformerFile",
]  # fmt: skip

MAX_THREADS = 1024

ImageFile = Annotated[Path, typer.Option(help="The condition image.", metavar="FILE", show_default=False)]
Prompt = Annotated[str, typer.Option(help="What happens; it need not describe the image's moment.")]
StoryFile = Annotated[Path | None, typer.Option(help="A story file instead of a narrator.", metavar="FILE")]
Position = Annotated[
    int | None, typer.Option(help="The image's frame, counted from 1; wins over the story.", metavar="N")
]
Model = Annotated[str, typer.Option(help="A name, a folder, or a hub id.")]
Revision = Annotated[
    str | None, typer.Option(help="Of a model on the hub: a branch, a tag or a commit.", metavar="NAME")
]
TransformerFile = Annotated[
    Path | None,
    typer.Option("--transformer", help="One .safetensors or .gguf file instead of the model's own.", metavar="FILE"),
]
NarratorName = Annotated[
    str | None, typer.Option(help="Who tells the story, as NAME[:MODEL]; the model's own unless given.", metavar="NAME")
]
ModelName = Annotated[str, typer.Option("--narrator", help="Who is asked, as NAME[:MODEL].", metavar="NAME")]
NarratorUrl = Annotated[str | None, typer.Option(help="Where an openai narrator is served.", metavar="URL")]
NumFrames = Annotated[int | None, typer.Option(help="Frames of the video, such as 33 or 81.", metavar="N")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps.", metavar="N")]
Guidance = Annotated[float | None, typer.Option(help="Of classifier-free guidance; 1 turns it off.", metavar="X")]
NegativePrompt = Annotated[str | None, typer.Option(help="What guidance leads away from.", metavar="TEXT")]
Seed = Annotated[int, typer.Option(help="Of the noise.", metavar="N")]
Size = Annotated[
    str | None, typer.Option(help="WxH, or N for an area of NxN pixels at the image's aspect.", metavar="SIZE")
]
Fit = Annotated[str, typer.Option(help="How the image is brought to the size: crop, letterbox or stretch.")]
Fps = Annotated[float | None, typer.Option(help="Playback speed only; the story's own pace unless given.", metavar="X")]
PresetName = Annotated[
    str | None,
    typer.Option("--preset", help="quality, balanced, fast or low-vram; see 'reasondiff plan'.", metavar="NAME"),
]
Adapter = Annotated[
    str | None,
    typer.Option(help="A ReasonDiff adapter: a folder or a hub id, with @REVISION if it is to stay.", metavar="NAME"),
]
Embed = Annotated[bool, typer.Option("--embed/--no-embed", help="Keep the prepared image in the MP4's recipe.")]
OutputFile = Annotated[
    Path, typer.Option("-o", "--output", help="The MP4 to write.", metavar="FILE", show_default=False)
]


def _use_threads(threads: int | None) -> int | None:
    """Compute with so many CPU threads from here on; None leaves torch its own number, one per core.

    A torch that is still to be imported reads it from the environment, and takes no more than there are cores.

    Raises:
        InputError: it is a number that nothing can compute with.
    """
    if threads is None:
        return None
    if not 1 <= threads <= MAX_THREADS:
        raise InputError(f"{threads} CPU threads cannot compute; give 1 to {MAX_THREADS}.")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
    return threads


Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", help="CPU threads, at most one per core; so many unless given.", metavar="N", callback=_use_threads
    ),
]
