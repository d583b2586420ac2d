"""The record of a video: what a request became, written into the MP4, and read from there as a request."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from reasondiff import __version__
from reasondiff.errors import InputError
from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.options import options_of
from reasondiff.jobs.request import MAX_SEED, VideoRequest

if TYPE_CHECKING:
    from reasondiff.media import GenerationRecord
    from reasondiff.pipeline import Settings

__all__ = ["REDONE", "inputs_of", "recorded_options", "request_of", "resolved", "versions"]

REDONE = "redone"
"""The option of a record that says which clips were made again, of which video, as JSON; no replay can do that."""

Request = TypeVar("Request", bound=VideoRequest)


def resolved(request: Request, settings: Settings, *, fps: float) -> Request:
    """The request with what the model, the story and the image decided: as given again, it needs none of them.

    Args:
        request: as it was given.
        settings: what the pipeline made of it.
        fps: of playback.
    """
    known: dict[str, Any] = {"size": f"{settings.width}x{settings.height}", "fps": fps}
    for name in options_of(type(request)):
        if hasattr(settings, name):
            known[name] = getattr(settings, name)
    if known["guidance_scale_2"] == known["guidance_scale"]:
        known["guidance_scale_2"] = None  # models with one transformer take none
    return replace(request, **known)


def recorded_options(request: VideoRequest) -> dict[str, str | int | float | bool | None]:
    """Those options of a resolved request that a replay takes from the record, as JSON scalars."""
    known = options_of(type(request))
    return {name: each.write(getattr(request, name)) for name, each in known.items() if each.about.replayed}


def request_of(record: GenerationRecord, video: Path, kind: type[Request]) -> Request:
    """The request that a record holds, read as strictly as any: a video may come from anywhere.

    Its model, adapter, transformer and revision are what the video names; whether to trust them is the caller's part.

    Args:
        record: from a video.
        video: where it lies; the record holds the image.
        kind: the class of the request.

    Raises:
        InputError: an option is missing, of another type or outside its range, or not that of the hashed frames.
    """
    held = dict(record.options)
    if "width" in held and "height" in held:
        held["size"] = f"{held['width']}x{held['height']}"
    if held.get("guidance_scale_2") == held.get("guidance_scale"):
        held["guidance_scale_2"] = None
    held.setdefault("section_frames", held.get("num_frames"))  # earlier releases made any video at once
    held.setdefault("guidance_stop", 1.0)  # and guided every step
    values: dict[str, Any] = {}
    for name, each in options_of(kind).items():
        if not each.about.replayed:
            continue
        value = each.read(held.get(name, each.default))
        try:
            if value is None and each.about.resolved:
                raise InputError("It is missing.")
            each.check(value)
        except InputError as error:
            raise InputError(
                f"The video's record has an impossible {name!r} ({str(error).rstrip('.')}); use an unedited copy of "
                "the video."
            ) from None
        values[name] = value
    if values["num_frames"] != len(record.frame_sha256):
        raise InputError("The video's record is for another video; use an unedited copy.")
    seed = record.seed & MAX_SEED  # earlier releases took more bits, of which the generator read these
    values |= {"model": record.model, "seed": seed, "embed": record.image is not None}
    return kind(image=video, prompt=record.prompt, **values)


def inputs_of(record: GenerationRecord, request: VideoRequest, image: Path | None = None) -> Inputs:
    """What a video was made from: the story as it was told, and its prepared images.

    Args:
        record: from the video.
        request: of the same record.
        image: the user's own image, prepared again, instead of the one in the record.

    Raises:
        InputError: the record does not hold the images.
    """
    from reasondiff.media import fit_image, load_image
    from reasondiff.media.frame_image import FrameImage
    from reasondiff.narrative import Narrative

    frame_images: tuple[FrameImage, ...] = ()
    if image is None:
        picture, *more = record.open_images()
        if len(more) < len(record.more_sha256):
            raise InputError("The record holds not all images of its story; make the video anew from them.")
        if more:  # the story says where each of them is
            frame_images = tuple(map(FrameImage, (picture, *more)))
    elif record.more_sha256:
        raise InputError("The video's story has several images; leave --image out, or make it anew from them.")
    else:
        width, height = request.width_and_height or (0, 0)
        picture = fit_image(load_image(image), width, height, request.fit)
    return Inputs(picture, record.prompt, Narrative.from_dict(dict(record.narrative)), frame_images)


def versions() -> dict[str, str]:
    """Of this program, of Python and of the libraries that compute."""
    libraries = ("torch", "diffusers", "transformers", "numpy", "pillow", "av")
    ours = {"reasondiff": __version__, "python": platform.python_version()}
    return ours | {name: version(name) for name in libraries}
