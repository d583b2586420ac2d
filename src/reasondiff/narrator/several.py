"""The story of several images, whoever tells it: some narrators place all images together, others one at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from PIL import Image

from reasondiff.errors import UnsupportedError
from reasondiff.narrative import Narrative
from reasondiff.narrator.base import NarratesImages, Narrator

__all__ = ["narrate_images"]

logger = logging.getLogger(__name__)


def narrate_images(
    narrator: Narrator,
    images: Sequence[Image.Image],
    prompt: str,
    *,
    num_frames: int,
    interval: float,
    pinned: Mapping[int, int],
) -> Narrative:
    """Ask for all images together; a narrator that takes one is asked of each that is not pinned, which is logged.

    Args:
        narrator: to be asked.
        images: in any order.
        prompt: the user's text.
        num_frames: f.
        interval: seconds between frames.
        pinned: frames of images that are placed already, by number, both 0-based.

    Returns:
        A narrative with an anchor for each image; ideas beside it only where the narrator placed all images in them.

    Raises:
        NarrationError: no usable story came back.
        ProviderError: the model could not be asked.
    """
    if isinstance(narrator, NarratesImages):
        try:
            return narrator.narrate_images(images, prompt, num_frames=num_frames, interval=interval, pinned=pinned)
        except UnsupportedError:
            pass
    logger.warning("The narrator %s places one image at a time, so each image was asked about alone.", narrator.name)
    stories = {
        number: narrator.narrate(image, prompt, num_frames=num_frames, interval=interval)
        for number, image in enumerate(images)
        if number not in pinned or len(pinned) == len(images)
    }
    told = stories[min(stories)]
    places = dict(pinned)
    for number in sorted(set(stories) - set(pinned)):
        wanted = stories[number].anchor_frame
        free = (frame for frame in range(num_frames) if frame not in places.values())
        places[number] = min(free, key=lambda frame: abs(frame - wanted))
    whole = {name: value for name, value in told.provenance.items() if name not in ("candidates", "verdicts")}
    return replace(told, provenance=whole).with_images(places)
