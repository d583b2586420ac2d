"""One request for a video, whoever asks: every option, once, with its type, default, range and help text.

The command line's options, the record in an MP4 and its replay, and the schema for other faces are derived from it: a
new option is one more field here, and whatever reads it in ``session``. Nothing heavy is imported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reasondiff.errors import InputError
from reasondiff.jobs.options import Request, option
from reasondiff.narrative import AnchorPlace
from reasondiff.narrative.frame_plan import TextMode

__all__ = ["Fit", "NarratorApi", "RedoRequest", "VideoRequest"]

Fit = Literal["crop", "letterbox", "stretch"]
NarratorApi = Literal["chat", "responses"]

MAX_PROMPT = 4000
"""Characters of a prompt; a text encoder reads about 500 words."""
MAX_FRAMES = 10_000
"""A record names every frame's hash, and holds so many."""
MAX_ROUNDS = 20
"""Of verifying; each makes a clip of the video again."""
MAX_STEPS = 1000
"""The schedulers know so many noise levels."""
MAX_SEED = 2**32 - 1
"""PyTorch's generator on a CPU, which draws the noise, reads 32 bits of a seed and drops the others in silence."""
MIN_FPS = 0.01
"""An MP4 that is written in thousandths keeps it; of less than 1/1001 nothing is left, and players take 24."""
MAX_TOKENS = 4096
"""Of a text; Wan's encoder reads 512."""

_SIDE = "[1-9][0-9]{0,4}"


