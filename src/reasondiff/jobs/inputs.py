"""What a video is to be made from, read and checked before the long work begins."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reasondiff.checkpoints import find_model, hub_id
from reasondiff.errors import CheckpointError, InputError
from reasondiff.jobs.options import options_of
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from PIL import Image

    from reasondiff.media.frame_image import FrameImage
    from reasondiff.narrative import Narrative

__all__ = ["Inputs", "check_names", "clean_prompt", "image_files", "narrator_file"]


@dataclass(frozen=True)
class Inputs:
    """An image and a text, or a story instead of a text.

    Args:
        image: in mode RGB.
        prompt: the user's text; may be empty where there is a story.
        narrative: told already, or None to ask the narrator.
        frame_images: all images with their places, ``image`` first; () for that one alone, placed by nobody yet.
    """

    image: Image.Image = field(repr=False)
    prompt: str
    narrative: Narrative | None = None
    frame_images: tuple[FrameImage, ...] = field(default=(), repr=False)

    @classmethod
    def read(cls, request: VideoRequest) -> Inputs:
        """From the files that a request names.

        Raises:
            InputError: one of them cannot be used.
        """
        from reasondiff.media import load_image
        from reasondiff.media.frame_image import FrameImage
        from reasondiff.narrative.formats import read_narrative
        from reasondiff.narrative.place import Place, split_place

        prompt = clean_prompt(request.prompt)
        if not prompt and request.narrative is None:
            raise InputError("The prompt is empty; say in a few words what should happen.")
        given = [split_place(name) for name in (str(request.image), *request.more_images)]
        images = [FrameImage(load_image(path), place) for path, place in given]
        alone = len(images) == 1 and images[0].place == Place()
        return cls(
            image=images[0].image,
            prompt=prompt,
            narrative=read_narrative(request.narrative) if request.narrative is not None else None,
            frame_images=() if alone else tuple(images),
        )


def image_files(request: VideoRequest) -> tuple[Path, ...]:
    """The files of a request's images."""
    from reasondiff.narrative.place import split_place

    return tuple(split_place(name)[0] for name in (str(request.image), *request.more_images))


def clean_prompt(text: str) -> str:
    """The prompt without control characters and outer space.

    Raises:
        InputError: it is too long, or no text.
    """
    options_of(VideoRequest)["prompt"].check(text)
    if any("\ud800" <= character <= "\udfff" for character in text):  # bytes of the shell that are not UTF-8
        raise InputError(f"The prompt {text[:40]!r} is not UTF-8 text; type it again.")
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def narrator_file(narrator: str | None) -> Path | None:
    """The file that a narrator of this name reads, if it reads one."""
    source, _, place = (narrator or "").partition(":")
    return Path(place) if source in ("file", "scripted") else None


def check_names(request: VideoRequest) -> None:
    """Refuse a mistyped name of what a session loads within milliseconds, before torch is imported.

    Raises:
        InputError: there is no such preset or file of ratios, or a scale without a LoRA.
        CheckpointError: there is no such model, adapter, LoRA or transformer.
    """
    from reasondiff.planning.presets import preset

    found = find_model(request.model)
    if request.revision is not None and Path(found).is_dir():
        raise InputError(f"A revision is for models on the hub, and {found!r} is a folder; leave it out.")
    if request.preset is not None:
        preset(request.preset)
    for place in (request.adapter, request.lora):
        if place is not None and not Path(place).exists() and not hub_id(place.split("@")[0]):
            raise CheckpointError(f"There is no {place!r}; give a folder, or a hub id such as owner/name.")
    if request.lora is None and request.lora_scale != 1:
        raise InputError(f"There is no LoRA to take at scale {request.lora_scale:g}; give it as --lora.")
    if request.transformer is not None and not request.transformer.is_file():
        raise CheckpointError(f"There is no {str(request.transformer)!r}; give a .safetensors or .gguf file.")
    if request.mag_ratios is not None and not request.mag_ratios.exists():
        raise InputError(f"There is no {str(request.mag_ratios)!r}; write one with 'reasondiff calibrate'.")
