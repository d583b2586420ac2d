"""From a clip whose every frame is known to a case: which image is given, and which text (Sec. 4.1, App. B.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.bench.layout import BuiltCase

__all__ = ["IMAGE_AT", "TrueClip", "chance", "paired_case", "unpaired_case", "user_case"]

IMAGE_AT = (("first frame given", "image_at", "first"), ("last frame given", "image_at", "last"))
"""The groups of an unpaired benchmark."""


@dataclass(frozen=True)
class TrueClip:
    """A clip of which all is known.

    Args:
        frames: uint8 [frames, height, width, 3], RGB.
        fps: at which they are shown.
        captions: one per frame; none where nothing tells them.
        caption: of the whole clip; empty where nothing tells it.
        origin: where it comes from.
        style: a text that belongs to every caption.
        strata: groups that a case of it is counted in.
        world: which drawn story it is.
    """

    frames: np.ndarray = field(repr=False)
    fps: float
    captions: tuple[str, ...] = ()
    caption: str = ""
    origin: str = ""
    style: str = ""
    strata: Mapping[str, str | bool] = field(default_factory=dict)
    world: Mapping[str, str | int] = field(default_factory=dict)


def chance(*parts: object) -> float:
    """A number from 0 to below 1 that depends on nothing but ``parts``, on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def unpaired_case(clip: TrueClip, number: int, seed: int) -> BuiltCase:
    """The clip's first or last frame, by chance, and the caption of the opposite end.

    Raises:
        InputError: the clip has no caption of that end.
    """
    last = len(clip.frames) - 1
    frame = 0 if chance(seed, clip.origin, "image") < 0.5 else last
    if not clip.captions:
        raise InputError(f"{clip.origin} has no captions of its frames; name a model for them by --captioner.")
    strata = {**clip.strata, "image_at": "first" if frame == 0 else "last"}
    return _case(clip, number, frame, clip.captions[last - frame], strata)


def paired_case(clip: TrueClip, number: int) -> BuiltCase:
    """The clip's first frame and the caption of the whole of it.

    Raises:
        InputError: nothing tells the whole clip.
    """
    return _case(clip, number, 0, clip.caption, clip.strata)


def user_case(clip: TrueClip, number: int, frame: int, prompt: str) -> BuiltCase:
    """Any frame of the clip, and what a user would type."""
    return _case(clip, number, frame, prompt, clip.strata)


def _case(clip: TrueClip, number: int, frame: int, prompt: str, strata: Mapping[str, str | bool]) -> BuiltCase:
    return BuiltCase(
        id=f"{number:04d}",
        image=Image.fromarray(clip.frames[frame]),
        prompt=prompt,
        seed=number,
        frames=clip.frames,
        fps=clip.fps,
        caption=clip.caption,
        captions=clip.captions,
        frame=frame,
        style=clip.style,
        strata=strata,
        origin=clip.origin,
        world=clip.world,
    )
