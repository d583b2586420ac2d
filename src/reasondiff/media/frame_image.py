"""A picture with the place that it is to have in a video."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image

from reasondiff.narrative.place import Place

__all__ = ["FrameImage"]


@dataclass(frozen=True)
class FrameImage:
    """One of the images of a video.

    Args:
        image: any size; it is brought to the video's.
        place: where it is to be; found by the narrator unless given.
    """

    image: Image.Image = field(repr=False)
    place: Place = field(default_factory=Place)
