"""What a run is made with: every option, resolved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypedDict, get_args

from reasondiff.backends.base import Guidance
from reasondiff.backends.defaults import Defaults
from reasondiff.errors import InputError
from reasondiff.media import Fit, frame_size
from reasondiff.narrative.frame_plan import TextMode

__all__ = ["Options", "Settings", "check_tokens", "frame_size", "resolve"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every option of a run, resolved; giving them again with the same narratives and seed repeats the run.

    Args:
        num_frames: pixel frames.
        interval: seconds between them.
        width: of the frames.
        height: of the frames.
        num_inference_steps: denoising steps.
        guidance_scale: of classifier-free guidance; 1 or less computes no negative branch.
        guidance_scale_2: the same for a second, low-noise transformer.
        guidance_stop: share of the steps, from the first on, that are guided; the others compute no negative branch.
        negative_prompt: what guidance leads away from.
        max_sequence_length: text tokens per prompt, padding included.
        num_videos_per_prompt: videos of each story, each from its own seed.
        fit: how the image is brought to the frame's size: "crop", "letterbox" or "stretch".
        text_mode: how the transformer reads text, see ``TextMode``.
        image_reach: of a model whose transformer reads an image encoder's tokens, only so many latent frames to either
            side of the image's read them; None for all.
        use_adapter: with the model's AlignFormer and LoRA, where it has them; False runs the base model.
        shortest_clip: seconds; shorter clips of the story are merged. 0 merges none.
        anchor_strength: how much the video keeps to its images, 0 to 1; less than 1 is for models that can.
        section_frames: frames that are made at once; a longer video is made of sections of this length. None for any.

    Raises:
        InputError: names the value and the fix.
    """

    num_frames: int
    interval: float
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    guidance_scale_2: float
    guidance_stop: float = 1.0
    negative_prompt: str
    max_sequence_length: int
    num_videos_per_prompt: int = 1
    fit: Fit = "crop"
    text_mode: TextMode = "framewise"
    image_reach: int | None = None
    use_adapter: bool = True
    shortest_clip: float = 0.0
    anchor_strength: float = 1.0
    section_frames: int | None = None

    def __post_init__(self) -> None:
        if self.num_inference_steps < 1:
            raise InputError(f"{self.num_inference_steps} denoising steps make no video; give 1 or more.")
        if self.num_videos_per_prompt < 1:
            raise InputError(f"{self.num_videos_per_prompt} videos per prompt are none; give 1 or more.")
        if self.max_sequence_length < 1:
            raise InputError(f"Prompts of {self.max_sequence_length} tokens say nothing; give 1 or more.")
        for scale in (self.guidance_scale, self.guidance_scale_2):
            if not math.isfinite(scale):
                raise InputError(f"The guidance scale is {scale}; give a number, such as 5.")
        if not 0 <= self.guidance_stop <= 1:
            raise InputError(f"Guidance for {self.guidance_stop} of the steps is no share; give 0 to 1.")
        if not 0 <= self.shortest_clip < math.inf:
            raise InputError(f"The shortest clip is {self.shortest_clip} s; give 0 or more seconds.")
        if self.image_reach is not None and self.image_reach < 0:
            raise InputError(f"A reach of {self.image_reach} latent frames is none; give 0 or more.")
        for value, choices in ((self.text_mode, TextMode), (self.fit, Fit)):
            if value not in get_args(choices):
                raise InputError(f"{value!r} is unknown; give one of {', '.join(get_args(choices))}.")

    @property
    def guidance(self) -> Guidance:
        """As a model takes it."""
        return Guidance(self.guidance_scale, self.guidance_scale_2, self.guidance_stop)

    @property
    def at_once(self) -> int:
        """Frames that are made at once."""
        return self.num_frames if self.section_frames is None else min(self.num_frames, self.section_frames)

    @property
    def guided(self) -> bool:
        """Whether a negative branch is computed."""
        return max(self.guidance_scale, self.guidance_scale_2) > 1 and self.guidance.at(0, self.num_inference_steps)


class Options(TypedDict, total=False):
    """Fields of ``Settings`` as a user gives them; None or absent stands for the default."""

    num_frames: int | None
    width: int | None
    height: int | None
    fit: Fit | None
    text_mode: TextMode | None
    image_reach: int | None
    use_adapter: bool | None
    num_inference_steps: int | None
    guidance_scale: float | None
    guidance_scale_2: float | None
    guidance_stop: float | None
    negative_prompt: str | None
    max_sequence_length: int | None
    num_videos_per_prompt: int | None
    shortest_clip: float | None
    anchor_strength: float | None
    section_frames: int | None


def resolve(given: Options, model: Defaults, image: tuple[int, int], multiple: int, num_frames: int | None) -> Settings:
    """Fill in what was not given (None): from the image, the narrative, the model.

    Args:
        given: by the user.
        model: its defaults.
        image: width and height.
        multiple: pixels per token of the transformer.
        num_frames: of the narrative, where there is one.

    Raises:
        InputError: names the value and the fix.
        TypeError: an option that there is not.
    """
    known: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if unknown := sorted(set(known) - set(Options.__annotations__)):
        raise TypeError(f"{unknown[0]!r} is no option; the options are {', '.join(Options.__annotations__)}.")
    for key in ("num_inference_steps", "guidance_scale", "guidance_stop", "negative_prompt", "shortest_clip"):
        known.setdefault(key, getattr(model, key))
    known.setdefault("num_frames", num_frames or model.num_frames)
    known.setdefault("guidance_scale_2", known["guidance_scale"])
    width: Any = known.get("width")
    height: Any = known.get("height")
    if width is None and height is None:
        width, height = frame_size(image, model.area, multiple)
    elif width is None:
        width = _nearest(height * image[0] / image[1], multiple)
    elif height is None:
        height = _nearest(width * image[1] / image[0], multiple)
    return Settings(interval=model.interval, **(known | {"width": width, "height": height}))


def check_tokens(width: int, height: int, multiple: int) -> None:
    """Raise ``InputError`` unless a frame divides into a transformer's tokens; the size that it names is the nearest.

    Asked after whether the model has a place for the size at all, so that what is named can be given.
    """
    near = _nearest(width, multiple), _nearest(height, multiple)
    if near != (width, height):
        raise InputError(
            f"The size {width}x{height} does not divide into {multiple}x{multiple} pixels; give {near[0]}x{near[1]}."
        )


def _nearest(length: float, multiple: int) -> int:
    return max(1, round(length / multiple)) * multiple
