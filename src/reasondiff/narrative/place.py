"""Where a given image is to be: somewhere that the narrator finds, at an end of the video, or at a frame.

The words of the values are those that servers of the OpenRouter kind use (``frame_images``); ``frame_index`` and
``auto`` are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from reasondiff.errors import InputError
from reasondiff.narrative.story import Narrative
from reasondiff.timeline import Timeline

__all__ = ["FrameType", "Place", "check_images", "pinned_frames", "place_images", "split_place"]

FrameType = Literal["auto", "first_frame", "last_frame", "frame_index"]

_WORDS: Mapping[str, FrameType] = {"auto": "auto", "first": "first_frame", "last": "last_frame"}


@dataclass(frozen=True)
class Place:
    """Where an image is to be.

    Args:
        frame_type: found by the narrator, or pinned.
        frame_index: of ``frame_index``, 0-based.

    Raises:
        InputError: an index without ``frame_index``, or the other way round.
    """

    frame_type: FrameType = "auto"
    frame_index: int | None = None

    def __post_init__(self) -> None:
        if (self.frame_type == "frame_index") != (self.frame_index is not None):
            raise InputError(f"An image at {self.frame_type!r} has the index {self.frame_index}; give both or neither.")

    @classmethod
    def read(cls, text: str) -> Self:
        """From what is written after an image's name: ``auto``, ``first``, ``last``, or a position counted from 1.

        Raises:
            InputError: it is none of these.
        """
        if text in _WORDS:
            return cls(_WORDS[text])
        if re.fullmatch("[1-9][0-9]{0,4}", text):
            return cls("frame_index", int(text) - 1)
        raise InputError(f"An image cannot be at {text!r}; write @auto, @first, @last or a position such as @20.")

    def frame_in(self, num_frames: int) -> int | None:
        """The frame of a video of so many, 0-based; None where the narrator will say.

        Raises:
            InputError: it is beyond the end.
        """
        if self.frame_type == "auto":
            return None
        if self.frame_type == "first_frame":
            return 0
        if self.frame_type == "last_frame":
            return num_frames - 1
        assert self.frame_index is not None
        if self.frame_index >= num_frames:
            raise InputError(
                f"An image is pinned to position {self.frame_index + 1}, and the video has {num_frames} frames; pin it "
                f"to 1..{num_frames}."
            )
        return self.frame_index


def split_place(given: str) -> tuple[Path, Place]:
    """A path with a place after ``@``, as on the command line; a file of that whole name is a path alone."""
    path, at, place = given.rpartition("@")
    if not at or not path or "/" in place or "." in place or Path(given).exists():
        return Path(given), Place()
    return Path(path), Place.read(place)


def pinned_frames(places: Sequence[Place], num_frames: int) -> dict[int, int]:
    """The frames of the images that are pinned, by the images' numbers.

    Raises:
        InputError: one is beyond the end, or two are pinned to one frame.
    """
    pinned: dict[int, int] = {}
    for number, place in enumerate(places):
        frame = place.frame_in(num_frames)
        if frame is None:
            continue
        if frame in pinned.values():
            raise InputError(f"Two images are pinned to position {frame + 1}; give each a position of its own.")
        pinned[number] = frame
    return pinned


def place_images(narrative: Narrative, places: Sequence[Place]) -> Narrative:
    """The story with every image in its place: where it is pinned, else where the story has it.

    Raises:
        InputError: an image has no place or is not there, or two have the same one.
    """
    frames = {anchor.image: anchor.frame for anchor in narrative.anchors}
    frames |= pinned_frames(places, narrative.num_frames)
    for number in range(len(places)):
        if number not in frames:
            raise InputError(f"The story places no image {number + 1}; pin it, such as IMAGE@20, or add its anchor.")
    if unknown := sorted(set(frames) - set(range(len(places)))):
        raise InputError(f"The story places image {unknown[0] + 1}, and {len(places)} were given; give it, too.")
    if len(set(frames.values())) < len(frames):
        twice = next(frame for frame in frames.values() if list(frames.values()).count(frame) > 1)
        raise InputError(f"Two images are at position {twice + 1}; give each a position of its own.")
    return narrative.with_images(frames)


def check_images(count: int, timeline: Timeline) -> None:
    """Raise ``InputError`` where a video cannot hold so many images."""
    if count > (most := timeline.num_latent_frames):
        raise InputError(
            f"There are {count} images for {most} latent frames of {timeline.num_frames} frames; give at most {most}."
        )