@dataclass(frozen=True, kw_only=True)
class VideoRequest(Request):
    """Everything that one video is to be made from, and with what.

    A value of None is left to the model, the story or the image. Each field says its meaning, range and default.

    Raises:
        InputError: a value is of another type or outside its range; names it and the fix.
    """

    image: Path = option(
        help="The condition image, with @auto, @first, @last or @N where it is to be; several in any order.",
        group="story", metavar="FILE[@N]", local=True,
    )  # fmt: skip
    more_images: tuple[str, ...] = option(
        (),
        help="Other images of the same story, each FILE or FILE@PLACE.",
        group="story",
        metavar="FILE[@N]",
        local=True,
    )
    prompt: str = option(
        "", help="What happens; it need not describe the image's moment.", group="story", metavar="TEXT",
        max_length=MAX_PROMPT, refusal=f"The prompt has {{length:,}} characters; shorten it to {MAX_PROMPT:,}.",
    )  # fmt: skip
    narrative: Path | None = option(
        None, help="A story file instead of a narrator.", group="story", metavar="FILE", local=True
    )
    position: int | None = option(
        None, help="The image's frame, counted from 1; wins over the story.", group="story", metavar="N",
        minimum=1, maximum=MAX_FRAMES, refusal="Position {value} is outside the video; its first frame is 1.",
    )  # fmt: skip
    anchor: AnchorPlace = option(
        "narrative", help="Where the image goes if no position is given", group="story", metavar="PLACE",
        refusal="The anchor {value!r} is unknown; give one of narrative, first, last.",
    )  # fmt: skip

    model: str = option(
        "storyworld-tiny",
        help="A name of 'reasondiff models', a folder, a hub id, or auto.",
        group="model",
        metavar="NAME",
        local=True,
    )
    revision: str | None = option(
        None, help="Of a model on the hub: a branch, a tag or a commit.", group="model", metavar="NAME",
        replayed=True, local=True,
    )  # fmt: skip
    adapter: str | None = option(
        None, help="A ReasonDiff adapter: a folder or a hub id, with @REVISION if it is to stay.", group="model",
        metavar="NAME", replayed=True, local=True,
    )  # fmt: skip
    lora: str | None = option(
        None, help="Another LoRA beside it: a .safetensors file, a folder or a hub id, with @REVISION as well.",
        group="model", metavar="NAME", replayed=True, local=True,
    )  # fmt: skip
    lora_scale: float = option(
        1.0, help="How strongly that one works.", group="model", metavar="X", minimum=-10, maximum=10, replayed=True,
        refusal="The LoRA's scale is {value}; give a number from -10 to 10, such as 1.",
    )  # fmt: skip
    transformer: Path | None = option(
        None, help="One .safetensors or .gguf file instead of the model's own.", group="model", metavar="FILE",
        replayed=True, local=True,
    )  # fmt: skip
    preset: str | None = option(
        None, help="quality, balanced, fast or low-vram; see 'reasondiff plan'.", group="model", metavar="NAME",
        replayed=True,
    )  # fmt: skip
    device: str | None = option(
        None, help="cpu, cuda or cuda:N; the best there is unless given.", group="model", metavar="NAME", local=True,
        pattern="cpu|cuda(:[0-9]{1,3})?", refusal="There is no device {value!r}; give cpu, cuda or cuda:N.",
    )  # fmt: skip
    narrator: str | None = option(
        None, help="Who tells the story, as NAME[:MODEL]; the model's own unless given.", group="model",
        metavar="NAME", local=True,
    )  # fmt: skip
    narrator_url: str | None = option(
        None, help="Where an openai narrator is served.", group="model", metavar="URL", local=True
    )
    narrator_api: NarratorApi | None = option(
        None, help="Of an openai narrator", group="model", metavar="API", local=True,
        refusal="The API {value!r} is unknown; give chat or responses.",
    )  # fmt: skip
    narrator_timeout: float | None = option(
        None, help="Seconds for one whole answer of an openai narrator.", group="model", metavar="X", unit="seconds",
        minimum=0.001, maximum=86_400, local=True,
        refusal="A time-out of {value:g} s does not work; give a number of seconds above 0.",
    )  # fmt: skip
    mag_ratios: Path | None = option(
        None, help="Skip steps with MagCache, by ratios of 'reasondiff calibrate'.", group="model", metavar="FILE",
        local=True,
    )  # fmt: skip

    num_frames: int | None = option(
        None, help="Frames of the video, such as 33 or 81.", group="video", metavar="N", unit="frames",
        minimum=1, maximum=MAX_FRAMES, replayed=True, resolved=True,
        refusal=f"{{value}} frames do not fit into a video; give 1 to {MAX_FRAMES:,}.",
    )  # fmt: skip
    num_inference_steps: int | None = option(
        None, help="Denoising steps.", group="video", metavar="N", unit="steps", flag="--steps",
        minimum=1, maximum=MAX_STEPS, replayed=True, resolved=True,
        refusal=f"{{value}} denoising steps make no video; give 1 to {MAX_STEPS:,}.",
    )  # fmt: skip
    guidance_scale: float | None = option(
        None, help="Of classifier-free guidance; 1 turns it off.", group="video", metavar="X",
        minimum=0, maximum=100, replayed=True, resolved=True,
        refusal="The guidance scale is {value}; give a number from 0 to 100, such as 5.",
    )  # fmt: skip
    guidance_scale_2: float | None = option(
        None, help="The same for a second, low-noise transformer.", group="video", metavar="X",
        minimum=0, maximum=100, replayed=True,
        refusal="The second guidance scale is {value}; give a number from 0 to 100, such as 5.",
    )  # fmt: skip
    guidance_stop: float | None = option(
        None, help="Share of the steps, from the first on, that are guided; the others take half the time.",
        group="video", metavar="X", minimum=0, maximum=1, replayed=True, resolved=True,
        refusal="Guidance for {value} of the steps is no share of them; give a number from 0 to 1.",
    )  # fmt: skip
    negative_prompt: str | None = option(
        None, help="What guidance leads away from.", group="video", metavar="TEXT", replayed=True, resolved=True,
        max_length=MAX_PROMPT,
        refusal=f"The negative prompt has {{length:,}} characters; shorten it to {MAX_PROMPT:,}.",
    )  # fmt: skip
    max_sequence_length: int | None = option(
        None, help="Tokens that are read of a text.", group="video", metavar="N", unit="tokens",
        minimum=1, maximum=MAX_TOKENS, replayed=True, resolved=True,
        refusal=f"Texts of {{value}} tokens cannot be read; give 1 to {MAX_TOKENS:,}.",
    )  # fmt: skip
    seed: int = option(
        0, help="Of the noise.", group="video", metavar="N", minimum=0, maximum=MAX_SEED,
        refusal="The seed {value} is outside 0..2^32-1; give one in that range.",
    )  # fmt: skip
    size: str | None = option(
        None, help="WxH, or N for an area of NxN pixels at the image's aspect.", group="video", metavar="SIZE",
        unit="pixels", pattern=f"{_SIDE}([xX×]{_SIDE})?", replayed=True, resolved=True,
        refusal="The size {value!r} is not understood; write 832x480, or 512 for the area of 512x512.",
    )  # fmt: skip
    fit: Fit = option(
        "crop", help="How the image is brought to the size", group="video", metavar="HOW", replayed=True,
        refusal="{value!r} is unknown; give one of crop, letterbox, stretch.",
    )  # fmt: skip
    text_mode: TextMode = option(
        "framewise", help="How the transformer reads the story", group="video", metavar="HOW", replayed=True,
        refusal="{value!r} is unknown; give one of framewise, soft, mean, concat, joined, single.",
    )  # fmt: skip
    shortest_clip: float | None = option(
        None, help="Shorter clips of the story are merged; 0 merges none.", group="video", metavar="X",
        unit="seconds", minimum=0, maximum=1000, replayed=True,
        refusal="The shortest clip is {value} s; give 0 to 1000 seconds.",
    )  # fmt: skip
    anchor_strength: float = option(
        1.0, help="How strongly the video keeps to its images, 0 to 1, with models that can (VACE).", group="video",
        metavar="X", minimum=0, maximum=1, replayed=True,
        refusal="The anchor's strength is {value:g}; give a number from 0 to 1.",
    )  # fmt: skip
    section_frames: int | None = option(
        None, help="Frames that are made at once; a longer video is made of overlapping sections of them.",
        group="video", metavar="N", unit="frames", minimum=1, maximum=MAX_FRAMES, replayed=True,
        refusal=f"Sections of {{value}} frames make no video; give 1 to {MAX_FRAMES:,}.",
    )  # fmt: skip
    image_reach: int | None = option(
        None, help="Only so many latent frames to either side of the image's read its tokens; all unless given.",
        group="video", metavar="N", minimum=0, replayed=True,
        refusal="A reach of {value} latent frames is none; give 0 or more.",
    )  # fmt: skip
    use_adapter: bool = option(
        True, help="With the model's AlignFormer and LoRA, where it has them.", group="video", replayed=True
    )

    fps: float | None = option(
        None, help="Playback speed only; the story's own pace unless given.", group="playback", metavar="X",
        unit="frames per second", minimum=MIN_FPS, maximum=1000, replayed=True, resolved=True,
        refusal=f"{{value:g}} frames per second cannot be played; give a number from {MIN_FPS} to 1000.",
    )  # fmt: skip
    embed: bool = option(True, help="Keep the prepared image in the MP4's record.", group="playback")
    verify: int = option(
        0, help="Let the narrator's model look at the video, and make what did not come out again, at most N times.",
        group="playback", metavar="N", minimum=0, maximum=MAX_ROUNDS,
        refusal=f"{{value}} rounds of verifying do not work; give 0 to {MAX_ROUNDS}.",
    )  # fmt: skip

    @property
    def width_and_height(self) -> tuple[int, int] | None:
        """Of the frames, where ``size`` names both."""
        sides = self._sides()
        return (sides[0], sides[1]) if len(sides) == 2 else None

    @property
    def area(self) -> int | None:
        """Pixels of a frame, where ``size`` names one side of a square; the image gives the aspect."""
        sides = self._sides()
        return sides[0] ** 2 if len(sides) == 1 else None

    def job(self) -> dict[str, int | float | None]:
        """What decides the memory and the work, as ``planning.job_of`` takes it; None is the model's own."""
        sides = self._sides()
        return {
            "num_frames": self.num_frames,
            "width": sides[0] if sides else None,
            "height": sides[-1] if sides else None,
            "num_inference_steps": self.num_inference_steps,
            "guidance_scale": self.guidance_scale,
            "guidance_stop": self.guidance_stop,
            "section_frames": self.section_frames,
        }

    def _sides(self) -> list[int]:
        return [int(side) for side in re.split("[xX×]", self.size)] if self.size is not None else []


@dataclass(frozen=True, kw_only=True)
class RedoRequest(Request):
    """Which clip of a finished video is made again, and how; all else is as the video's record says.

    Raises:
        InputError: a value is of another type or outside its range; names it and the fix.
    """

    clip: int = option(
        help="The clip that is made again, counted from 1.", group="story", metavar="N", minimum=1, maximum=MAX_FRAMES,
        refusal="There is no clip {value}; clips count from 1.",
    )  # fmt: skip
    text: str | None = option(
        None, help="What the clip shows instead.", group="story", metavar="TEXT", max_length=MAX_PROMPT,
        refusal=f"The text has {{length:,}} characters; shorten it to {MAX_PROMPT:,}.",
    )  # fmt: skip
    seed: int | None = option(
        None, help="Of the clip's noise; the video's own with a new text, else the next one.", group="video",
        metavar="N", minimum=0, maximum=MAX_SEED,
        refusal="The seed {value} is outside 0..2^32-1; give one in that range.",
    )  # fmt: skip

    def check_clip(self, clips: int) -> None:
        """Raise ``InputError`` unless a story of so many clips has the one that is named."""
        if self.clip > clips:
            raise InputError(f"There is no clip {self.clip}; the video's story has clips 1..{clips}.")
