"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Adapter",
    "Embed",
    "Fit",
    "Fps",
    "Guidance",
    "ImageFile",
    "Model",
    "ModelName",
    "NarratorApi",
    "NarratorName",
    "NarratorTimeout",
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
    "TransformerFile",
]  # fmt: skip

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
NarratorApi = Annotated[str | None, typer.Option(help="Of an openai narrator: chat or responses.", metavar="API")]
NarratorTimeout = Annotated[float | None, typer.Option(help="Seconds for one whole answer.", metavar="X")]
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
